"""Queued handovers are handed to WeCom: claim, last look, call, record; each step is committed.

`call_started_at` is committed before the call. A worker that dies before it leaves a row that is
simply taken again; after it, or without an answer, the outcome is `unknown`: WeCom's own list of
the pair settles it (`asking`), and nothing is repeated before that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.core import faults, lease, outbox
from apps.core.outbox import Patience, fate_of
from apps.handovers import reasons
from apps.handovers.models import HandoverCall, HandoverItem
from apps.handovers.services import passing_on, settling
from apps.stores.models import Guide
from apps.wecom.errors import WeComError, plain_reason
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import TransferStart

LEASE_SECONDS = 120  # longer than any call with its token can take
BATCH = 10
PATIENCE = Patience(first=timedelta(minutes=1), most=timedelta(minutes=30))
# refusals that say nothing about a customer: somebody has to mend the connection meanwhile
MOST_REFUSALS = 20
LOOK_AFTER = timedelta(minutes=2)

State, ItemState = HandoverCall.State, HandoverItem.State


def send_calls(*, now: datetime, limit: int = 500) -> int:
    """Have WeCom begin what is due; returns how many customers are under way by it.

    Any number of workers may run this at once, and any of them may die at any point.
    """
    run, begun = Round(now), 0
    for token, ids in outbox.batches(
        _due, clock=run.moment, seconds=LEASE_SECONDS, batch=BATCH, limit=limit
    ):
        for call_id in ids:
            with outbox.alone("handover_call_failed", call_id=call_id):
                begun += _call(call_id, token, run)
    return begun


def _due(at: datetime) -> QuerySet[HandoverCall]:
    waiting = HandoverCall.objects.filter(state=State.QUEUED, due_at__lte=at)
    return waiting.order_by("due_at", "pk")


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
        _lose(call, token, at, reason="")
        return None
    if call.takeover.status == Guide.Status.LEFT:
        settling.close(items, state=ItemState.CANNOT, reason=reasons.NOT_TAKING, at=at)
        passing_on.pass_on(run=call.run, items=items, now=at)
        _close(call, token, at)
        return None
    if not items:
        _close(call, token, at)
        return None
    call.call_started_at = at
    call.lease_until = at + timedelta(seconds=LEASE_SECONDS)
    call.save(update_fields=["call_started_at", "lease_until"])
    call.items.filter(pk__in=[one.pk for one in items]).update(called_at=at)
    return call, items


def _close(call: HandoverCall, token: UUID, at: datetime) -> None:
    call.settle(token, state=State.CLOSED, reason="")
    settling.close_runs(run_ids=[call.run_id], now=at)


def _lose(call: HandoverCall, token: UUID, at: datetime, *, reason: str) -> None:
    """Nobody knows whether WeCom has it: its list of the pair is asked, first very soon."""
    call.items.current().filter(state=ItemState.QUEUED).update(state=ItemState.UNKNOWN)
    call.settle(token, state=State.UNKNOWN, due_at=at + LOOK_AFTER, reason=reason)


@transaction.atomic
def _note_failure(call_id: int, token: UUID, error: WeComError, at: datetime) -> None:
    call = _held(call_id, token)
    if call is None:
        return
    if error.outcome_unknown:
        _lose(call, token, at, reason=plain_reason(error))
        return
    about = str(error.errcode or "")
    fate = fate_of(error, failed=call.attempts, patience=PATIENCE, at=at)
    if about in reasons.KNOWN or (not error.retryable and fate.attempts >= MOST_REFUSALS):
        _end(call, [(one, error.errcode or 0) for one in _items(call)], at)
        _close(call, token, at)
        return
    call.items.filter(state=ItemState.QUEUED).update(called_at=None)
    call.settle(
        token,
        call_started_at=None,
        attempts=fate.attempts,
        due_at=fate.not_before,
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
        call.settle(token, state=state, due_at=at + LOOK_AFTER, attempts=0, reason="")
    else:
        _close(call, token, at)
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
