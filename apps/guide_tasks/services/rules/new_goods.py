"""New goods of the kind a member buys most: once a week at most, only what comes in TA's size.

"New" is a style none of whose articles was known before. The product knows no stock, so TA's size
means that the style is made in it; what a store has on its shelf stays the guide's to look up.
"""

from datetime import datetime

from apps.core import clock
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.wording import why_patterns

_ONE_SIZE = ("", "均码")

_SELECT = """
WITH fresh AS MATERIALIZED (
    SELECT article.category, article.style_no, article.name, article.size, style.listed_at
    FROM (
        SELECT style_no, min(listed_at) AS listed_at FROM orders_product
        GROUP BY style_no HAVING min(listed_at) >= %s AND min(listed_at) <= %s
    ) AS style
    JOIN orders_product AS article ON article.style_no = style.style_no
)
SELECT m.id, 'new_goods:member:' || m.id || ':'
        || to_char(best.listed_at AT TIME ZONE %s, 'IYYY-IW'),
    NULL::bigint,
    CASE WHEN best.size = ANY(%s) THEN format(%s, best.name)
         ELSE format(%s, best.name, best.size) END,
    %s::timestamptz, %s::timestamptz
FROM profiles_memberfacts AS f
JOIN members_member AS m ON m.id = f.member_id AND m.survivor_id = m.id
CROSS JOIN LATERAL (
    SELECT fresh.name, fresh.size, fresh.listed_at FROM fresh
    WHERE fresh.category = f.favourite_category
      AND (fresh.size = ANY(%s) OR fresh.size =
           CASE WHEN fresh.category LIKE '%%鞋%%' THEN f.shoe_size ELSE f.clothing_size END)
    ORDER BY fresh.listed_at DESC, fresh.style_no LIMIT 1
) AS best
WHERE f.favourite_category <> ''
  AND f.favourite_category = ANY(SELECT DISTINCT category FROM fresh)
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Who buys most of a category in which something new has just come, in TA's size."""
    why, today = why_patterns(), clock.business_day(now)
    one_size = list(_ONE_SIZE)
    params = [
        max(clock.day_start(today - RECENT), rule.active_since or now),
        now,
        str(clock.chain_tz()),
        one_size,
        why["new_goods"],
        why["new_goods_size"],
        now,
        issuing.end_of_day(now, rule.due_days),
        one_size,
    ]
    return Finds(_SELECT, params, gentle=True)
