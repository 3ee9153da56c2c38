"""The fast lane: welcome codes are taken out of the inbox at once, whatever else waits there.

The event itself is read by the usual job; here only its code becomes a welcome, in one transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.contact_codes.selectors import OwnWelcome, own_welcomes
from apps.core import faults
from apps.core.wake import asleep
from apps.guide_tasks.services import rules
from apps.outreach.services import welcomes
from apps.wecom import services as wecom
from apps.wecom.models import RawCallback

BITE = 100


def take_welcome_codes(*, now: datetime, limit: int = 2_000) -> int:
    """Leave a welcome for every new friend that came with a code, and send them; returns how many
    codes were taken."""
    taken = 0
    while taken < limit:
        bite = _take(now)
        taken += bite
        if bite:  # those taken first do not wait for the last
            welcomes.send_welcomes(now=now)
        if bite < BITE:
            break
    rules.mark_unwelcomed(now=now)
    return taken


@transaction.atomic
def _take(now: datetime) -> int:
    rows = wecom.hold_greeting(limit=BITE)
    with asleep():  # no bell: they are sent right after
        welcomes.queue_welcomes(friends=_friends(rows), now=now)
    faults.point("welcomes.queued")
    wecom.greeted(rows)
    return len(rows)


def _friends(rows: Sequence[RawCallback]) -> list[welcomes.NewFriend]:
    """What each event says about the new friend; the code they came by (`State`) may have its own
    words."""
    own = own_welcomes(str(row.fields.get("State") or "") for row in rows)

    def words(row: RawCallback) -> OwnWelcome:
        key = (row.endpoint.corp.corp_id, str(row.fields.get("State") or ""))
        return own.get(key, OwnWelcome())

    return [
        welcomes.NewFriend(
            corp_id=row.endpoint.corp.corp_id,
            userid=str(row.fields.get("UserID") or ""),
            external_userid=str(row.fields.get("ExternalUserID") or "")[:64],
            code=str(row.fields.get("WelcomeCode") or "")[:200],
            state=str(row.fields.get("State") or ""),
            told_at=row.created_by_wecom_at or row.received_at,
            text=words(row).text,
            attachments=words(row).attachments,
        )
        for row in rows
    ]
