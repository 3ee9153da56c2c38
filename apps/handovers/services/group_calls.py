"""Queued groups get their new owners at WeCom: claim, last look, call, record; each committed.

A call takes up to a hundred groups of one giver for one successor. `called_at` is committed before
it. Without an answer the outcome is `unknown`: the group itself shows who owns it, and nothing is
called for again before it was looked at.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.core import faults, lease
from apps.core.wake import wake
from apps.handovers import reasons
from apps.handovers.models import HandoverGroup, HandoverRun
from apps.handovers.services import settling
from apps.stores.models import Guide
from apps.wecom.client.transfers import TRANSFER_MAX_GROUPS
from apps.wecom.errors import RateLimited, WeComError
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

LOOK_JOB = "handovers.look_at_groups"
LEASE_SECONDS = 120  # longer than any call with its token can take
BACK_OFF = timedelta(seconds=30)
BACK_OFF_MOST = timedelta(minutes=30)
MOST_REFUSALS = 20
LOOK_AFTER = timedelta(minutes=2)
# WeCom hands over so many groups of one giver a day
MOST_A_DAY = 300
DAY = timedelta(days=1)
QUOTA_PAUSE = timedelta(hours=1)
QUOTA_ERRCODE = "45009"

State = HandoverGroup.State
Pair = tuple[int, int]


def send_groups(*, now: datetime, limit: int = 1_000) -> int:
    """Have WeCom hand over what is due; returns how many groups it took on.

    Any number of workers may run this at once, and any of them may die at any point.
    """
    run, seen, taken = Round(now), 0, 0
    while seen < limit:
        due = HandoverGroup.objects.filter(state=State.QUEUED, due_at__lte=run.moment())
        token, ids = lease.claim(
            due.order_by("run_id", "takeover_id", "pk"),
            now=run.moment(),
            seconds=LEASE_SECONDS,
            limit=TRANSFER_MAX_GROUPS,
        )
        if not ids:
            break
        seen += len(ids)
        for pair, rows in _by_pair(ids).items():
            try:
                taken += _call(pair, rows, token, run)
            except Exception as error:  # the lease runs out like a dead worker's; others go on
                log.error("group_handover_failed", run_id=pair[0], error=type(error).__name__)
    return taken


def _by_pair(ids: Sequence[int]) -> dict[Pair, list[int]]:
    found: dict[Pair, list[int]] = defaultdict(list)
    rows = HandoverGroup.objects.filter(pk__in=ids).order_by("pk")
    for pk, run_id, takeover_id in rows.values_list("pk", "run_id", "takeover_id"):
        found[run_id, takeover_id].append(pk)
    return found


def _call(pair: Pair, ids: Sequence[int], token: UUID, run: Round) -> int:
    handover = HandoverRun.objects.select_related("guide").get(pk=pair[0])
    takeover = Guide.objects.get(pk=pair[1])
    rows = _prepare(handover, takeover, ids, token, run.moment())
    if not rows:
        return 0
    faults.point("handovers.groups_call_started")
    try:
        refused = run.client(handover.corp_id).transfer_groups(
            chat_ids=[one.group.chat_id for one in rows],
            new_owner=takeover.wecom_userid,
            left=handover.has_left,
        )
    except WeComError as error:
        _note_failure(handover, [one.pk for one in rows], token, error, run.moment())
        return 0
    faults.point("handovers.groups_called")
    return _record(handover, rows, token, refused, run.moment())


def held(handover: HandoverRun, ids: Collection[int], token: UUID) -> list[HandoverGroup]:
    """The rows that are still ours, locked, and their run before them: of two workers at the last
    ones of a run the second sees what the first wrote, and closes it."""
    HandoverRun.objects.select_for_update(of=("self",)).get(pk=handover.pk)
    mine = lease.holds(HandoverGroup.objects.filter(pk__in=ids), token)
    return list(mine.select_for_update(of=("self",)).select_related("group").order_by("pk"))


@transaction.atomic
def _prepare(
    handover: HandoverRun, takeover: Guide, ids: Sequence[int], token: UUID, at: datetime
) -> list[HandoverGroup]:
    """The groups to call for, with the call announced; what needs no call has its end."""
    rows = held(handover, ids, token)
    lost = [one for one in rows if one.called_at is not None]  # called, and nobody wrote what came
    write(lost, state=State.UNKNOWN, due_at=at + LOOK_AFTER)
    rows = [one for one in rows if one.called_at is None]
    for one in rows:
        one.state, one.reason = _end_before_call(one, handover, takeover)
    for state, reason in sorted({(one.state, one.reason) for one in rows}):
        if state != State.QUEUED:
            alike = [one for one in rows if (one.state, one.reason) == (state, reason)]
            write(alike, state=state, reason=reason, ended_at=at)
    going = [one for one in rows if one.state == State.QUEUED]
    room = _room(handover, at)
    write(going[room:], due_at=at + QUOTA_PAUSE)
    going = going[:room]
    HandoverGroup.objects.filter(pk__in=[one.pk for one in going]).update(
        called_at=at, lease_until=at + timedelta(seconds=LEASE_SECONDS)
    )
    settling.close_runs(run_ids=[handover.pk], now=at)
    return going


def _end_before_call(one: HandoverGroup, handover: HandoverRun, takeover: Guide) -> tuple[str, str]:
    """What has changed since the plan; a group without change stays queued."""
    if not one.group.is_living:
        return State.CANNOT, reasons.DISSOLVED
    if one.group.owner_userid == takeover.wecom_userid:
        return State.DONE, ""
    if one.group.owner_userid != handover.guide.wecom_userid:
        return State.CANNOT, reasons.OTHER_OWNER
    if takeover.status == Guide.Status.LEFT:
        return State.CANNOT, reasons.NOT_TAKING
    return State.QUEUED, ""


def _room(handover: HandoverRun, at: datetime) -> int:
    """How many more groups of this giver WeCom takes today."""
    counted = HandoverGroup.objects.called_since(at - DAY).filter(guide_id=handover.guide_id)
    return max(MOST_A_DAY - counted.count(), 0)


def write(rows: Sequence[HandoverGroup], **fields: object) -> None:
    """The outcome; gives the leases back. The rows are locked and ours."""
    if rows:
        HandoverGroup.objects.filter(pk__in=[one.pk for one in rows]).update(
            lease_token=None, lease_until=None, **fields
        )


@transaction.atomic
def _note_failure(
    handover: HandoverRun, ids: Sequence[int], token: UUID, error: WeComError, at: datetime
) -> None:
    rows = held(handover, ids, token)
    if error.outcome_unknown:
        write(rows, state=State.UNKNOWN, due_at=at + LOOK_AFTER)
        return
    about = str(error.errcode or "")
    waits = isinstance(error, RateLimited)  # counts as no try
    tries = max((one.tries for one in rows), default=0) + (not waits)
    if about in reasons.KNOWN_OF_GROUPS or (not error.retryable and tries >= MOST_REFUSALS):
        write(rows, state=State.CANNOT, reason=about, ended_at=at)
        settling.close_runs(run_ids=[handover.pk], now=at)
        return
    pause = min(BACK_OFF * 2 ** min(tries, 8), BACK_OFF_MOST)
    if isinstance(error, RateLimited):
        pause = timedelta(seconds=error.retry_after)
    write(rows, called_at=None, tries=tries, due_at=at + pause)


@transaction.atomic
def _record(
    handover: HandoverRun,
    called: Sequence[HandoverGroup],
    token: UUID,
    refused: Mapping[str, int],
    at: datetime,
) -> int:
    """WeCom names whom it refuses; the others are on their way, and looked at very soon."""
    rows = held(handover, [one.pk for one in called], token)
    by_reason: dict[str, list[HandoverGroup]] = defaultdict(list)
    for one in rows:
        by_reason[str(refused.get(one.group.chat_id, ""))].append(one)
    taken: list[HandoverGroup] = []
    for reason, alike in by_reason.items():
        if reason in ("", *reasons.GROUP_UNDER_WAY):
            taken += alike
        elif reason == QUOTA_ERRCODE:
            write(alike, called_at=None, due_at=at + QUOTA_PAUSE)
        else:
            write(alike, state=State.CANNOT, reason=reason, ended_at=at)
    write(taken, state=State.WAITING, due_at=at, tries=0)
    settling.close_runs(run_ids=[handover.pk], now=at)
    if taken:
        wake(LOOK_JOB)
    faults.point("handovers.groups_recorded")
    return len(taken)
