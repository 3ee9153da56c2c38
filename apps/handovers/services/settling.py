"""A customer has gone over: friendship, 专属导购, open work and the next follow-up go with them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef

from apps.accounts.actor import SYSTEM, Actor
from apps.core.wake import wake
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services import assigning, rules
from apps.handovers import reasons
from apps.handovers.models import HandoverGroup, HandoverItem, HandoverRun
from apps.handovers.services import giving
from apps.members import services as members
from apps.members.models import ServingPeriod
from apps.members.services import succession
from apps.members.services.handing_over import HANDED_OVER
from apps.stores.services import MOVE_WORK_JOB

State = HandoverItem.State


def finish(
    *,
    run: HandoverRun,
    items: Sequence[HandoverItem],
    at: datetime,
    now: datetime,
    actor: Actor = SYSTEM,
) -> int:
    """These customers are the successors' now; `at` where WeCom named no moment. Returns how many.

    Runs in the caller's transaction, set-wise; the same again changes nothing.
    """
    if not items:
        return 0
    friends = [one for one in items if one.external_userid]
    begun = succession.move_friends(
        corp_id=run.corp_id,
        from_guide_id=run.guide_id,
        rows=[
            succession.Succession(
                one.takeover_id, one.member_id, one.external_userid, _when(one, at)
            )
            for one in friends
            if one.takeover_id is not None
        ],
        now=now,
        actor=actor,
    )
    rules.greet_new_friends(follow_ids=[one.pk for one in begun], now=now)
    to = {one.member_id: one.takeover_id for one in items if one.takeover_id is not None}
    _serve(run, to, actor, now)
    _move_work(run, to, actor, now)
    succession.move_follow_ups(from_guide_id=run.guide_id, to=to)
    for one in items:
        one.state, one.ended_at = State.DONE, _when(one, at)
        one.reason = "" if one.external_userid else reasons.NOT_A_FRIEND
    HandoverItem.objects.bulk_update(items, ["state", "reason", "takeover_at", "ended_at"])
    giving.note_transfers(run=run, items=items, actor=actor, now=now)
    wake(MOVE_WORK_JOB)
    return len(items)


def _when(item: HandoverItem, at: datetime) -> datetime:
    return item.takeover_at or at


def _serve(run: HandoverRun, to: dict[int, int], actor: Actor, now: datetime) -> None:
    """专属导购 changes where it was the giver, or nobody; who is another's customer stays that."""
    elsewhere = ServingPeriod.objects.current().filter(member_id__in=to)
    kept = set(elsewhere.exclude(guide_id=run.guide_id).values_list("member_id", flat=True))
    members.set_serving_guide(
        pairs=[
            (member_id, guide_id, run.to_store_id)
            for member_id, guide_id in sorted(to.items())
            if member_id not in kept
        ],
        reason=HANDED_OVER,
        now=now,
        actor=actor,
    )


def _move_work(run: HandoverRun, to: dict[int, int], actor: Actor, now: datetime) -> None:
    """The giver's open work for these customers; what a message stands in the way of is looked at
    again by the job that follows who has gone."""
    rows = (
        TaskTarget.objects.open()
        .filter(guide_id=run.guide_id, member__survivor_id__in=to)
        .values_list("pk", "member__survivor_id")
    )
    pairs = {pk: to[member_id] for pk, member_id in rows}
    assigning.move_to(pairs=pairs, cause="handed_over", actor=actor, now=now)


def close(items: Collection[HandoverItem], *, state: str, reason: str, at: datetime) -> None:
    """These have an end that is none of success."""
    ids = [one.pk for one in items]
    HandoverItem.objects.filter(pk__in=ids).update(state=state, reason=reason, ended_at=at)
    for one in items:
        one.state, one.reason, one.ended_at = state, reason, at


def close_runs(*, run_ids: Collection[int], now: datetime) -> int:
    """Runs in which every customer and every group has an end are finished; how many."""
    still = HandoverItem.objects.current().open().filter(run_id=OuterRef("pk"))
    running = HandoverRun.objects.filter(pk__in=run_ids, state=HandoverRun.State.RUNNING)
    groups = HandoverGroup.objects.current().open().filter(run_id=OuterRef("pk"))
    over = running.filter(~Exists(still), ~Exists(groups))
    return over.update(state=HandoverRun.State.DONE, finished_at=now)


def by_reason(pairs: Collection[tuple[HandoverItem, str]]) -> dict[str, list[HandoverItem]]:
    """Items by why they ended."""
    found: dict[str, list[HandoverItem]] = defaultdict(list)
    for item, reason in pairs:
        found[reason].append(item)
    return found
