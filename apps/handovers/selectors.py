"""Reads of handovers: reports that add up, successors, who is left, leavers nobody has handled."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    DateField,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.customer_groups.models import CustomerGroup
from apps.handovers import reasons
from apps.handovers.models import (
    HandoverGroup,
    HandoverItem,
    HandoverRun,
    OwnershipClaim,
    Reassignment,
    UnassignedLeaver,
)
from apps.members.models import FollowRelation, ServingPeriod
from apps.orders.models import Order
from apps.stores.models import Guide, Posting, Store

State = HandoverItem.State
# what is left for a person to look at
REST = (State.REFUSED, State.FULL, State.CANNOT, State.LEFT)
GROUP_REST = (HandoverGroup.State.CANNOT, HandoverGroup.State.LEFT)


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


def group_reports_of(run_ids: Collection[int]) -> dict[int, Report]:
    """The same of each run's groups, in one query."""
    rows = HandoverGroup.objects.current().filter(run_id__in=run_ids).order_by()
    counted: dict[int, Counter[str]] = {pk: Counter() for pk in run_ids}
    for run_id, state, n in rows.values_list("run_id", "state").annotate(n=Count("pk")):
        counted[run_id][state] = n
    return {pk: _report(found) for pk, found in counted.items()}


def group_report_of(run: HandoverRun) -> Report:
    return group_reports_of([run.pk])[run.pk]


def groups_of(run: HandoverRun) -> QuerySet[HandoverGroup]:
    """The groups of a run with their successors: first what is left to a person."""
    rest = Case(When(state__in=GROUP_REST, then=Value(0)), default=Value(1))
    rows = run.groups.current().select_related("group", "takeover")
    return rows.order_by(rest, "pk")


def group_sentence_of(row: HandoverGroup) -> str:
    """Why the group is where it is: the reason, else the state in words."""
    return reasons.group_sentence(row.reason) or str(row.get_state_display())


@dataclass(frozen=True, slots=True)
class Successor:
    """One who takes over: how many in all, how many of them are there, and how many groups."""

    guide: Guide
    planned: int
    done: int
    without_friend: int
    groups: int


def successors_of(run: HandoverRun) -> list[Successor]:
    """Who takes over how many, the most first; two queries for the counts, one for the names."""
    rows = run.items.current().exclude(takeover=None).order_by()
    counted: dict[int, Counter[str]] = {}
    for guide_id, state, external in rows.values_list("takeover_id", "state", "external_userid"):
        found = counted.setdefault(guide_id, Counter())
        found["planned"] += 1
        found["done"] += state == State.DONE
        found["without"] += not external
    groups = run.groups.current().exclude(takeover=None).order_by().values_list("takeover_id")
    for guide_id, n in groups.annotate(n=Count("pk")):
        counted.setdefault(guide_id, Counter())["groups"] = n
    guides = Guide.objects.in_bulk(counted)
    return sorted(
        (
            Successor(guides[pk], n["planned"], n["done"], n["without"], n["groups"])
            for pk, n in counted.items()
        ),
        key=lambda one: (-one.planned, -one.groups, one.guide.name),
    )


def items_of(run: HandoverRun, *, states: Iterable[str] = ()) -> QuerySet[HandoverItem]:
    """The customers of a run with member and successor; those in these states, if any are given."""
    rows = run.items.current().select_related("member", "takeover")
    wanted = list(states)
    return (rows.filter(state__in=wanted) if wanted else rows).order_by("state", "pk")


def sentence_of(item: HandoverItem) -> str:
    """Why the customer is where they are: the reason, else the state in words."""
    return reasons.sentence(item.reason) or str(item.get_state_display())


def owned_groups(*, guide: Guide, store: Store) -> QuerySet[CustomerGroup]:
    """The living groups the guide owns in the store; of who works elsewhere by now also those
    that began here. What is on its way by another run, whoever gives it there, goes on there."""
    on_way = HandoverGroup.objects.open().values("group_id")
    owned = CustomerGroup.objects.living().filter(owner=guide).exclude(pk__in=on_way)
    opened_on = TruncDate("opened_at", tzinfo=clock.chain_tz(), output_field=DateField())
    began_here = Posting.objects.filter(
        guide=guide, store=store, during__contains=OuterRef("opened_on")
    )
    return (
        owned.annotate(opened_on=opened_on)
        .filter(Q(store=store) | Exists(began_here))
        .order_by("pk")
    )


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
    """Somebody who has left and still has customers or groups in a store; no handover runs for
    them. `alone` are friends whom somebody else serves, or nobody; `in_wecom` is how many WeCom's
    list names of this guide, wherever they are served, that are nowhere on their way."""

    guide: Guide
    store: Store
    served: int
    friends: int
    alone: int
    groups: int
    in_wecom: int | None


def leavers_without_run(*, actor: Actor, limit: int = 50) -> list[Leaver]:
    """Who has left, still serves members of a store the actor sees, is somebody's friend or owns
    groups there, and is not being handed over; the latest first, seven queries."""
    customers = _leavers_customers(actor, limit)
    alone = _leavers_friends(actor, limit)
    groups = _leavers_groups(actor, limit)
    keys = {**customers, **alone, **groups}
    guides = Guide.objects.in_bulk({guide_id for guide_id, _store in keys})
    stores = Store.objects.in_bulk({store_id for _guide, store_id in keys})
    listed = _in_wecom(guides)
    found = [
        Leaver(
            guides[key[0]],
            stores[key[1]],
            *customers.get(key, (0, 0)),
            alone=alone.get(key, 0),
            groups=groups.get(key, 0),
            in_wecom=listed.get(key[0]),
        )
        for key in keys
    ]
    return sorted(found, key=_latest_first)[:limit]


def _latest_first(one: Leaver) -> tuple[float, int, int]:
    left_at = one.guide.left_at
    return (-left_at.timestamp() if left_at else 0.0, one.guide.pk, one.store.pk)


def _leavers_customers(actor: Actor, limit: int) -> dict[tuple[int, int], tuple[int, int]]:
    """{(guide, store): members they serve, of these friends}."""
    theirs = ServingPeriod.objects.current().filter(guide__status=Guide.Status.LEFT)
    if not actor.sees_all:
        theirs = theirs.filter(store__in=Store.objects.visible_to(actor).values("pk"))
    friend = FollowRelation.objects.current().filter(
        member_id=OuterRef("member_id"), guide_id=OuterRef("guide_id")
    )
    rows = (
        theirs.filter(~Exists(_busy("guide_id")))
        .annotate(is_friend=Exists(friend))
        .order_by("-guide__left_at", "guide_id", "store_id")
        .values_list("guide_id", "store_id")
        .annotate(n=Count("pk"), friends=Count("pk", filter=Q(is_friend=True)))[:limit]
    )
    return {(guide_id, store_id): (n, friends) for guide_id, store_id, n, friends in rows}


def _leavers_friends(actor: Actor, limit: int) -> dict[tuple[int, int], int]:
    """{(guide, store): friends they do not serve and nobody ever planned for}. Only those of the
    latest leavers who have any are counted: a chain has years of leavers."""
    rows = _friends_alone(actor)
    anybody = rows.filter(guide_id=OuterRef("pk"))
    latest = (
        Guide.objects.filter(Exists(anybody), status=Guide.Status.LEFT)
        .order_by(F("left_at").desc(nulls_last=True), "pk")
        .values_list("pk", flat=True)[:limit]
    )
    counted = (
        rows.filter(guide_id__in=list(latest))
        .order_by(F("guide__left_at").desc(nulls_last=True), "guide_id", "place")
        .values_list("guide_id", "place")
        .annotate(n=Count("pk"))[:limit]
    )
    return {(guide_id, store_id): n for guide_id, store_id, n in counted}


def _friends_alone(actor: Actor) -> QuerySet[Any]:
    """Friends of guides who do not serve them, never planned for, each with its place: the store
    that serves TA, else the one the guide worked in last."""
    serving = ServingPeriod.objects.current().filter(member_id=OuterRef("member__survivor_id"))
    last = Posting.objects.filter(guide_id=OuterRef("guide_id")).order_by("-during")
    planned = HandoverItem.objects.filter(
        guide_id=OuterRef("guide_id"), external_userid=OuterRef("external_userid")
    )
    rows = (
        FollowRelation.objects.current()
        .filter(member__erased_at=None)
        .filter(~Exists(serving.filter(guide_id=OuterRef("guide_id"))), ~Exists(planned))
        .annotate(
            place=Coalesce(
                Subquery(serving.values("store_id")[:1]), Subquery(last.values("store_id")[:1])
            )
        )
        .exclude(place=None)
    )
    if not actor.sees_all:
        rows = rows.filter(place__in=Store.objects.visible_to(actor).values("pk"))
    return rows.filter(~Exists(_busy("guide_id", "place")))


def _in_wecom(guide_ids: Iterable[int]) -> dict[int, int]:
    """How many customers of these WeCom's list names that are neither gone over nor on their way;
    nothing of who was never on it."""
    rows = UnassignedLeaver.objects.filter(guide_id__in=list(guide_ids))
    return {row.guide_id or 0: row.customers - row.done_here - row.on_way for row in rows}


def _leavers_groups(actor: Actor, limit: int) -> dict[tuple[int, int], int]:
    """{(guide, store): living groups they own}."""
    theirs = CustomerGroup.objects.visible_to(actor).living()
    rows = (
        theirs.filter(~Exists(_busy("owner_id")), owner__status=Guide.Status.LEFT)
        .exclude(store=None)
        .order_by("-owner__left_at", "owner_id", "store_id")
        .values_list("owner_id", "store_id")
        .annotate(n=Count("pk"))[:limit]
    )
    return {(guide_id, store_id): n for guide_id, store_id, n in rows}


def _busy(guide: str, store: str = "store_id") -> QuerySet[HandoverRun]:
    """A run of theirs that is not over."""
    return HandoverRun.objects.unfinished().filter(
        guide_id=OuterRef(guide), store_id=OuterRef(store)
    )


# --- WeCom's own list ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListTotal:
    """WeCom's list of leavers' customers as of the last look; all zero before the first."""

    leavers: int
    customers: int
    on_way: int
    done_here: int
    strangers: int  # of the leavers, accounts that were never a guide here
    strangers_customers: int
    read_at: datetime | None


def unassigned_total(*, actor: Actor) -> ListTotal:
    rows = UnassignedLeaver.objects.visible_to(actor)
    found = rows.aggregate(
        leavers=Count("pk"),
        # before `customers` becomes the name of the sum
        strangers_customers=Coalesce(Sum("customers", filter=Q(guide=None)), 0),
        customers=Coalesce(Sum("customers"), 0),
        on_way=Coalesce(Sum("on_way"), 0),
        done_here=Coalesce(Sum("done_here"), 0),
        strangers=Count("pk", filter=Q(guide=None)),
        read_at=Max("read_at"),
    )
    return ListTotal(**found)


@dataclass(frozen=True, slots=True)
class ListDiffers:
    """A leaver about whom WeCom and we do not say the same, with the latest handover of theirs."""

    row: UnassignedLeaver
    run: HandoverRun | None


def unassigned_differences(*, actor: Actor, limit: int = 50) -> list[ListDiffers]:
    """Leavers whose customers count as handed over and are nobody's in WeCom, or are not known
    here; two queries."""
    rows = UnassignedLeaver.objects.visible_to(actor).differing().select_related("guide")
    found = list(rows.order_by("-done_here", "-unknown_here", "pk")[:limit])
    runs = HandoverRun.objects.visible_to(actor).filter(guide_id__in=[r.guide_id for r in found])
    latest = {run.guide_id: run for run in runs.order_by("pk")}
    return [ListDiffers(row, latest.get(row.guide_id or 0)) for row in found]


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


# --- 归属申请 -------------------------------------------------------------------------------------

CLAIMS_LISTED = 50
# what was sold longer ago says little about who serves TA today
_SOLD_DAYS = 365


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks for one of the two guides: orders sold in the last year, a WeCom friendship."""

    sold: int = 0
    is_friend: bool = False

    @property
    def words(self) -> str:
        sold = _("%(n)s orders sold to TA in a year") % {"n": self.sold}
        return f"{sold} · {_('WeCom friend') if self.is_friend else _('no WeCom friend')}"


@dataclass(frozen=True, slots=True)
class ClaimCase:
    """A claim with what is known of both sides."""

    claim: OwnershipClaim
    asker: Standing
    holder: Standing


def claims_waiting_for(*, actor: Actor, now: datetime) -> list[ClaimCase]:
    """What waits for the actor's word, the oldest first; one query."""
    since = now - timedelta(days=_SOLD_DAYS)
    rows = OwnershipClaim.objects.waiting_for(actor).select_related(
        "member", "guide", "store__legal_entity", "holder", "holder_store__legal_entity"
    )
    claims = rows.annotate(
        asker_sold=_sold("guide_id", since),
        asker_is_friend=_is_friend("guide_id"),
        holder_sold=_sold("holder_id", since),
        holder_is_friend=_is_friend("holder_id"),
    )
    return [
        ClaimCase(
            one,
            Standing(sold=one.asker_sold, is_friend=one.asker_is_friend),
            Standing(sold=one.holder_sold, is_friend=one.holder_is_friend),
        )
        for one in claims.order_by("asked_at", "pk")[:CLAIMS_LISTED]
    ]


def _sold(guide: str, since: datetime) -> Coalesce:
    """Orders that the guide of this column sold to the customer of a claim."""
    sales = Order.objects.filter(
        member__survivor_id=OuterRef("member__survivor_id"),
        selling_guide_id=OuterRef(guide),
        kind=Order.Kind.SALE,
        paid_at__gte=since,
    )
    counted = sales.order_by().values("selling_guide_id").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


def _is_friend(guide: str) -> Exists:
    return Exists(
        FollowRelation.objects.current().filter(
            member__survivor_id=OuterRef("member__survivor_id"), guide_id=OuterRef(guide)
        )
    )


# --- 接手 -----------------------------------------------------------------------------------------

# how long one that was answered stands on its guide's list
ANSWERED_SHOWN = timedelta(days=30)


def customers_given(row: Reassignment) -> QuerySet[Any, Any]:
    """The ids of those whom a reassignment gave; none of a cover, who stay their guide's."""
    if row.run_id is not None:
        return HandoverItem.objects.filter(reassignment=row).values("member__survivor_id")
    begun = ServingPeriod.objects.filter(guide=row.guide_id, store=row.store_id)
    return begun.filter(since=row.given_at).values("member_id")


def reassignments_of(*, guide_id: int, now: datetime) -> list[Reassignment]:
    """What a guide has to accept, and what was answered lately; the latest first."""
    day = clock.business_day(now)
    rows = Reassignment.objects.filter(guide_id=guide_id)
    shown = rows.waiting(day) | rows.exclude(state="waiting").filter(
        given_at__gt=now - ANSWERED_SHOWN
    )
    found = shown.select_related("from_guide", "store", "guide")
    return list(found.order_by("-given_at", "-pk")[:50])


def to_look_at(*, store_id: int, actor: Actor, now: datetime) -> list[Reassignment]:
    """What waits for its guide longer than head office lets it, the oldest first."""
    limit = now - timedelta(days=settings.REASSIGNMENT_DAYS)
    others = Reassignment.objects.of_others(actor).filter(store_id=store_id)
    rows = others.unanswered_since(limit, clock.business_day(now))
    return list(rows.select_related("guide").order_by("given_at", "pk")[:50])
