"""Goods of the kind a member buys most, in TA's size, just arrived: a new style, or one that was
sold out in TA's store and is back. Once a week at most.

"New" is a style none of whose articles was known before. Where TA's store counts its stock, TA's
size lies there; of a store that tells none, it is enough that the style is made in that size.
"""

from datetime import datetime

from apps.core import clock
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.wording import why_patterns

_ONE_SIZE = ("", "均码")

# `store_id` 0: any store that tells no stock
_SELECT = """
WITH fresh AS MATERIALIZED (
    SELECT article.id, article.category, article.style_no, article.name, article.size,
        style.listed_at AS at
    FROM (
        SELECT style_no, min(listed_at) AS listed_at FROM orders_product
        GROUP BY style_no HAVING min(listed_at) >= %s AND min(listed_at) <= %s
    ) AS style
    JOIN orders_product AS article ON article.style_no = style.style_no
), arrived AS MATERIALIZED (
    SELECT DISTINCT ON (store_id, category, size) *
    FROM (
        SELECT 0 AS store_id, category, size, style_no, name, at, false AS is_back FROM fresh
        UNION ALL
        SELECT level.store_id, category, size, style_no, name, at, false
        FROM fresh JOIN stock_stocklevel AS level ON level.product_id = fresh.id
        WHERE level.quantity > 0
        UNION ALL
        SELECT level.store_id, category, size, style_no, name, level.back_at, true
        FROM stock_stocklevel AS level JOIN orders_product AS p ON p.id = level.product_id
        WHERE level.quantity > 0 AND level.back_at >= %s AND level.back_at <= %s
    ) AS piece
    ORDER BY store_id, category, size, at DESC, is_back, style_no
), counting AS MATERIALIZED (
    SELECT store.id FROM stores_store AS store
    WHERE EXISTS (SELECT 1 FROM stock_stocklevel AS level WHERE level.store_id = store.id)
)
SELECT DISTINCT ON (m.id) m.id, 'new_goods:member:' || m.id || ':'
        || to_char(best.at AT TIME ZONE %s, 'IYYY-IW'),
    NULL::bigint,
    CASE WHEN best.is_back THEN CASE WHEN best.size = ANY(%s) THEN format(%s, best.name)
             ELSE format(%s, best.name, best.size) END
         WHEN best.size = ANY(%s) THEN format(%s, best.name)
         ELSE format(%s, best.name, best.size) END,
    %s::timestamptz, %s::timestamptz
FROM profiles_memberfacts AS f
JOIN members_member AS m ON m.id = f.member_id AND m.survivor_id = m.id
LEFT JOIN members_servingperiod AS serving ON serving.member_id = m.id AND serving.until IS NULL
LEFT JOIN counting ON counting.id = serving.store_id
JOIN arrived AS best ON best.store_id = coalesce(counting.id, 0)
    AND best.category = f.favourite_category
    AND (best.size = ANY(%s) OR best.size =
         CASE WHEN best.category LIKE '%%鞋%%' THEN f.shoe_size ELSE f.clothing_size END)
WHERE f.favourite_category <> ''
  AND f.favourite_category = ANY(SELECT DISTINCT category FROM arrived)
ORDER BY m.id, best.at DESC, best.style_no
"""


def find(rule: TaskRule, now: datetime) -> Finds:
    """Who buys most of a category of which something has just come, in TA's size."""
    why, today = why_patterns(), clock.business_day(now)
    one_size = list(_ONE_SIZE)
    since = max(clock.day_start(today - RECENT), rule.active_since or now)
    params = [
        *(since, now),
        *(since, now),
        str(clock.chain_tz()),
        *(one_size, why["back_in_stock"], why["back_in_stock_size"]),
        *(one_size, why["new_goods"], why["new_goods_size"]),
        now,
        issuing.end_of_day(now, rule.due_days),
        one_size,
    ]
    return Finds(_SELECT, params, gentle=True)
