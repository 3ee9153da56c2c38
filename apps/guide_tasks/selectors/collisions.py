"""What is running in stores already, before somebody hands out more: the wizard's minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from apps.core import clock
from apps.guide_tasks.models import (
    ITEM_KINDS,
    GuideTask,
    PushSeries,
    SeriesOccurrence,
    TaskPush,
)
from apps.stores.models import Posting, Store

LISTED = 12
# what was due longer ago is closed
_LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class StoreLoad:
    """A store's guides and their open minutes until the due time; `over` of them would be above
    their budget with the new work."""

    store_id: int
    guides: int
    open_minutes: int
    most_minutes: int
    over: int

    @property
    def average(self) -> int:
        return round(self.open_minutes / self.guides) if self.guides else 0


@dataclass(frozen=True, slots=True)
class Running:
    """A push that is open in some of the stores, or (`open` = 0) goes out there in these days."""

    push_id: int
    title: str
    stores: int
    open: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Collisions:
    budget: int
    loads: dict[int, StoreLoad]
    running: tuple[Running, ...]


# customers' minutes as the wizard counts them (minutes.py), for the guides of the stores
_LOADS = """
WITH duty AS (
    SELECT posting.guide_id, posting.store_id FROM stores_posting AS posting
    JOIN stores_guide AS guide ON guide.id = posting.guide_id AND guide.status = 'active'
    WHERE posting.during @> %(today)s::date AND posting.role = 'guide'
        AND posting.store_id = ANY(%(stores)s)
), work AS (
    SELECT target.guide_id, sum(push.minutes_per_target) AS minutes
    FROM guide_tasks_tasktarget AS target
    JOIN guide_tasks_taskpush AS push ON push.id = target.push_id
    WHERE target.state IN ('open', 'in_progress') AND target.opens_at <= %(due)s
        AND target.guide_id IN (SELECT guide_id FROM duty)
    GROUP BY target.guide_id
)
SELECT duty.store_id, count(*), coalesce(sum(work.minutes), 0)::int,
    coalesce(max(work.minutes), 0)::int,
    count(*) FILTER (WHERE coalesce(work.minutes, 0) + %(each)s > %(budget)s)
FROM duty LEFT JOIN work ON work.guide_id = duty.guide_id
GROUP BY duty.store_id
"""
_RUNNING = """
WITH work AS (
    SELECT target.push_id, task.store_id, target.due_at
    FROM guide_tasks_guidetask AS task
    JOIN guide_tasks_tasktarget AS target ON target.task_id = task.id
        AND target.state IN ('open', 'in_progress') AND target.opens_at <= %(due)s
    WHERE task.store_id = ANY(%(stores)s) AND task.due_at >= %(since)s
    UNION ALL
    SELECT item.push_id, item.store_id, item.due_at FROM guide_tasks_taskitem AS item
    WHERE item.store_id = ANY(%(stores)s) AND item.state IN ('open', 'in_progress')
        AND item.opens_at <= %(due)s AND item.due_at >= %(since)s
)
SELECT push.id, push.title, count(DISTINCT work.store_id), count(*), max(work.due_at)
FROM work JOIN guide_tasks_taskpush AS push ON push.id = work.push_id
GROUP BY push.id ORDER BY 3 DESC, 4 DESC, 1 DESC LIMIT %(listed)s
"""


def collisions(
    *, stores: Sequence[Store], minutes: int, due_at: datetime, now: datetime
) -> Collisions:
    """What these stores have to do until `due_at`, and whom `minutes` more for each guide would
    bring above the day's minutes; four queries."""
    days = (clock.business_day(due_at) - clock.business_day(now)).days + 1
    terms = {
        "stores": [store.pk for store in stores],
        "today": clock.business_day(now),
        "since": now - _LOOK_BACK,
        "due": due_at,
        "each": minutes,
        "budget": days * settings.GUIDE_MINUTES_PER_DAY,
        "listed": LISTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOADS, terms)
        loads = {row[0]: StoreLoad(*row) for row in cursor.fetchall()}
        cursor.execute(_RUNNING, terms)
        running = [Running(*row) for row in cursor.fetchall()]
    planned = [
        Running(push.pk, push.title, 0, 0, push.due_at) for push in _planned(stores, due_at, now)
    ]
    return Collisions(
        budget=days * settings.GUIDE_MINUTES_PER_DAY,
        loads=loads,
        running=(*running, *planned),
    )


def _planned(stores: Sequence[Store], due_at: datetime, now: datetime) -> list[TaskPush]:
    """Approved pushes, and the next times of those that repeat, that reach these stores before
    then: items by their places, customers by the forecast's count for each guide, or by where the
    series has been before."""
    ids = [store.pk for store in stores]
    people = Posting.objects.on(clock.business_day(now)).filter(store_id__in=ids)
    in_store = TaskPush.stores.through.objects.filter(taskpush_id=OuterRef("pk"))
    in_region = TaskPush.regions.through.objects.filter(taskpush_id=OuterRef("pk"))
    regions = {store.region_id for store in stores}
    items = Q(kind__in=ITEM_KINDS) & (
        Exists(in_store.filter(store_id__in=ids))
        | Exists(in_region.filter(region_id__in=regions))
        | (~Exists(in_store) & ~Exists(in_region))
    )
    loads = [str(pk) for pk in people.values_list("guide_id", flat=True)]
    series = PushSeries.objects.filter(pattern=OuterRef("pk"), next_at__lte=due_at)
    ahead = Q(status=TaskPush.Status.APPROVED, hand_out_at__lte=due_at) | Q(
        Exists(series), status=TaskPush.Status.PATTERN
    )
    tasks = GuideTask.objects.filter(store_id__in=ids, push_id=OuterRef("push_id"))
    been_here = SeriesOccurrence.objects.filter(Exists(tasks), series__pattern=OuterRef("pk"))
    here = items | Q(forecast__loads__has_any_keys=loads) | Exists(been_here)
    return list(TaskPush.objects.filter(ahead, here).order_by("hand_out_at", "pk")[:LISTED])
