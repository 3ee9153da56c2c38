"""Repurchase due: shortly before the day by which the member usually is back."""

from datetime import datetime

from apps.core import clock
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import Finds
from apps.guide_tasks.wording import why_patterns

# who comes every week needs no reminder
SHORTEST_RHYTHM_DAYS = 14

# until the expected day itself; after it the stage says when somebody stays away
_SELECT = """
SELECT p.member_id, 'repurchase:member:' || p.member_id || ':' || p.last_order_on, NULL::bigint,
    format(%s, f.usual_gap_days, to_char(p.last_order_on + f.usual_gap_days, 'FMMM-DD')),
    %s::timestamptz, %s::timestamptz
FROM profiles_memberfacts AS f
JOIN profiles_memberprofile AS p ON p.member_id = f.member_id
JOIN members_member AS m ON m.id = p.member_id AND m.survivor_id = m.id
WHERE f.usual_gap_days >= %s AND f.usual_gap_days > %s
  AND p.last_order_on + f.usual_gap_days - %s <= %s
  AND p.last_order_on + f.usual_gap_days >= %s
  AND p.last_order_on + f.usual_gap_days - %s >= %s
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Whose usual gap since the last purchase is nearly over."""
    today = clock.business_day(now)
    params = [
        why_patterns()["repurchase"],
        now,
        issuing.end_of_day(now, rule.due_days),
        SHORTEST_RHYTHM_DAYS,
        rule.lead_days,
        rule.lead_days,
        today,
        today,
        rule.lead_days,
        clock.business_day(rule.active_since or now),
    ]
    return Finds(_SELECT, params, gentle=True)
