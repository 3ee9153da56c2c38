"""Guides' minutes as a budget: what a push asks for, what it pushes aside, what it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from apps.core import clock
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.wording import MINUTES_PER_CONFIRMATION

SHOWN = 5


@dataclass(frozen=True, slots=True)
class GuideCost:
    """One guide's share, beside what is open there already until the push is due."""

    guide_id: int
    guide: str
    store: str
    customers: int
    minutes: int
    open_minutes: int


@dataclass(frozen=True, slots=True)
class PushCost:
    """What a push asks for. `budget` is a guide's minutes from the hand-out to the due time;
    `displaced` counts minutes of open work that guides over it would leave lying."""

    guides: int
    minutes: int
    minutes_each: int
    minutes_together: int
    days: int
    budget: int
    over: int
    displaced: int
    busiest: tuple[GuideCost, ...]

    @property
    def average(self) -> float:
        return self.minutes / self.guides if self.guides else 0.0

    @property
    def most(self) -> GuideCost | None:
        return max(self.busiest, key=lambda row: row.minutes, default=None)

    @property
    def together_per_guide(self) -> int:
        return self.minutes_together // self.guides if self.guides else 0


# the busiest come first by their own share, then by everything; sums are over all guides
_COST = """
WITH share AS (
    SELECT * FROM unnest(%(guides)s::bigint[], %(counts)s::int[]) AS given (guide_id, customers)
), work AS (
    SELECT target.guide_id, sum(push.minutes_per_target) AS minutes
    FROM guide_tasks_tasktarget AS target
    JOIN guide_tasks_taskpush AS push ON push.id = target.push_id
    WHERE target.state IN ('open', 'in_progress') AND target.opens_at <= %(due)s
        AND target.guide_id = ANY(%(guides)s)
    GROUP BY target.guide_id
), cost AS (
    SELECT share.guide_id, share.customers, share.customers * %(each)s AS minutes,
        coalesce(work.minutes, 0) AS open_minutes,
        greatest(share.customers * %(each)s + coalesce(work.minutes, 0) - %(budget)s, 0) AS too_much
    FROM share LEFT JOIN work ON work.guide_id = share.guide_id
), summed AS (
    SELECT *, count(*) FILTER (WHERE too_much > 0) OVER () AS over,
        sum(least(too_much, open_minutes)) OVER () AS displaced
    FROM cost
)
SELECT summed.guide_id, guide.name, coalesce(store.name, ''), customers, minutes, open_minutes,
    over, displaced
FROM summed
JOIN stores_guide AS guide ON guide.id = summed.guide_id
LEFT JOIN stores_posting AS posting
    ON posting.guide_id = guide.id AND posting.during @> %(today)s::date
LEFT JOIN stores_store AS store ON store.id = posting.store_id
ORDER BY minutes DESC, open_minutes DESC, summed.guide_id LIMIT %(shown)s
"""


def push_cost(*, push: TaskPush, loads: Mapping[str, int], now: datetime) -> PushCost:
    """What a push would cost its guides: `loads` (guide id → customers) as counted by the forecast.

    One query. Minutes, chain days; the day's minutes are a setting (GUIDE_MINUTES_PER_DAY).
    """
    start = max(push.hand_out_at or now, now)
    due = max(push.due_at or start, start)
    days = (clock.business_day(due) - clock.business_day(start)).days + 1
    budget = days * settings.GUIDE_MINUTES_PER_DAY
    terms: dict[str, Any] = {
        "guides": [int(guide_id) for guide_id in loads],
        "counts": list(loads.values()),
        "each": push.minutes_per_target,
        "budget": budget,
        "due": due,
        "today": clock.business_day(now),
        "shown": SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COST, terms)
        rows = cursor.fetchall()
    return PushCost(
        guides=len(loads),
        minutes=sum(loads.values()) * push.minutes_per_target,
        minutes_each=push.minutes_per_target,
        minutes_together=len(loads) * MINUTES_PER_CONFIRMATION,
        days=days,
        budget=budget,
        over=int(rows[0][6]) if rows else 0,
        displaced=int(rows[0][7]) if rows else 0,
        busiest=tuple(GuideCost(*row[:6]) for row in rows),
    )


_TOGETHER = """
SELECT count(DISTINCT send.id), count(receiver.id)
FROM guide_tasks_guidetask AS task
JOIN outreach_dispatch AS send ON send.source = 'guide_task:' || task.id
JOIN outreach_dispatchrecipient AS receiver
    ON receiver.dispatch_id = send.id AND receiver.state IN ('waiting', 'delivered')
WHERE task.push_id = %s
"""


def minutes_spent(*, push: TaskPush, contacted: int) -> int:
    """An estimate of the minutes guides have spent on a push with so many customers contacted: the
    push's minutes for each one alone, two for each confirmation that went to many at once."""
    with connection.cursor() as cursor:
        cursor.execute(_TOGETHER, [push.pk])
        confirmations, together = cursor.fetchone()
    alone = max(contacted - together, 0)
    return alone * push.minutes_per_target + confirmations * MINUTES_PER_CONFIRMATION
