"""Queued handovers are handed to WeCom: claim, last look, call, record; each step is committed.

`call_started_at` is committed before the call. A worker that dies before it leaves a row that is
simply taken again; after it, or without an answer, the outcome is `unknown`: WeCom's own list of
the pair settles it (`asking`), and nothing is repeated before that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.core import faults, lease
from apps.handovers import reasons
from apps.handovers.models import HandoverCall, HandoverItem
from apps.handovers.services import passing_on, settling
from apps.stores.models import Guide
from apps.wecom.errors import RateLimited, WeComError, plain_reason
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import TransferStart

log = structlog.get_logger(__name__)

LEASE_SECONDS = 120  # longer than any call with its token can take
BATCH = 10
BACK_OFF = timedelta(seconds=30)
BACK_OFF_MOST = timedelta(minutes=30)
# refusals that say nothing about a customer: somebody has to mend the connection meanwhile
MOST_REFUSALS = 20
LOOK_AFTER = timedelta(minutes=2)

State, ItemState = HandoverCall.State, HandoverItem.State


def send_calls(*, now: datetime, limit: int = 500) -> int:
    """Have WeCom begin what is due; returns how many customers are under way by it.

    Any number of workers may run this at once, and any of them may die at any point.
    """
    run, seen, begun = Round(now), 0, 0
    while seen < limit:
        due = HandoverCall.objects.filter(state=State.QUEUED, due_at__lte=run.moment())
        token, ids = lease.claim(
            due.order_by("due_at", "pk"), now=run.moment(), seconds=LEASE_SECONDS, limit=BATCH
        )
        if not ids:
            break
        seen += len(ids)
        for call_id in ids:
            try:
                begun += _call(call_id, token, run)
            except Exception as error:  # its lease runs out like a dead worker's; the others go on
                log.error("handover_call_failed", call_id=call_id, error=type(error).__name__)
    return begun


def _call(call_id: int, token: UUID, run: Round) -> int:
    prepared = _prepare(call_id, token, run.moment())
    if prepared is None:
        return 0
    faults.point("handovers.call_started")
    call, items = prepared
    try:
        answer = run.client(call.run.corp_id).transfer_customers(
            handover=call.run.guide.wecom_userid,
            takeover=call.takeover.wecom_userid,
            external_userids=[one.external_userid for one in items],
            left=call.run.has_left,
            words=call.run.words,
        )
    except WeComError as error:
        _note_failure(call_id, token, error, run.moment())
        return 0
    faults.point("handovers.called")
    return _record(call_id, token, answer, run.moment())


def _held(call_id: int, token: UUID) -> HandoverCall | None:
    """The row, locked, if it is still ours and still to be called. Its run is locked with it: of
    two workers at its last calls the second one sees what the first one wrote, and closes it."""
    mine = lease.holds(HandoverCall.objects.all(), token).filter(state=State.QUEUED)
    rows = mine.select_for_update(of=("self", "run"))
    return rows.select_related("run__guide", "run__to_store", "takeover").filter(pk=call_id).first()


def _items(call: HandoverCall) -> list[HandoverItem]:
    rows = call.items.current().filter(state__in=[ItemState.QUEUED, ItemState.UNKNOWN])
    return list(rows.order_by("pk"))


@transaction.atomic
def _prepare(
    call_id: int, token: UUID, at: datetime
) -> tuple[HandoverCall, list[HandoverItem]] | None:
    call = _held(call_id, token)
    if call is None:
        return None
    items = _items(call)
    if call.call_started_at is not None:  # somebody called and never wrote what came of it
        _lose(call, at, reason="")
        return None
    if call.takeover.status == Guide.Status.LEFT:
        settling.close(items, state=ItemState.CANNOT, reason=reasons.NOT_TAKING, at=at)
        passing_on.pass_on(run=call.run, items=items, now=at)
        _close(call, at)
        return None
    if not items:
        _close(call, at)
        return None
    call.call_started_at = at
    call.lease_until = at + timedelta(seconds=LEASE_SECONDS)
    call.save(update_fields=["call_started_at", "lease_until"])
    call.items.filter(pk__in=[one.pk for one in items]).update(called_at=at)
    return call, items


def _write(call: HandoverCall, **fields: object) -> None:
    """The outcome; gives the lease back. The row is locked and ours."""
    HandoverCall.objects.filter(pk=call.pk).update(lease_token=None, lease_until=None, **fields)


def _close(call: HandoverCall, at: datetime) -> None:
    _write(call, state=State.CLOSED, reason="")
    settling.close_runs(run_ids=[call.run_id], now=at)


def _lose(call: HandoverCall, at: datetime, *, reason: str) -> None:
    """Nobody knows whether WeCom has it: its list of the pair is asked, first very soon."""
    call.items.current().filter(state=ItemState.QUEUED).update(state=ItemState.UNKNOWN)
    _write(call, state=State.UNKNOWN, due_at=at + LOOK_AFTER, reason=reason)


@transaction.atomic
def _note_failure(call_id: int, token: UUID, error: WeComError, at: datetime) -> None:
    call = _held(call_id, token)
    if call is None:
        return
    if error.outcome_unknown:
        _lose(call, at, reason=plain_reason(error))
        return
    about = str(error.errcode or "")
    waits = isinstance(error, RateLimited)  # counts as no try
    attempts = call.attempts + (not waits)
    if about in reasons.KNOWN or (not error.retryable and attempts >= MOST_REFUSALS):
        _end(call, [(one, error.errcode or 0) for one in _items(call)], at)
        _close(call, at)
        return
    pause = min(BACK_OFF * 2 ** min(attempts, 8), BACK_OFF_MOST)
    if isinstance(error, RateLimited):
        pause = timedelta(seconds=error.retry_after)
    call.items.filter(state=ItemState.QUEUED).update(called_at=None)
    _write(
        call,
        call_started_at=None,
        attempts=attempts,
        due_at=at + pause,
        reason=plain_reason(error),
    )


@transaction.atomic
def _record(call_id: int, token: UUID, answer: Sequence[TransferStart], at: datetime) -> int:
    """Each customer's own errcode; what WeCom did not name is looked up in its list."""
    call = _held(call_id, token)
    if call is None:
        return 0
    said = {row.external_userid: row.errcode for row in answer}
    items = _items(call)
    taken = [
        one for one in items
        if said.get(one.external_userid) in (0, *reasons.UNDER_WAY)
    ]  # fmt: skip
    HandoverItem.objects.filter(pk__in=[one.pk for one in taken]).update(state=ItemState.WAITING)
    silent = [one.pk for one in items if one.external_userid not in said]
    HandoverItem.objects.filter(pk__in=silent).update(state=ItemState.UNKNOWN)
    refused = [
        (one, said[one.external_userid]) for one in items
        if said.get(one.external_userid, 0) not in (0, *reasons.UNDER_WAY)
    ]  # fmt: skip
    _end(call, refused, at)
    if taken or silent:
        state = State.UNKNOWN if silent else State.ASKED
        _write(call, state=state, due_at=at + LOOK_AFTER, attempts=0, reason="")
    else:
        _close(call, at)
    faults.point("handovers.recorded")
    return len(taken)


def _end(call: HandoverCall, pairs: Sequence[tuple[HandoverItem, int]], at: datetime) -> None:
    """WeCom does not take these; where the successor is the reason, the next one is asked."""
    go_on: list[HandoverItem] = []
    for reason, items in settling.by_reason([(one, str(code)) for one, code in pairs]).items():
        full = reason == str(reasons.FULL_ERRCODE)
        state = ItemState.FULL if full else ItemState.CANNOT
        settling.close(items, state=state, reason=reason, at=at)
        if reason.isdigit() and int(reason) in reasons.OTHER_SUCCESSOR:
            go_on += items
    passing_on.pass_on(run=call.run, items=go_on, now=at)
