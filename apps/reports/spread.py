"""导购差距: quartiles of guides by how long they are in the stores, month by month."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks.models import Grade

MONTHS = 4
_KEPT_SECONDS = 600
# the month somebody came is the first
_TENURES = ((1, 1), (2, 3), (4, 6), (7, 12), (13, None))

_SPREAD = """
WITH first AS MATERIALIZED (
    SELECT guide_id, min(lower(during)) AS came FROM stores_posting GROUP BY 1
), who AS MATERIALIZED (
    SELECT posting.guide_id, first.came
    FROM stores_posting AS posting
    JOIN stores_store AS store ON store.id = posting.store_id AND store.live_since IS NOT NULL
    JOIN stores_guide AS guide ON guide.id = posting.guide_id AND guide.status = 'active'
    JOIN first ON first.guide_id = posting.guide_id
    WHERE posting.during @> %s::date AND posting.role = 'guide'
        AND (%s OR store.region_id = ANY(%s) OR store.id = ANY(%s))
), months AS (
    SELECT generate_series(%s::date, %s::date, interval '1 month')::date AS month
), work AS (
    SELECT target.guide_id, date_trunc('month', task.due_at AT TIME ZONE %s)::date AS month,
        count(DISTINCT target.member_id) FILTER (WHERE target.contact_grade = %s) AS reached,
        count(*) FILTER (WHERE target.state <> 'not_applicable') AS asked,
        count(*) FILTER (WHERE target.state = 'done' AND target.done_at <= target.due_at) AS in_time
    FROM guide_tasks_guidetask AS task
    JOIN guide_tasks_tasktarget AS target ON target.task_id = task.id
    WHERE task.due_at >= %s AND task.due_at < %s AND target.guide_id IN (SELECT guide_id FROM who)
    GROUP BY 1, 2
), lived AS (
    SELECT months.month, coalesce(work.reached, 0) AS reached,
        work.in_time::float / nullif(work.asked, 0) AS completion,
        12 * (extract(year FROM months.month) - extract(year FROM who.came))
            + extract(month FROM months.month) - extract(month FROM who.came) + 1 AS tenure
    FROM who CROSS JOIN months
    LEFT JOIN work ON work.guide_id = who.guide_id AND work.month = months.month
)
SELECT month, CASE WHEN tenure = 1 THEN 0 WHEN tenure <= 3 THEN 1 WHEN tenure <= 6 THEN 2
        WHEN tenure <= 12 THEN 3 ELSE 4 END AS place,
    count(*), percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY reached),
    percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY completion)
FROM lived WHERE tenure >= 1
GROUP BY 1, 2 ORDER BY 1 DESC, 2
"""


@dataclass(frozen=True)
class Row:
    """Guides of one tenure: lower quartile, median, upper quartile of customers reached and of
    完成率; None where none of them had a task due."""

    words: str
    guides: int
    customers: list[float]
    completion: list[float | None]

    @property
    def gap(self) -> float | None:
        low, _median, high = self.completion
        return None if low is None or high is None else high - low


@dataclass(frozen=True)
class Month:
    month: date
    rows: list[Row]


def spread(*, actor: Actor, now: datetime) -> list[Month]:
    """The last months with this one, the latest first; counted at most every ten minutes, in one
    statement."""
    scope = [actor.sees_all, sorted(actor.region_ids), sorted(actor.store_ids)]
    today = clock.business_day(now)
    key = f"reports:spread:{sha256(repr(scope).encode()).hexdigest()[:24]}:{today}"
    found: list[Month] | None = cache.get(key)
    if found is None:
        found = _count(scope, today)
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _count(scope: list[object], today: date) -> list[Month]:
    last = first = today.replace(day=1)
    for _step in range(MONTHS - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    until = (last + timedelta(days=31)).replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(
            _SPREAD,
            [
                *(today, *scope, first, last, settings.CHAIN_TIME_ZONE, int(Grade.DELIVERED)),
                *(clock.day_start(first), clock.day_start(until)),
            ],
        )
        rows = cursor.fetchall()
    return [
        Month(month, [_row(*row[1:]) for row in of_month])
        for month, of_month in groupby(rows, key=itemgetter(0))
    ]


def _row(
    place: int, guides: int, customers: list[float], completion: list[float | None] | None
) -> Row:
    return Row(_words(place), guides, customers, completion or [None] * 3)


def _words(place: int) -> str:
    first, last = _TENURES[place]
    if last is None:
        return _("more than a year")
    if first == last:
        return _("month 1")
    return _("months %(first)s to %(last)s") % {"first": first, "last": last}
