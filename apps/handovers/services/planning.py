"""A handover is planned and looked at before it begins: who goes to whom, who cannot and why."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.handovers import reasons
from apps.handovers.errors import (
    HandoverBegun,
    InAnotherCorp,
    NoSuccessor,
    NotASuccessor,
    NothingToHandOver,
    NotYourHandover,
)
from apps.handovers.models import HandoverGroup, HandoverItem, HandoverRun
from apps.handovers.selectors import owned_groups
from apps.handovers.services import group_planning
from apps.handovers.services.choosing import Customer, choose, colleagues, used_up
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Posting, Store

# WeCom hands a leaver's customers over for so long
WITHIN = timedelta(days=365)
BATCH = 1_000

Kind, State = HandoverRun.Kind, HandoverRun.State


def demand_leader(actor: Actor) -> None:
    """Raises NotYourHandover for whoever may not hand customers over."""
    if not actor.can(Capability.HAND_OVER):
        raise NotYourHandover()


def held(run: HandoverRun, *states: str) -> HandoverRun:
    """The run, locked until the transaction ends. Raises HandoverBegun in any other state."""
    found = HandoverRun.objects.select_for_update(of=("self",)).select_related(
        "guide", "store", "to_store"
    )
    mine = found.get(pk=run.pk)
    if mine.state not in states:
        raise HandoverBegun()
    return mine


@transaction.atomic
def plan_run(
    *,
    guide: Guide,
    store: Store,
    actor: Actor,
    now: datetime,
    to_store: Store | None = None,
    words: str = "",
) -> HandoverRun:
    """Plan who takes over this guide's customers and groups of the store; nothing happens before
    the start.

    Successors work in `to_store` (the same one unless given): who serves or knows the customer
    already, else who serves fewest and has room. An unfinished run of the two is returned as it
    is. Raises NotYourHandover, NothingToHandOver, NoSuccessor.
    """
    demand_leader(actor)
    # two managers plan one after the other, and whether somebody has left is read now
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    known = HandoverRun.objects.unfinished().filter(guide=guide, store=store).first()
    if known is not None:
        return known
    left = guide.status == Guide.Status.LEFT
    customers = customers_of(guide=guide, store=store, now=now)
    groups = list(owned_groups(guide=guide, store=store))
    if not customers and not groups:
        raise NothingToHandOver(name=guide.name)
    to_store = to_store or store
    among = colleagues(
        store=to_store,
        corp_id=guide.corp_id,
        without=[guide.pk],
        customers=customers,
        now=now,
    )
    if not among.ids:
        raise NoSuccessor(store=to_store.name)
    run = HandoverRun.objects.create(
        corp_id=guide.corp_id,
        kind=Kind.RESIGNED if left else Kind.ON_JOB,
        guide=guide,
        store=store,
        to_store=to_store,
        words=words.strip()[:200],
        planned_by=actor.label,
        planned_at=now,
    )
    _keep(run, choose(customers, among), now)
    group_planning.keep(run, groups, among.ids)
    _audit(run, "handover.planned", actor, customers=len(customers), groups=len(groups))
    return run


def _audit(run: HandoverRun, action: str, actor: Actor, **detail: object) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type="handover_run",
        object_id=run.pk,
        detail={"guide_id": run.guide_id, "store_id": run.store_id, **detail},
    )


def customers_of(*, guide: Guide, store: Store, now: datetime) -> list[Customer]:
    """Whom the guide serves in the store, and whose WeCom friend they are: a leaver's friends that
    nobody serves belong to the store they worked in last."""
    served = set(
        ServingPeriod.objects.current()
        .filter(guide=guide, store=store)
        .values_list("member_id", flat=True)
    )
    friends: dict[int, list[str]] = defaultdict(list)
    follows = FollowRelation.objects.current().filter(guide=guide, member__erased_at=None)
    for member_id, external in follows.values_list("member__survivor_id", "external_userid"):
        friends[member_id].append(external)
    found = [
        Customer(pk, external)
        for pk in sorted(served)
        for external in sorted(friends.get(pk, [""]))
    ]
    others = friends.keys() - served
    if guide.status == Guide.Status.LEFT and others:
        found += _only_friends(others, friends, store, _last_store(guide))
    # planned from another store before they were served here: that one goes on
    on_way = set(
        HandoverItem.objects.open().filter(guide=guide).values_list("member_id", "external_userid")
    )
    return [one for one in found if (one.member_id, one.external_userid) not in on_way]


def _only_friends(
    others: Collection[int], friends: dict[int, list[str]], store: Store, last_store: int | None
) -> list[Customer]:
    periods = ServingPeriod.objects.current().filter(member_id__in=others)
    serving = {
        member: (guide, at) for member, guide, at in
        periods.values_list("member_id", "guide_id", "store_id")
    }  # fmt: skip
    found = []
    for member_id in sorted(others):
        guide_id, place = serving.get(member_id, (None, last_store))
        if place == store.pk:
            found += [Customer(member_id, one, guide_id) for one in sorted(friends[member_id])]
    return found


def _last_store(guide: Guide) -> int | None:
    last = (
        Posting.objects.filter(guide=guide).order_by("-during").values_list("store_id", flat=True)
    )
    return last.first()


def _keep(run: HandoverRun, chosen: dict[Customer, int | None], now: datetime) -> None:
    """A row for every customer; those that cannot go are closed with the reason at once."""
    externals = [one.external_userid for one in chosen if one.external_userid]
    spent = used_up(run=run, externals=externals, now=now)
    too_late = run.has_left and run.guide.left_at is not None and run.guide.left_at < now - WITHIN
    tries = attempts_of(run.guide_id, externals)
    rows = []
    for one, guide_id in chosen.items():
        row = HandoverItem(
            run=run,
            guide_id=run.guide_id,
            takeover_id=guide_id,
            member_id=one.member_id,
            external_userid=one.external_userid,
            attempt=tries.get(one.external_userid, 0) + 1,
        )
        why = ""
        if one.external_userid and too_late:
            why = reasons.LONG_GONE
        elif one.external_userid in spent:
            why = reasons.TWICE
        if why:
            row.state, row.reason, row.ended_at = HandoverItem.State.CANNOT, why, now
        elif guide_id is None:
            row.state, row.reason, row.ended_at = HandoverItem.State.LEFT, reasons.NO_ROOM, now
        rows.append(row)
    HandoverItem.objects.bulk_create(rows, batch_size=BATCH)


def attempts_of(guide_id: int, externals: Collection[str]) -> dict[str, int]:
    """How often each of these customers of the guide was tried already."""
    rows = HandoverItem.objects.filter(guide_id=guide_id, external_userid__in=externals).order_by()
    return dict(rows.values_list("external_userid").annotate(n=Max("attempt")))


# --- before it begins -----------------------------------------------------------------------------


@transaction.atomic
def change_successor(
    *,
    run: HandoverRun,
    to: Guide,
    actor: Actor,
    now: datetime,
    item_ids: Sequence[int] = (),
    group_ids: Sequence[int] = (),
    instead_of: Guide | None = None,
) -> int:
    """Give these customers and groups of a planned run, or all of one successor's, to another; how
    many.

    Raises NotYourHandover, HandoverBegun, NotASuccessor, InAnotherCorp.
    """
    demand_leader(actor)
    run = held(run, State.DRAFT)
    demand_successor(run, to, now)
    rows = run.items.filter(state=HandoverItem.State.PLANNED)
    groups = run.groups.filter(state=HandoverGroup.State.PLANNED)
    if instead_of:
        rows, groups = rows.filter(takeover=instead_of), groups.filter(takeover=instead_of)
    else:
        rows, groups = rows.filter(pk__in=list(item_ids)), groups.filter(pk__in=list(group_ids))
    return rows.update(takeover=to) + groups.update(takeover=to)


def demand_successor(run: HandoverRun, guide: Guide, now: datetime) -> None:
    """Raises NotASuccessor for who is not posted in the receiving store today, InAnotherCorp for
    who is there with another corp's WeCom."""
    posted = Posting.objects.on(clock.business_day(now)).filter(
        store=run.to_store, guide=guide, guide__status=Guide.Status.ACTIVE
    )
    if guide.pk == run.guide_id or not posted.exists():
        raise NotASuccessor(name=guide.name)
    if guide.corp_id != run.corp_id:
        raise InAnotherCorp(name=guide.name)


@transaction.atomic
def drop_run(*, run: HandoverRun, actor: Actor, now: datetime) -> None:
    """Forget a plan that has not begun. Raises NotYourHandover, HandoverBegun."""
    demand_leader(actor)
    run = held(run, State.DRAFT, State.TO_APPROVE)
    run.items.all().delete()
    run.groups.all().delete()
    run.state, run.finished_at = State.DROPPED, now
    run.save(update_fields=["state", "finished_at"])
    _audit(run, "handover.dropped", actor)
