"""A planned handover begins: allowed where owners differ, then every friend is queued for WeCom."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.contact_codes.services import point_to_successor
from apps.core.wake import wake
from apps.handovers import reasons
from apps.handovers.errors import (
    DecisionNeedsAWord,
    NothingToTryAgain,
    NotWaitingForApproval,
    NotYourHandover,
)
from apps.handovers.models import HandoverCall, HandoverGroup, HandoverItem, HandoverRun
from apps.handovers.services import group_planning, settling
from apps.handovers.services.choosing import used_up
from apps.handovers.services.planning import attempts_of, demand_leader, demand_successor, held
from apps.members.services import succession
from apps.stores.models import Guide
from apps.wecom.client.transfers import TRANSFER_MAX_CUSTOMERS

JOB = "handovers.send_calls"

State, ItemState = HandoverRun.State, HandoverItem.State
# what a person may have tried once more
AGAIN = (ItemState.REFUSED, ItemState.FULL, ItemState.CANNOT, ItemState.LEFT)


@transaction.atomic
def start_run(*, run: HandoverRun, actor: Actor, now: datetime) -> HandoverRun:
    """Begin a planned run; where the stores' owners differ it first waits for the region.

    Safe to repeat. Raises NotYourHandover, HandoverBegun (dropped meanwhile).
    """
    demand_leader(actor)
    run = held(run, State.DRAFT, State.TO_APPROVE, State.RUNNING, State.DONE)
    if run.state != State.DRAFT:
        return run
    run.started_by = actor.label
    if run.crosses_owners and not may_approve(run, actor):
        run.state = State.TO_APPROVE
        run.save(update_fields=["state", "started_by"])
        _audit(run, "handover.asked", actor)
        return run
    return _begin(run, actor, now)


def may_approve(run: HandoverRun, actor: Actor) -> bool:
    """Who leads the region of the giving store, or head office."""
    leads = actor.sees_all or run.store.region_id in actor.region_ids
    return leads and actor.can(Capability.LEAD_REGION)


@transaction.atomic
def decide_run(
    *, run: HandoverRun, allow: bool, word: str, actor: Actor, now: datetime
) -> HandoverRun:
    """The region allows a handover between owners, or does not and says why.

    Raises NotYourHandover, NotWaitingForApproval, DecisionNeedsAWord.
    """
    found = HandoverRun.objects.select_for_update(of=("self",)).select_related(
        "guide", "store", "to_store"
    )
    run = found.get(pk=run.pk)
    if not may_approve(run, actor):
        raise NotYourHandover()
    if run.state != State.TO_APPROVE:
        raise NotWaitingForApproval()
    if not allow and not word.strip():
        raise DecisionNeedsAWord()
    run.decided_by, run.decided_at, run.decision = actor.label, now, word.strip()[:200]
    _audit(run, "handover.allowed" if allow else "handover.not_allowed", actor)
    if allow:
        return _begin(run, actor, now)
    run.items.all().delete()
    run.groups.all().delete()
    run.state, run.finished_at = State.DROPPED, now
    run.save()
    return run


def _begin(run: HandoverRun, actor: Actor, now: datetime) -> HandoverRun:
    run.state, run.started_at = State.RUNNING, now
    run.save()
    planned = list(run.items.current().filter(state=ItemState.PLANNED).order_by("pk"))
    nobody = [one.pk for one in planned if one.takeover_id is None]
    HandoverItem.objects.filter(pk__in=nobody).update(
        state=ItemState.LEFT, reason=reasons.NOBODY, ended_at=now
    )
    given = [one for one in planned if one.takeover_id is not None]
    queue_calls(run=run, items=[one for one in given if one.external_userid], now=now)
    settling.finish(
        run=run, items=[one for one in given if not one.external_userid], at=now, now=now,
        actor=actor,
    )  # fmt: skip
    groups = group_planning.queue(run=run, now=now)
    successors = sorted({one.takeover_id for one in given if one.takeover_id is not None})
    drafts = succession.move_drafts(
        from_guide_id=run.guide_id, store_id=run.store_id, among=successors
    )
    if run.has_left and given:
        _point_codes(run, given, actor, now)
    _audit(run, "handover.started", actor, customers=len(given), groups=groups, drafts=drafts)
    settling.close_runs(run_ids=[run.pk], now=now)
    run.refresh_from_db(fields=["state", "finished_at"])
    return run


def _point_codes(
    run: HandoverRun, given: Sequence[HandoverItem], actor: Actor, now: datetime
) -> None:
    """A leaver's own codes hang on posters: they lead to who takes over most of the customers."""
    [(heir, _count)] = Counter(one.takeover_id for one in given).most_common(1)
    if heir is not None:
        point_to_successor(guide_id=run.guide_id, successor_id=heir, actor=actor, now=now)


def _audit(run: HandoverRun, action: str, actor: Actor, **detail: object) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type="handover_run",
        object_id=run.pk,
        detail=dict(detail),
    )


def queue_calls(*, run: HandoverRun, items: Sequence[HandoverItem], now: datetime) -> int:
    """Rows for WeCom: by successor, a hundred customers each; returns how many calls."""
    by_guide: dict[int, list[int]] = defaultdict(list)
    for one in items:
        if one.takeover_id is not None:
            by_guide[one.takeover_id].append(one.pk)
    parts = [
        (guide_id, ids[start : start + TRANSFER_MAX_CUSTOMERS])
        for guide_id, ids in sorted(by_guide.items())
        for start in range(0, len(ids), TRANSFER_MAX_CUSTOMERS)
    ]
    calls = HandoverCall.objects.bulk_create(
        HandoverCall(run=run, takeover_id=guide_id, due_at=now) for guide_id, _ids in parts
    )
    for call, (_guide_id, ids) in zip(calls, parts, strict=True):
        HandoverItem.objects.filter(pk__in=ids).update(call=call, state=ItemState.QUEUED)
    if calls:
        wake(JOB)
    return len(calls)


@transaction.atomic
def try_again(
    *,
    run: HandoverRun,
    to: Guide,
    actor: Actor,
    now: datetime,
    item_ids: Sequence[int] = (),
    group_ids: Sequence[int] = (),
) -> int:
    """A person gives customers and groups that could not go to another successor: a new attempt
    each.

    Who was handed over as often as WeCom allows stays. Returns how many begin. Raises
    NotYourHandover, NotASuccessor, NothingToTryAgain.
    """
    demand_leader(actor)
    run = held(run, State.RUNNING, State.DONE)
    demand_successor(run, to, now)
    wanted = run.items.current().select_for_update().filter(pk__in=list(item_ids), state__in=AGAIN)
    rows = list(wanted.exclude(external_userid="").order_by("pk"))
    spent = used_up(run=run, externals=[one.external_userid for one in rows], now=now)
    rows = [one for one in rows if one.external_userid not in spent]
    groups = _groups_again(run, group_ids, now)
    if not rows and not groups:
        raise NothingToTryAgain()
    if rows:
        attempt(run=run, rows=rows, to={one.pk: to.pk for one in rows}, now=now)
    group_planning.attempt(run=run, rows=groups, to=to, now=now)
    reopen(run)
    _audit(run, "handover.again", actor, customers=len(rows), groups=len(groups), to=to.pk)
    return len(rows) + len(groups)


def _groups_again(run: HandoverRun, group_ids: Sequence[int], now: datetime) -> list[HandoverGroup]:
    """Of these, the groups that are left to a person, that WeCom lets change owners again, and
    that no other run has taken on meanwhile."""
    left = [HandoverGroup.State.CANNOT, HandoverGroup.State.LEFT]
    on_way = HandoverGroup.objects.open().values("group_id")
    wanted = run.groups.current().exclude(group_id__in=on_way).select_for_update(of=("self",))
    rows = list(wanted.filter(pk__in=list(group_ids), state__in=left).order_by("pk"))
    spent = group_planning.used_up(run=run, group_ids=[one.group_id for one in rows], now=now)
    return [one for one in rows if one.group_id not in spent]


def reopen(run: HandoverRun) -> None:
    if run.state == State.DONE:
        run.state, run.finished_at = State.RUNNING, None
        run.save(update_fields=["state", "finished_at"])


def attempt(
    *, run: HandoverRun, rows: Sequence[HandoverItem], to: dict[int, int], now: datetime
) -> None:
    """A next attempt for each of these, {item: successor}; the ones before stay as history."""
    tries = attempts_of(run.guide_id, [one.external_userid for one in rows])
    HandoverItem.objects.filter(pk__in=[one.pk for one in rows]).update(is_current=False)
    fresh = HandoverItem.objects.bulk_create(
        HandoverItem(
            run=run,
            guide_id=run.guide_id,
            takeover_id=to[one.pk],
            member_id=one.member_id,
            external_userid=one.external_userid,
            attempt=tries[one.external_userid] + 1,
        )
        for one in rows
    )
    reopen(run)
    queue_calls(run=run, items=fresh, now=now)
