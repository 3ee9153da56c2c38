"""What became of customers on their way: WeCom's list of each pair is read until all have an end.

The list mixes attempts, so an entry counts only for the attempt it can belong to. It is also what
settles a call whose answer was lost: whom it shows is under way, whom it does not show by then was
never begun and is called for once more.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.core import lease, outbox
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.handovers import reasons
from apps.handovers.models import HandoverCall, HandoverItem, HandoverRun
from apps.handovers.services import passing_on, running, settling
from apps.wecom.errors import WeComError, plain_reason
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import TransferResult, TransferStatus

JOB = "handovers.ask_results"
LEASE_SECONDS = 120
BATCH = 50
# often while something may go wrong at once, then seldom: it takes 24 hours by itself
PAUSES = [timedelta(minutes=m) for m in (2, 10, 60, 240, 720)]
PATIENCE = Patience(first=PAUSES[0], most=PAUSES[0])
# WeCom's clock and ours differ a little
CLOCKS_DIFFER = timedelta(minutes=2)
# a lost call that the list does not show after this long was never begun
SETTLE = timedelta(minutes=15)
# one that WeCom accepted takes a day to happen: the list has until then to show it
ACCEPTED_SHOWS = timedelta(hours=30)
JUST_AFTER = timedelta(minutes=2)
GIVE_UP = timedelta(days=7)

State, ItemState = HandoverCall.State, HandoverItem.State
Pair = tuple[int, int]


@dataclass
class _Sorted:
    """The items of some calls by what WeCom's list says of them."""

    done: list[HandoverItem] = field(default_factory=list)
    waiting: list[HandoverItem] = field(default_factory=list)
    refused: list[HandoverItem] = field(default_factory=list)
    full: list[HandoverItem] = field(default_factory=list)
    never: list[HandoverItem] = field(default_factory=list)  # not shown, and by now it should be
    overdue: list[HandoverItem] = field(default_factory=list)


def ask_results(*, now: datetime, limit: int = 1_000) -> int:
    """Ask WeCom about what is due, once for each pair; returns how many customers got an end."""
    run, ended = Round(now), 0
    for token, ids in outbox.batches(
        _due, clock=run.moment, seconds=LEASE_SECONDS, batch=BATCH, limit=limit
    ):
        for pair, calls in _by_pair(ids).items():
            with outbox.alone("handover_ask_failed", run_id=pair[0]):
                ended += _ask(pair, calls, token, run)
    return ended


def _due(at: datetime) -> QuerySet[HandoverCall]:
    """Calls of one pair side by side."""
    asked = HandoverCall.objects.filter(state__in=[State.ASKED, State.UNKNOWN], due_at__lte=at)
    return asked.order_by("run_id", "takeover_id", "pk")


def _by_pair(ids: Sequence[int]) -> dict[Pair, list[HandoverCall]]:
    found: dict[Pair, list[HandoverCall]] = defaultdict(list)
    rows = HandoverCall.objects.filter(pk__in=ids).select_related("run__guide", "takeover")
    for call in rows.order_by("pk"):
        found[call.run_id, call.takeover_id].append(call)
    return found


def _ask(pair: Pair, calls: Sequence[HandoverCall], token: UUID, run: Round) -> int:
    one = calls[0]
    try:
        rows = run.client(one.run.corp_id).transfer_results(
            handover=one.run.guide.wecom_userid,
            takeover=one.takeover.wecom_userid,
            left=one.run.has_left,
        )
    except WeComError as error:
        _later(calls, token, error, run.moment())
        return 0
    return _apply([call.pk for call in calls], token, rows, run.moment())


def _later(calls: Sequence[HandoverCall], token: UUID, error: WeComError, at: datetime) -> None:
    fate = fate_of(error, failed=0, patience=PATIENCE, at=at)
    asked = HandoverCall.objects.filter(pk__in=[call.pk for call in calls])
    reason = plain_reason(error)[:200]
    lease.release(asked, token=token, due_at=fate.not_before, reason=reason)


@transaction.atomic
def _apply(
    call_ids: Sequence[int], token: UUID, rows: Iterable[TransferResult], at: datetime
) -> int:
    mine = lease.holds(HandoverCall.objects.filter(pk__in=call_ids), token)
    calls = {call.pk: call for call in mine.select_for_update(of=("self",)).order_by("pk")}
    if not calls:
        return 0
    # held, so that of two workers at the last customers of a run one closes it
    runs = HandoverRun.objects.select_for_update(of=("self",))
    run = runs.select_related("to_store", "store", "guide").get(
        pk=next(iter(calls.values())).run_id
    )
    open_items = (
        HandoverItem.objects.current()
        .select_for_update(of=("self",))
        .filter(call_id__in=calls, state__in=[ItemState.WAITING, ItemState.UNKNOWN])
    )
    items = list(open_items.order_by("pk"))
    sorted_ = _sort(items, rows, calls, at)
    settling.finish(run=run, items=sorted_.done, at=at, now=at)
    settling.close(sorted_.refused, state=ItemState.REFUSED, reason="", at=at)
    settling.close(sorted_.full, state=ItemState.FULL, reason="", at=at)
    settling.close(sorted_.overdue, state=ItemState.LEFT, reason=reasons.NO_RESULT, at=at)
    HandoverItem.objects.bulk_update(sorted_.waiting, ["state", "takeover_at"])
    unknown = {pk for pk, call in calls.items() if call.state == State.UNKNOWN}
    _never_begun(run, sorted_.never, unknown, at)
    passing_on.pass_on(run=run, items=sorted_.full, now=at)
    _write(calls, at)
    settling.close_runs(run_ids=[run.pk], now=at)
    return len(sorted_.done) + len(sorted_.refused) + len(sorted_.full) + len(sorted_.overdue)


def _sort(
    items: Sequence[HandoverItem],
    rows: Iterable[TransferResult],
    calls: dict[int, HandoverCall],
    at: datetime,
) -> _Sorted:
    listed: dict[str, list[TransferResult]] = defaultdict(list)
    for row in rows:
        listed[row.external_userid].append(row)
    found = _Sorted()
    for item in items:
        entry = _entry_of(item, listed[item.external_userid])
        if entry is None:
            patience = SETTLE if item.state == ItemState.UNKNOWN else ACCEPTED_SHOWS
            if at >= (item.called_at or at) + patience:
                found.never.append(item)
            continue
        _place(item, entry, found, at)
    return found


def _entry_of(item: HandoverItem, rows: Sequence[TransferResult]) -> TransferResult | None:
    """The entry of this very attempt: with a moment after the call, or one that names none; such a
    one may be an earlier attempt's, so it proves nothing while the call's own answer is unknown."""
    since = item.called_at or item.created_at
    dated = [row for row in rows if row.takeover_at and row.takeover_at > since - CLOCKS_DIFFER]
    if dated:
        return max(dated, key=lambda row: row.takeover_at or since)
    undated = [
        row for row in rows if row.takeover_at is None and row.status != TransferStatus.NO_RECORD
    ]
    if not undated or (item.state == ItemState.UNKNOWN and item.attempt > 1):
        return None
    return undated[-1]


def _place(item: HandoverItem, entry: TransferResult, found: _Sorted, at: datetime) -> None:
    match entry.status:
        case TransferStatus.DONE:
            item.takeover_at = min(entry.takeover_at or at, at)
            found.done.append(item)
        case TransferStatus.REFUSED:
            found.refused.append(item)
        case TransferStatus.FULL:
            found.full.append(item)
        case _ if at > (item.called_at or at) + GIVE_UP:
            found.overdue.append(item)
        case _:
            item.state, item.takeover_at = ItemState.WAITING, entry.takeover_at
            found.waiting.append(item)


def _never_begun(
    run: HandoverRun, items: Sequence[HandoverItem], unknown: set[int], at: datetime
) -> None:
    """Not in WeCom's list: after a lost answer it is called for anew, else a person is told."""
    lost = [one for one in items if one.call_id in unknown and one.state == ItemState.UNKNOWN]
    told = [one for one in items if one not in lost]
    settling.close(told, state=ItemState.CANNOT, reason=reasons.NO_RECORD, at=at)
    HandoverItem.objects.filter(pk__in=[one.pk for one in lost]).update(called_at=None)
    running.queue_calls(run=run, items=lost, now=at)


def _write(calls: dict[int, HandoverCall], at: datetime) -> None:
    """When each call is asked about again; one without anybody on the way is closed."""
    left: dict[int, list[HandoverItem]] = defaultdict(list)
    on_way = HandoverItem.objects.current().filter(
        call_id__in=calls, state__in=[ItemState.WAITING, ItemState.UNKNOWN]
    )
    for item in on_way:
        left[item.call_id or 0].append(item)
    for pk, call in calls.items():
        lost = any(one.state == ItemState.UNKNOWN for one in left[pk])
        state = State.UNKNOWN if lost else State.ASKED if left[pk] else State.CLOSED
        HandoverCall.objects.filter(pk=pk).update(
            state=state,
            asks=call.asks + 1,
            due_at=_next(call, left[pk], at),
            reason="",
            lease_token=None,
            lease_until=None,
        )


def _next(call: HandoverCall, items: Sequence[HandoverItem], at: datetime) -> datetime:
    pause = at + PAUSES[min(call.asks, len(PAUSES) - 1)]
    moments = [one.takeover_at + JUST_AFTER for one in items if one.takeover_at]
    return min([pause, *(moment for moment in moments if moment > at)])


def hear_of_failure(*, corp_id: str, userid: str, external_userid: str, now: datetime) -> bool:
    """WeCom told that a takeover did not happen. A hint only: its list is asked at once."""
    items = (
        HandoverItem.objects.current()
        .open()
        .filter(
            run__corp_id=corp_id, takeover__wecom_userid=userid, external_userid=external_userid
        )
    )
    calls = HandoverCall.objects.filter(
        pk__in=items.values("call_id"), state__in=[State.ASKED, State.UNKNOWN]
    )
    if not calls.update(due_at=now):
        return False
    wake(JOB)
    return True
