"""Becoming silent: on the day the stage changes, those most would be lost with first."""

from datetime import datetime

from apps.core import clock
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.wording import why_patterns

# days that were missed, and members over a guide's number for the day, are found again for a while
_SELECT = """
SELECT p.member_id, 'silent:member:' || p.member_id || ':' || p.stage_since, NULL::bigint,
    CASE WHEN f.usual_gap_days > 0
         THEN format(%s, %s::date - p.last_order_on, f.usual_gap_days)
         ELSE format(%s, %s::date - p.last_order_on) END,
    %s::timestamptz, %s::timestamptz
FROM profiles_memberprofile AS p
JOIN members_member AS m ON m.id = p.member_id AND m.survivor_id = m.id
LEFT JOIN profiles_memberfacts AS f ON f.member_id = p.member_id
WHERE p.stage = 'silent' AND p.stage_since > %s AND p.stage_since <= %s AND p.stage_since >= %s
  -- who by the own rhythm is not due yet is not missed; the repurchase rule has the day
  AND coalesce(f.usual_gap_days, 0) <= %s::date - p.last_order_on
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Who has just become silent."""
    why, today = why_patterns(), clock.business_day(now)
    params = [
        why["rhythm"],
        today,
        why["days"],
        today,
        now,
        issuing.end_of_day(now, rule.due_days),
        today - RECENT,
        today,
        clock.business_day(rule.active_since or now),
        today,
    ]
    return Finds(_SELECT, params, gentle=True)
