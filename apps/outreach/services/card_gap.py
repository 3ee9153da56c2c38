"""A guide's phone rings for work once in CARD_GAP_MINUTES: what comes meanwhile waits."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from apps.core import hours
from apps.outreach.models import GuideNotice

State = GuideNotice.State

# put off, not passed over: what waits would else be walked again at each claim. A gap that ends
# after the hours ends with the night
_HOLD = """
WITH held AS MATERIALIZED (
    SELECT waiting.id, rang.sent_at + %(gap)s AS ends
    FROM outreach_guidenotice AS waiting
    CROSS JOIN LATERAL (
        SELECT sent.sent_at FROM outreach_guidenotice AS sent
        WHERE sent.guide_id = waiting.guide_id AND sent.state = 'sent'
            AND sent.sent_at > %(at)s - %(gap)s
        ORDER BY sent.sent_at DESC LIMIT 1
    ) AS rang
    WHERE waiting.state = 'queued' AND NOT waiting.at_once AND waiting.not_before <= %(at)s
        AND (waiting.lease_until IS NULL OR waiting.lease_until < %(at)s)
    FOR UPDATE OF waiting SKIP LOCKED
)
UPDATE outreach_guidenotice AS card
SET reason = %(reason)s, not_before = CASE
    WHEN held.ends < %(closes)s THEN held.ends ELSE GREATEST(held.ends, %(opens)s) END
FROM held WHERE card.id = held.id
"""


def gap() -> timedelta:
    return timedelta(minutes=settings.CARD_GAP_MINUTES)


def hold_back(*, at: datetime) -> int:
    """Put off the due cards of guides whose phone rang a short while ago, to the end of that gap
    or to the next hour of cards; one statement. Returns how many now wait."""
    if not gap():
        return 0
    start, end = settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL
    closes = hours.closing(at, start, end)
    values: dict[str, Any] = {
        "at": at,
        "gap": gap(),
        "closes": closes,
        "opens": hours.next_within(closes, start, end),
        "reason": gettext("the phone rang a short while ago"),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, values)
        return cursor.rowcount


def may_ring(due: QuerySet[GuideNotice], at: datetime) -> QuerySet[GuideNotice]:
    """Without the cards of guides whose phone has rung since the others were put off; what
    somebody waits for goes at once."""
    if not gap():
        return due
    rang = GuideNotice.objects.filter(
        guide_id=OuterRef("guide_id"), state=State.SENT, sent_at__gt=at - gap()
    )
    return due.filter(Q(at_once=True) | ~Exists(rang))
