"""The first word: to a new WeCom friend by the guide who won them, to a new member who is one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import Finds, written_since
from apps.guide_tasks.wording import why_patterns

WITHIN = timedelta(days=2)

_GREETINGS = """
SELECT person.survivor_id, 'greeting:follow:' || f.id, f.guide_id, %s, %s::timestamptz,
    %s::timestamptz
FROM members_followrelation AS f JOIN members_member AS person ON person.id = f.member_id
WHERE f.until IS NULL AND f.since >= %s AND f.since >= %s {only}
  AND NOT EXISTS (  -- lost from WeCom's list and listed again: an old friend
      SELECT 1 FROM members_followrelation AS earlier
      WHERE earlier.guide_id = f.guide_id AND earlier.external_userid = f.external_userid
        AND earlier.ended_by = 'reconciled' AND earlier.until <= f.since
        AND earlier.until > f.since - interval '2 days')
  AND NOT {written}  -- greeted
"""
_WELCOMES = f"""
SELECT person.id, 'welcome:member:' || person.id, NULL::bigint, %s, %s::timestamptz,
    %s::timestamptz
FROM members_member AS person
WHERE person.survivor_id = person.id AND person.erased_at IS NULL
  AND person.joined_at >= %s AND person.joined_at >= %s AND person.joined_at <= %s
  AND EXISTS (
      SELECT 1 FROM members_member AS card
      JOIN members_followrelation AS f ON f.member_id = card.id AND f.until IS NULL
      WHERE card.survivor_id = person.id)
  AND NOT EXISTS (  -- greeted as a new friend, or written to since: one first word is enough
      SELECT 1 FROM guide_tasks_tasktarget AS t
      WHERE t.member_id = person.id AND t.cause LIKE 'greeting:%%' AND t.created_at >= %s)
  AND NOT {written_since("person.joined_at")}
"""

# whom WeCom's welcome did not reach reads so in the guide's list: say hello first
_UNWELCOMED = """
UPDATE guide_tasks_tasktarget AS t SET why = %s
FROM outreach_welcome AS w
JOIN members_followrelation AS f
    ON f.guide_id = w.guide_id AND f.external_userid = w.external_userid
WHERE w.told_at >= %s AND w.state IN ('missed', 'failed', 'unknown')
  AND f.since BETWEEN w.told_at - interval '1 minute' AND w.told_at + interval '1 minute'
  AND t.cause = 'greeting:follow:' || f.id AND t.state = 'open' AND t.why = %s
"""


def find(rule: TaskRule, now: datetime, *, follow_ids: Sequence[int] | None = None) -> Finds:
    """Friendships that have just begun (default: all recent ones)."""
    params: list[Any] = [
        why_patterns()["greeting"],
        now,
        issuing.end_of_day(now, rule.due_days),
        rule.active_since,
        now - WITHIN,
    ]
    only = ""
    if follow_ids is not None:
        only = "AND f.id = ANY(%s)"
        params.append(list(follow_ids))
    select = _GREETINGS.format(only=only, written=written_since("f.since", by="f.guide_id"))
    return Finds(select, params, marketing=False, own_guide=True, despite_case=True)


def find_members(rule: TaskRule, now: datetime) -> Finds:
    """Who has just joined and is a WeCom friend since before; new friends are greeted as such."""
    params = [
        why_patterns()["welcome"],
        now,
        issuing.end_of_day(now, rule.due_days),
        rule.active_since,
        now - WITHIN,
        now,
        now - 2 * WITHIN,
    ]
    return Finds(_WELCOMES, params, marketing=False, despite_case=True)


def mark_unwelcomed(*, now: datetime) -> int:
    """Say in open greetings that the customer got no welcome; returns how many were marked."""
    why = why_patterns()
    with connection.cursor() as cursor:
        cursor.execute(_UNWELCOMED, [why["unwelcomed"], now - WITHIN, why["greeting"]])
        return cursor.rowcount
