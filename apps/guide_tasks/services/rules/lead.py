"""A lead without a first order: some days after the friendship or the enrolment, once."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.wording import why_patterns

_SELECT = """
SELECT known.survivor_id, 'lead:member:' || known.survivor_id, NULL::bigint,
    format(%s, %s::date - (known.at AT TIME ZONE %s)::date), %s::timestamptz, %s::timestamptz
FROM (
    SELECT person.survivor_id, max(occasion.at) AS at
    FROM (
        SELECT f.member_id, f.since AS at FROM members_followrelation AS f
        WHERE f.until IS NULL AND f.since >= %s AND f.since < %s
        UNION ALL
        SELECT m.id, m.joined_at FROM members_member AS m
        WHERE m.joined_at >= %s AND m.joined_at < %s
    ) AS occasion
    JOIN members_member AS person ON person.id = occasion.member_id
    GROUP BY person.survivor_id
) AS known
WHERE NOT EXISTS (
    SELECT 1 FROM members_member AS buyer
    JOIN orders_order AS o ON o.member_id = buyer.id AND o.kind = 'sale'
    WHERE buyer.survivor_id = known.survivor_id)
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Friends and members of so many days ago who have bought nothing yet."""
    today = clock.business_day(now)
    last = today - timedelta(days=rule.delay_days)
    since = max(clock.day_start(last - RECENT + timedelta(days=1)), rule.active_since or now)
    until = clock.day_start(last + timedelta(days=1))
    params = [
        why_patterns()["lead"],
        today,
        str(clock.chain_tz()),
        now,
        issuing.end_of_day(now, rule.due_days),
        since,
        until,
        since,
        until,
    ]
    return Finds(_SELECT, params, gentle=True)
