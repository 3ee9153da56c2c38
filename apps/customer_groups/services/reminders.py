"""催办 of sends to groups: WeCom nudges owners who have not confirmed; three a day at most."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.accounts.actor import Actor
from apps.core.wake import wake
from apps.customer_groups.models import GroupSendReminder
from apps.customer_groups.services.codes import JOB
from apps.outreach.services import reminders

# sends on these owners' phones; one statement for any number. One that waits for its hour is enough
_QUEUE = """
INSERT INTO customer_groups_groupsendreminder
    (send_id, wave, state, reason, not_before, created_by, created_at)
SELECT send.id, wanted.wave, 'queued', '', wanted.not_before, %(actor)s, %(now)s::timestamptz
FROM unnest(%(sources)s::text[], %(guides)s::bigint[], %(waves)s::text[],
            %(moments)s::timestamptz[])
    AS wanted (source, guide_id, wave, not_before)
JOIN customer_groups_groupsend AS send
    ON send.source = wanted.source AND send.guide_id = wanted.guide_id
WHERE send.state = 'handed_over' AND send.msgid <> ''
    AND send.confirmed_at IS NULL AND send.withdrawn_at IS NULL
    AND (SELECT count(*) FROM customer_groups_groupsendreminder AS before
         WHERE before.send_id = send.id
            AND before.state IN ('queued', 'reminded', 'unknown')
            AND before.created_at > %(since)s) < %(most)s
    AND NOT EXISTS (SELECT FROM customer_groups_groupsendreminder AS ahead
         WHERE ahead.send_id = send.id AND ahead.state = 'queued'
            AND ahead.not_before > %(now)s)
ON CONFLICT (send_id, wave) DO NOTHING
"""


class Nudge(NamedTuple):
    """A source's send is to be brought to mind to its owner, not before a moment. The `wave` names
    the occasion."""

    source: str
    guide_id: int
    wave: str
    not_before: datetime


@transaction.atomic
def queue_group_reminders(*, wanted: Sequence[Nudge], actor: Actor, now: datetime) -> int:
    """Have WeCom nudge owners about sends. Returns how many sends.

    The same wave again queues nothing, nor does another while one waits for its hour. Who has
    confirmed is left alone.
    """
    if not wanted:
        return 0
    sources, guides, waves, moments = (list(column) for column in zip(*wanted, strict=True))
    terms: dict[str, Any] = {
        "sources": sources,
        "guides": guides,
        "waves": waves,
        "moments": moments,
        "now": now,
        "actor": actor.label,
        "since": now - timedelta(days=1),
        "most": reminders.A_DAY,
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, terms)
        queued = cursor.rowcount
    if queued:
        wake(JOB)
    return queued


def send_group_reminders(*, now: datetime) -> int:
    """Make the calls that wait; returns how many sends were nudged."""
    return reminders.work_off(GroupSendReminder, now=now)


def forget_group_reminders(*, now: datetime) -> int:
    """Delete old ones; returns how many went."""
    return reminders.forget_old_reminders(now=now, model=GroupSendReminder)
