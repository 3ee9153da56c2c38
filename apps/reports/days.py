"""日报: a store's day in counts and rates, for any number of stores at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q

from apps.core import clock
from apps.guide_tasks.models import OPEN_STATES, ExcuseReason, Grade, GuideTask, State, TaskTarget
from apps.guide_tasks.rates import Completion
from apps.orders.selectors import NET_SALES

DAYS = 7
# work that ended longer ago is not looked at for yesterday
_LOOK_BACK = timedelta(days=40)


@dataclass(frozen=True)
class StoreDay(Completion):
    """Yesterday's orders of members (net above zero), members reached (已送达) and buyers after a
    task; tasks due in the seven days until yesterday; what is open this morning. `+` adds two up.
    """

    orders: int = 0
    reached: int = 0
    bought: int = 0
    issued: int = 0
    done: int = 0
    excused: int = 0
    open: int = 0
    overdue: int = 0

    def __add__(self, other: "StoreDay") -> "StoreDay":
        names = self.__dataclass_fields__
        return StoreDay(**{name: getattr(self, name) + getattr(other, name) for name in names})


_ORDERS = f"""
SELECT sale.store_id, count(*)
FROM ({NET_SALES} AND sale.store_id = ANY(%s) AND sale.business_on = %s
    AND sale.member_id IS NOT NULL) AS sale
WHERE sale.net_fen > 0
GROUP BY 1
"""


def store_days(*, store_ids: Sequence[int], now: datetime) -> dict[int, StoreDay]:
    """Each store's day, in two queries; a store without any figure has zeros."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    yesterday = clock.business_day(now) - timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS, [list(store_ids), yesterday])
        for store_id, orders in cursor.fetchall():
            found[store_id]["orders"] = orders
    for row in _work(store_ids, now):
        found[row.pop("store_id")].update(row)
    return {store_id: StoreDay(**found.get(store_id, {})) for store_id in store_ids}


def _work(store_ids: Sequence[int], now: datetime) -> list[dict[str, int]]:
    today = clock.business_day(now)
    until = clock.day_start(today)
    since, day = until - timedelta(days=DAYS), until - timedelta(days=1)
    due = Q(due_at__gte=since, due_at__lt=until)
    asked = due & ~Q(excuse_reason=ExcuseReason.WITHDRAWN)
    waits = Q(state__in=OPEN_STATES, opens_at__lte=now)
    tasks = GuideTask.objects.filter(store_id__in=store_ids, due_at__gte=since - _LOOK_BACK)
    counts: dict[str, Any] = {
        "reached": Count(
            "member_id",
            distinct=True,
            filter=Q(contact_grade=Grade.DELIVERED, contacted_at__gte=day, contacted_at__lt=until),
        ),
        "bought": Count(
            "member_id", distinct=True, filter=Q(purchased_at__gte=day, purchased_at__lt=until)
        ),
        "issued": Count("pk", filter=asked),
        "done": Count("pk", filter=due & Q(state=State.DONE, done_at__lte=F("due_at"))),
        "excused": Count("pk", filter=asked & Q(state=State.NOT_APPLICABLE)),
        "open": Count("pk", filter=waits),
        "overdue": Count("pk", filter=waits & Q(due_at__lt=now)),
    }
    rows = TaskTarget.objects.filter(task_id__in=tasks.values("pk")).order_by()
    counted: Any = rows.values("store_id").annotate(**counts)
    return list(counted)
