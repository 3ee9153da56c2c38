"""What customers did while a large push was on its way to them.

The decision knew them as they were before, and whoever took their word meanwhile found no target of
theirs yet. Stops are swept with the rules; erasures are followed as the push closes.
"""

from datetime import datetime, timedelta

from django.db import connection

from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import consents, evidence

# orders in one transaction
BATCH = 500
# who began before the decision and committed after it was not seen either
_MARGIN = timedelta(minutes=1)

# all at once: there are few, and with a limit the planner might walk through every order there is
_ORDERS = """
SELECT sale.id FROM orders_order AS sale
JOIN members_member AS buyer ON buyer.id = sale.member_id
WHERE sale.recorded_at >= %s AND EXISTS (
    SELECT FROM members_member AS person
    JOIN guide_tasks_tasktarget AS target ON target.member_id = person.id
    WHERE person.survivor_id = buyer.survivor_id AND target.push_id = %s)
ORDER BY sale.id
"""


def catch_up(*, push: TaskPush, now: datetime) -> None:
    """Excuse who took a consent back since the decision, and count what they bought since, in
    committed batches. Safe to repeat; for pushes that were written in parts."""
    if push.handing_out_at is None:
        return
    since = push.handing_out_at - _MARGIN
    consents.excuse_withdrawn_since(push=push, since=since, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS, [since, push.pk])
        order_ids = [row[0] for row in cursor.fetchall()]
    for first in range(0, len(order_ids), BATCH):
        evidence.record_purchases(order_ids=order_ids[first : first + BATCH], now=now)
