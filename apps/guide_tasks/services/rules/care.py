"""After a purchase: a step so many days later, for one category or for all that have none."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import TaskRule
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.wording import why_patterns
from apps.orders.selectors import NET_SALES

# a step is planned so many days before it opens; a later one is decided when it comes near
PLAN_AHEAD_DAYS = 3

_SELECT = f"""
SELECT buyer.survivor_id, 'care:order:' || o.id || ':' || %s, NULL::bigint,
    CASE WHEN line.name IS NULL THEN format(%s, bought.word)
         ELSE format(%s, line.name, bought.word) END,
    opens.at, greatest(opens.at + %s * interval '1 day' + (%s::time - %s::time), %s)
FROM ({NET_SALES}) AS o
JOIN members_member AS buyer ON buyer.id = o.member_id
CROSS JOIN LATERAL (SELECT
    ((o.business_on + %s)::date + %s::time) AT TIME ZONE %s AS at) AS opens
CROSS JOIN LATERAL (SELECT to_char(o.business_on, 'FMMM-DD') AS word) AS bought
LEFT JOIN LATERAL (
    SELECT product.name, product.category FROM orders_orderline AS l
    JOIN orders_product AS product ON product.id = l.product_id
    WHERE l.order_id = o.id AND l.paid_at = o.paid_at AND l.quantity > 0 AND NOT l.is_gift
    ORDER BY l.net_fen DESC, l.line_no LIMIT 1) AS line ON true
WHERE o.recorded_at >= %s AND o.paid_at >= %s AND o.paid_at <= %s AND o.business_on <= %s
  AND o.net_fen > 0
  AND CASE WHEN %s <> '' THEN line.category = %s
      ELSE NOT EXISTS (
          SELECT 1 FROM guide_tasks_taskrule AS own
          WHERE own.key = 'care' AND own.is_active AND own.category = line.category) END
  AND NOT EXISTS (  -- two receipts of one day are one purchase to look after
      SELECT 1 FROM guide_tasks_tasktarget AS t
      WHERE t.member_id = buyer.survivor_id AND t.opens_at = opens.at
        AND t.cause LIKE 'care:order:%%' AND t.excuse_reason <> 'returned')
"""


def looks_daily(rule: TaskRule) -> bool:
    """A step far from the purchase needs no look at every report of the till."""
    return rule.delay_days > PLAN_AHEAD_DAYS


def find(rule: TaskRule, now: datetime) -> Finds:
    """Purchases whose step comes near; what came back entirely needs none."""
    why = why_patterns()
    waits = timedelta(days=max(rule.delay_days - PLAN_AHEAD_DAYS, 0))
    params = [
        str(rule.pk),
        why["care_plain"],
        why["care"],
        rule.due_days,
        hours.CONTACT_UNTIL,
        hours.CONTACT_FROM,
        issuing.end_of_day(now, 0),  # a purchase reported late is not overdue at birth
        rule.delay_days,
        hours.CONTACT_FROM,
        str(clock.chain_tz()),
        rule.active_since,
        now - RECENT - waits,
        now,
        clock.business_day(now) - waits,
        rule.category,
        rule.category,
    ]
    return Finds(_SELECT, params, marketing=False)
