"""Reads of handovers: reports that add up, successors, who is left, leavers nobody has handled."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.accounts.actor import Actor
from apps.handovers import reasons
from apps.handovers.models import HandoverItem, HandoverRun
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Store

State = HandoverItem.State
# what is left for a person to look at
REST = (State.REFUSED, State.FULL, State.CANNOT, State.LEFT)


@dataclass(frozen=True, slots=True)
class Report:
    """planned = done + waiting + refused + full + cannot + left. Of those waiting, `unknown` are
    being looked up because an answer was lost."""

    planned: int = 0
    done: int = 0
    waiting: int = 0
    unknown: int = 0
    refused: int = 0
    full: int = 0
    cannot: int = 0
    left: int = 0

    @property
    def rest(self) -> int:
        return self.refused + self.full + self.cannot + self.left

    @property
    def adds_up(self) -> bool:
        return self.planned == self.done + self.waiting + self.rest

    @property
    def percent(self) -> int:
        """Of everybody, those who have an end that needs nobody any more."""
        return round(100 * self.done / self.planned) if self.planned else 100


def reports_of(run_ids: Collection[int]) -> dict[int, Report]:
    """A report for each run, in one query."""
    rows = HandoverItem.objects.current().filter(run_id__in=run_ids).order_by()
    counted: dict[int, Counter[str]] = {pk: Counter() for pk in run_ids}
    for run_id, state, n in rows.values_list("run_id", "state").annotate(n=Count("pk")):
        counted[run_id][state] = n
    return {pk: _report(found) for pk, found in counted.items()}


def _report(found: Counter[str]) -> Report:
    on_way = (State.PLANNED, State.QUEUED, State.UNKNOWN, State.WAITING)
    return Report(
        planned=found.total(),
        done=found[State.DONE],
        waiting=sum(found[state] for state in on_way),
        unknown=found[State.UNKNOWN],
        refused=found[State.REFUSED],
        full=found[State.FULL],
        cannot=found[State.CANNOT],
        left=found[State.LEFT],
    )


def report_of(run: HandoverRun) -> Report:
    return reports_of([run.pk])[run.pk]


@dataclass(frozen=True, slots=True)
class Successor:
    """One who takes over: how many in all, and how many of them are there."""

    guide: Guide
    planned: int
    done: int
    without_friend: int


def successors_of(run: HandoverRun) -> list[Successor]:
    """Who takes over how many, the most first; one query for the counts, one for the names."""
    rows = run.items.current().exclude(takeover=None).order_by()
    counted: dict[int, Counter[str]] = {}
    for guide_id, state, external in rows.values_list("takeover_id", "state", "external_userid"):
        found = counted.setdefault(guide_id, Counter())
        found["planned"] += 1
        found["done"] += state == State.DONE
        found["without"] += not external
    guides = Guide.objects.in_bulk(counted)
    return sorted(
        (Successor(guides[pk], n["planned"], n["done"], n["without"]) for pk, n in counted.items()),
        key=lambda one: (-one.planned, one.guide.name),
    )


def items_of(run: HandoverRun, *, states: Iterable[str] = ()) -> QuerySet[HandoverItem]:
    """The customers of a run with member and successor; those in these states, if any are given."""
    rows = run.items.current().select_related("member", "takeover")
    wanted = list(states)
    return (rows.filter(state__in=wanted) if wanted else rows).order_by("state", "pk")


def sentence_of(item: HandoverItem) -> str:
    """Why the customer is where they are: the reason, else the state in words."""
    return reasons.sentence(item.reason) or str(item.get_state_display())


# --- lists ----------------------------------------------------------------------------------------


def runs(*, actor: Actor) -> QuerySet[HandoverRun]:
    """Runs the actor sees, those that need somebody first, then the latest."""
    rows = HandoverRun.objects.visible_to(actor).exclude(state=HandoverRun.State.DROPPED)
    return rows.select_related("guide", "store", "to_store").order_by("-planned_at", "-pk")


def waiting_for(*, actor: Actor) -> list[HandoverRun]:
    """Handovers between owners that wait for this actor's word, with their stores."""
    rows = HandoverRun.objects.waiting_for(actor).select_related(
        "guide", "store__legal_entity", "to_store__legal_entity"
    )
    return list(rows.order_by("planned_at", "pk"))


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who has left and still has customers in a store; no handover runs for them."""

    guide: Guide
    store: Store
    served: int
    friends: int


def leavers_without_run(*, actor: Actor, limit: int = 50) -> list[Leaver]:
    """Who has left, still serves members of a store the actor sees, and is not being handed over;
    the latest first, three queries."""
    theirs = ServingPeriod.objects.current().filter(guide__status=Guide.Status.LEFT)
    if not actor.sees_all:
        theirs = theirs.filter(store__in=Store.objects.visible_to(actor).values("pk"))
    busy = HandoverRun.objects.unfinished().filter(
        guide_id=OuterRef("guide_id"), store_id=OuterRef("store_id")
    )
    friend = FollowRelation.objects.current().filter(
        member_id=OuterRef("member_id"), guide_id=OuterRef("guide_id")
    )
    rows = list(
        theirs.filter(~Exists(busy))
        .annotate(is_friend=Exists(friend))
        .order_by("-guide__left_at", "guide_id", "store_id")
        .values("guide_id", "store_id")
        .annotate(n=Count("pk"), friends=Count("pk", filter=Q(is_friend=True)))[:limit]
    )
    guides = Guide.objects.in_bulk([row["guide_id"] for row in rows])
    stores = Store.objects.in_bulk([row["store_id"] for row in rows])
    return [
        Leaver(guides[row["guide_id"]], stores[row["store_id"]], row["n"], row["friends"])
        for row in rows
    ]


# --- losses --------------------------------------------------------------------------------------

# WeCom may tell a transfer as a deletion before its list says that the customer went over
_HANDED_OVER = (State.QUEUED, State.UNKNOWN, State.WAITING, State.DONE)


def lost_friendships(*, since: datetime, until: datetime) -> QuerySet[FollowRelation]:
    """Friendships that a customer or a guide ended in the time. A handover is no loss, nor is what
    only the comparison with WeCom found ended: nobody knows whose wish that was."""
    ended_by = FollowRelation.EndedBy
    moved = HandoverItem.objects.filter(
        guide_id=OuterRef("guide_id"),
        external_userid=OuterRef("external_userid"),
        state__in=_HANDED_OVER,
        called_at__lte=OuterRef("until"),
        called_at__gte=OuterRef("until") - timedelta(days=2),
    )
    return FollowRelation.objects.filter(
        ended_by__in=[ended_by.CUSTOMER, ended_by.GUIDE], until__gte=since, until__lt=until
    ).filter(Q(ended_by=ended_by.CUSTOMER) | ~Exists(moved))
