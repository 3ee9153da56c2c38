"""催办 in WeCom: whoever has not confirmed a send gets WeCom's own nudge. Three a day at most.

Who is chased in our pages is nudged there as well, in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.core import lease, outbox
from apps.core.bites import delete_in_bites
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.outreach.models import Reminder, SendReminder
from apps.wecom.errors import NotNow, Refused, TokenExpired, Unreachable, WeComError, plain_reason
from apps.wecom.services.rounds import Round

JOB = "outreach.send_reminders"
LEASE_SECONDS = 120
BATCH = 100
A_DAY = 3
KEEP_DAYS = 90
# as long as the send waits for the guide
PATIENCE = Patience(first=timedelta(minutes=1), most=timedelta(minutes=1))
TOO_OFTEN, CANCELLED = 41094, 41093

State = SendReminder.State

# sends that wait for the guide, of these receivers; one statement for any number. Of a send to
# several the latest moment counts: no guide is rung at night. One that waits for its hour is
# enough: all that were asked for in the night would ring in the same minute
_QUEUE = """
INSERT INTO outreach_sendreminder
    (send_id, wave, state, reason, not_before, created_by, created_at)
SELECT send.id, max(wanted.wave), 'queued', '', max(wanted.not_before), %(actor)s,
    %(now)s::timestamptz
FROM unnest(%(sources)s::text[], %(waves)s::text[], %(moments)s::timestamptz[])
    AS wanted (source, wave, not_before)
JOIN outreach_dispatchrecipient AS receiver ON receiver.source = wanted.source
JOIN outreach_dispatch AS send ON send.id = receiver.dispatch_id
WHERE receiver.state = 'waiting'
    AND send.state = 'handed_over' AND send.msgid <> ''
    AND (SELECT count(*) FROM outreach_sendreminder AS before
         WHERE before.send_id = send.id AND before.state IN ('queued', 'reminded', 'unknown')
            AND before.created_at > %(since)s) < %(most)s
    AND NOT EXISTS (SELECT FROM outreach_sendreminder AS ahead
         WHERE ahead.send_id = send.id AND ahead.state = 'queued'
            AND ahead.not_before > %(now)s)
GROUP BY send.id
ON CONFLICT (send_id, wave) DO NOTHING
"""


class SendNudge(NamedTuple):
    """The send to a source's receiver is to be brought to mind to its guide, not before a moment.
    The `wave` names the occasion."""

    source: str
    wave: str
    not_before: datetime


@transaction.atomic
def queue_reminders(*, wanted: Sequence[SendNudge], actor: Actor, now: datetime) -> int:
    """Have WeCom nudge guides about sends. Returns of how many sends.

    The same wave again queues nothing, nor does another while one waits for its hour.
    """
    if not wanted:
        return 0
    sources, waves, moments = (list(column) for column in zip(*wanted, strict=True))
    terms: dict[str, Any] = {
        "sources": sources,
        "waves": waves,
        "moments": moments,
        "now": now,
        "actor": actor.label,
        "since": now - timedelta(days=1),
        "most": A_DAY,
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, terms)
        queued = cursor.rowcount
    if queued:
        wake(JOB)
    return queued


def send_reminders(*, now: datetime, limit: int = 2_000) -> int:
    """Make the calls that wait; returns how many sends were nudged."""
    return work_off(SendReminder, now=now, limit=limit)


def work_off(model: type[Reminder], *, now: datetime, limit: int = 2_000) -> int:
    """Make the calls that wait for this kind of send. A corp that wants no call now is left alone
    for the rest of this run."""
    run, done = Round(now), 0
    rows: Any = model._default_manager

    def due(at: datetime) -> QuerySet[Reminder]:
        waiting = rows.filter(state=State.QUEUED)
        return waiting.exclude(send__corp_id__in=run.resting).due(at)

    for token, ids in outbox.batches(
        due, clock=run.moment, seconds=LEASE_SECONDS, batch=BATCH, limit=limit
    ):
        for pk in ids:
            with outbox.alone("reminder_failed", reminder_id=pk):
                done += _remind(rows, pk, token, run)
    return done


def _remind(rows: Any, pk: int, token: UUID, run: Round) -> bool:
    row = _prepare(rows, pk, token, run.moment())
    if row is None:
        return False
    try:
        run.client(row.send.corp_id).remind_mass_send(msgid=row.send.msgid)
    except WeComError as error:
        if error.retryable:  # nothing was called
            _put_off(rows, row, token, error, run)
            return False
        row.settle(token, state=_after(error), reason=_why(error))
        return False
    return row.settle(token, state=State.REMINDED, reason="")


@transaction.atomic
def _prepare(rows: Any, pk: int, token: UUID, at: datetime) -> Reminder | None:
    """The mark that the call begins; None when there is nothing to call for."""
    row: Reminder | None = rows.filter(state=State.QUEUED).select_related("send").held(pk, token)
    if row is None:
        return None
    if row.call_started_at is not None:
        row.settle(token, state=State.UNKNOWN, reason=gettext("the reply was lost"))
        return None
    if not row.send.is_waiting:
        row.settle(token, state=State.NOT_NEEDED)
        return None
    row.call_started_at = at
    row.save(update_fields=["call_started_at"])
    return row


def _after(error: WeComError) -> str:
    if error.outcome_unknown:
        return State.UNKNOWN
    if isinstance(error, Refused) and error.errcode == CANCELLED:
        return State.NOT_NEEDED
    return State.REFUSED


def _why(error: WeComError) -> str:
    if error.errcode == TOO_OFTEN:
        return gettext("WeCom takes three reminders in 24 hours")
    return plain_reason(error)


@transaction.atomic
def _put_off(rows: Any, row: Reminder, token: UUID, error: WeComError, run: Round) -> None:
    """This one was not called; where all of its corp would be told the same, nor were those behind
    it. One whose answer nobody wrote down keeps its mark."""
    fate = fate_of(error, failed=0, patience=PATIENCE, at=run.moment())
    uncalled = Q(pk=row.pk)
    if isinstance(error, NotNow | Unreachable | TokenExpired):
        run.resting.add(row.send.corp_id)
        uncalled |= Q(call_started_at=None, send__corp_id=row.send.corp_id)
    queued = rows.filter(uncalled, state=State.QUEUED)
    lease.release(queued, token=token, call_started_at=None, not_before=fate.not_before)


def forget_old_reminders(*, now: datetime, model: type[Reminder] = SendReminder) -> int:
    """Delete what is older than KEEP_DAYS; returns how many went."""
    rows: Any = model._default_manager
    old = rows.filter(created_at__lt=now - timedelta(days=KEEP_DAYS))
    return delete_in_bites(old.exclude(state=State.QUEUED))
