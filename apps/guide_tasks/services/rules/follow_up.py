"""Delivered, no order since: the guide asks once more."""

from datetime import datetime

from apps.core import clock
from apps.guide_tasks.models import Grade, TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.wording import why_patterns

_SELECT = """
SELECT person.survivor_id, 'follow_up:task_target:' || t.id, NULL::bigint,
    CASE WHEN gone.days > 0 THEN format(%s, gone.days) ELSE %s END, %s::timestamptz, %s::timestamptz
FROM guide_tasks_tasktarget AS t
JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
JOIN members_member AS person ON person.id = t.member_id
CROSS JOIN LATERAL (
    SELECT %s::date - (t.contacted_at AT TIME ZONE %s)::date AS days) AS gone
WHERE push.kind = 'contact' AND push.follow_up_days IS NOT NULL
  AND t.state = 'done' AND t.contact_grade = %s AND t.purchased_at IS NULL
  AND t.contacted_at >= %s
  AND t.contacted_at <= %s::timestamptz - push.follow_up_days * interval '1 day'
  AND t.contacted_at > %s::timestamptz - push.follow_up_days * interval '1 day'
  AND NOT EXISTS (
      SELECT 1 FROM orders_order AS o JOIN members_member AS buyer ON buyer.id = o.member_id
      WHERE buyer.survivor_id = person.survivor_id AND o.kind = 'sale' AND o.paid_at >= t.opens_at)
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Messages delivered as many days ago as their push says, without an order since."""
    why = why_patterns()
    params = [
        why["follow_up"],
        why["follow_up_today"],
        now,
        issuing.end_of_day(now, rule.due_days),
        clock.business_day(now),
        str(clock.chain_tz()),
        int(Grade.DELIVERED),
        rule.active_since,
        now,
        now - RECENT,  # who could not be asked in all that time is left in peace
    ]
    return Finds(_SELECT, params)
