"""A visit noted without a purchase: whoever noted it writes some days later."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds, friend, written_since
from apps.guide_tasks.wording import why_patterns
from apps.members.models import VisitReason

# the guide says that TA took something, whatever the till knows
_BOUGHT = (VisitReason.FOR_SELF, VisitReason.GIFT, VisitReason.OCCASION, VisitReason.OFFER)

_SELECT = f"""
SELECT person.survivor_id, 'revisit:interaction:' || visit.id, {friend("visit.guide_id")},
    format(%s, to_char(visit.occurred_at AT TIME ZONE %s, 'FMMM-DD')),
    %s::timestamptz, %s::timestamptz
FROM members_interaction AS visit
JOIN members_member AS person ON person.id = visit.member_id
WHERE visit.kind = 'visit' AND visit.occurred_at >= %s AND visit.occurred_at < %s
  AND visit.reason <> ALL(%s)
  AND NOT EXISTS (  -- bought on that day or after it
      SELECT 1 FROM members_member AS buyer
      JOIN orders_order AS o ON o.member_id = buyer.id AND o.kind = 'sale'
      WHERE buyer.survivor_id = person.survivor_id
        AND o.business_on >= (visit.occurred_at AT TIME ZONE %s)::date)
  AND NOT {written_since("visit.occurred_at")}
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Visits of so many days ago after which nothing was bought and nobody wrote."""
    zone = str(clock.chain_tz())
    last = clock.business_day(now) - timedelta(days=rule.delay_days)
    params = [
        why_patterns()["revisit"],
        zone,
        now,
        issuing.end_of_day(now, rule.due_days),
        max(clock.day_start(last - RECENT + timedelta(days=1)), rule.active_since or now),
        clock.day_start(last + timedelta(days=1)),
        [reason.value for reason in _BOUGHT],
        zone,
    ]
    return Finds(_SELECT, params, gentle=True, own_guide=True)
