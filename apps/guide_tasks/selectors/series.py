"""Repeating pushes as pages show them: what comes next, what the last ones brought, what to know
before."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import (
    Grade,
    NotIssued,
    PushSeries,
    SeriesOccurrence,
    State,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.rates import Completion, rate
from apps.guide_tasks.rhythm import Rhythm
from apps.guide_tasks.selectors.items import IN_TIME
from apps.guide_tasks.selectors.results import control_counts
from apps.outreach import policy
from apps.segments.models import SegmentVersion

# so far ahead the rhythm is laid beside WeCom's limits
AHEAD = timedelta(days=92)
# kinds of which WeCom counts what each customer, or each group, gets
COUNTED_BY_WECOM = (TaskPush.Kind.CONTACT, TaskPush.Kind.GROUP_SEND)
# the periods WeCom counts in, inside a sentence
_PERIODS = {
    "month": gettext_lazy("in one month"),
    "week": gettext_lazy("in one week"),
    "day": gettext_lazy("in one day"),
}


@dataclass(frozen=True)
class OccurrenceFigures(Completion):
    """Where the people of a push went; of a push without customers, its items.

    planned = not issued + control + issued.
    """

    not_issued: int = 0
    control: int = 0
    issued: int = 0
    done: int = 0
    on_time: int = 0
    excused: int = 0
    delivered: int = 0
    purchased: int = 0

    @property
    def planned(self) -> int:
        return self.not_issued + self.control + self.issued

    @property
    def in_time(self) -> int:
        return self.on_time

    @property
    def delivery_rate(self) -> float | None:
        """触达率 = delivered / issued."""
        return rate(self.delivered, self.issued)

    @property
    def conversion_rate(self) -> float | None:
        """转化率 = bought / issued."""
        return rate(self.purchased, self.issued)


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A line of the list: the series, its last push with figures, and days nobody read about."""

    series: PushSeries
    last: SeriesOccurrence | None
    figures: OccurrenceFigures | None
    handed_out: int
    unread: int


def _counted(rows: QuerySet[Any], **counts: Count) -> dict[int, dict[str, int]]:
    found = rows.order_by().values("push_id").annotate(**counts)
    return {row.pop("push_id"): row for row in found}


def figures_of(push_ids: Sequence[int]) -> dict[int, OccurrenceFigures]:
    """The figures of each push; four queries, however many pushes."""
    wanted = {"push_id__in": list(push_ids)}
    done = Count("pk", filter=Q(state=State.DONE))
    excused = Count("pk", filter=Q(state=State.NOT_APPLICABLE))
    targets = _counted(
        TaskTarget.objects.filter(**wanted),
        issued=Count("pk"),
        done=done,
        on_time=Count("pk", filter=Q(state=State.DONE, done_at__lte=F("due_at"))),
        excused=excused,
        delivered=Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
        purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
    )
    items = _counted(
        TaskItem.objects.filter(**wanted),
        issued=Count("pk"),
        done=done,
        on_time=Count("pk", filter=IN_TIME),
        excused=excused,
    )
    left_out = _counted(NotIssued.objects.filter(**wanted), not_issued=Count("pk"))
    control = control_counts(push_ids)
    return {
        push_id: OccurrenceFigures(
            control=control.get(push_id, 0),
            **left_out.get(push_id, {}),
            **(targets.get(push_id) or items.get(push_id) or {}),
        )
        for push_id in push_ids
    }


def series_list(*, actor: Actor) -> QuerySet[PushSeries]:
    """What repeats, running first, what comes next first."""
    return (
        PushSeries.objects.visible_to(actor)
        .begun()
        .select_related("pattern__segment_run__version__segment", "owner")
        .defer("pattern__segment_run__members")
        # without an end first: PostgreSQL would put them last
        .order_by(F("ended_at").asc(nulls_first=True), "next_at", "-pk")
    )


def series_rows(series: Iterable[PushSeries]) -> list[SeriesRow]:
    """The lines of a page of the list; a constant number of queries."""
    found = list(series)
    days = SeriesOccurrence.objects.filter(series__in=found)
    counts: dict[int, Any] = {
        row["series_id"]: row
        for row in days.order_by()
        .values("series_id")
        .annotate(
            handed_out=Count("pk", filter=Q(push__isnull=False)),
            unread=Count("pk", filter=Q(noted_at=None) & ~Q(skipped="")),
        )
    }
    last = {
        day.series_id: day
        for day in days.handed_out()
        .select_related("push")
        .order_by("series_id", "-on")
        .distinct("series_id")
    }
    figures = figures_of([day.push_id for day in last.values() if day.push_id])
    rows = []
    for one in found:
        day, counted = last.get(one.pk), counts.get(one.pk, {})
        shown = figures.get(day.push_id) if day and day.push_id else None
        rows.append(
            SeriesRow(one, day, shown, counted.get("handed_out", 0), counted.get("unread", 0))
        )
    return rows


def with_figures(
    days: Iterable[SeriesOccurrence],
) -> list[tuple[SeriesOccurrence, OccurrenceFigures | None]]:
    """Days of a series with what each brought; four queries."""
    found = list(days)
    figures = figures_of([day.push_id for day in found if day.push_id])
    return [(day, figures.get(day.push_id) if day.push_id else None) for day in found]


def series_of_push(push: TaskPush) -> PushSeries | None:
    """The series that made a push, if one did."""
    day = SeriesOccurrence.objects.filter(push=push).select_related("series").first()
    return day.series if day else None


def pattern_of(push: TaskPush) -> PushSeries | None:
    """The series whose pattern a draft of the wizard is, begun or not."""
    return PushSeries.objects.filter(pattern=push).first()


def newer_version(series: PushSeries) -> SegmentVersion | None:
    """The segment's newest version, where the series still asks an older one."""
    run = series.pattern.segment_run
    if run is None:
        return None
    newer = SegmentVersion.objects.filter(
        segment_id=run.version.segment_id, number__gt=run.version.number
    )
    return newer.order_by("-number").first()


# --- known before ---------------------------------------------------------------------------------


def _by_period(
    rhythm: Rhythm, first: date, last: date, until: date | None, left: int | None
) -> Counter[date]:
    """How many days of the rhythm fall into each of the periods WeCom counts in; `left`: how often
    it goes out yet, where that is limited."""
    days = rhythm.days(first, min(last, until) if until else last)
    return Counter(policy.month_of(clock.day_start(day)) for day in islice(days, left))


def _left(times: int | None, handed_out: int) -> int | None:
    return None if times is None else max(times - handed_out, 0)


def _of_others(kind: str, but: PushSeries | None, first: date, last: date) -> Counter[date]:
    """The same of all other running series of the kind; one query."""
    days = SeriesOccurrence.objects.handed_out().filter(series=OuterRef("pk")).order_by()
    counted = days.values("series").annotate(n=Count("pk")).values("n")
    others = PushSeries.objects.filter(status=PushSeries.Status.RUNNING, pattern__kind=kind)
    if but is not None:
        others = others.exclude(pk=but.pk)
    together: Counter[date] = Counter()
    for other in others.annotate(handed_out=Coalesce(Subquery(counted), 0)):
        left = _left(other.times, other.handed_out)
        together += _by_period(
            other.rhythm, max(first, other.next_on or first), last, other.until, left
        )
    return together


def _over(found: Counter[date]) -> tuple[int, int] | None:
    """(how many, how many are allowed) of the worst period, where it is over WeCom's limit."""
    over = [
        (count, cap)
        for period, count in found.items()
        if count > (cap := policy.monthly_cap(clock.day_start(period)))
    ]
    return max(over, default=None)


def rhythm_warnings(
    *,
    kind: str,
    rhythm: Rhythm,
    due_days: int,
    now: datetime,
    until: date | None = None,
    times: int | None = None,
    but: PushSeries | None = None,
) -> list[str]:
    """What a person should know before a push repeats like this, as sentences.

    `but`: the series itself, which is not one of the others that reach the same customers.
    """
    found = []
    if kind in COUNTED_BY_WECOM:
        first = clock.business_day(now)
        gone = SeriesOccurrence.objects.handed_out().filter(series=but).count() if but else 0
        own = _by_period(rhythm, first, first + AHEAD, until, _left(times, gone))
        found += _limit_warnings(own, _of_others(kind, but, first, first + AHEAD))
    if kind == TaskPush.Kind.CONTACT:
        found += _gap_warnings(rhythm.shortest_gap, due_days)
    return found


def _gap_warnings(gap: int, due_days: int) -> list[str]:
    """What comes of times that follow each other closely: a message of the last one may have
    reached somebody as late as its due day, and its work stays open beyond that."""
    found = []
    if gap <= policy.RECENT_DAYS + due_days:
        found.append(
            _(
                "Whom a message reached in the last %(days)s days is left out: the same customer "
                "may get this only once in several times."
            )
            % {"days": policy.RECENT_DAYS}
        )
    late = hours.grace().days
    if due_days + late >= gap:
        found.append(
            _(
                "Work stays open %(days)s days beyond its due time, until after the next one "
                "comes: who waits in it is left out of the next."
            )
            % {"days": late}
        )
    return found


def series_warnings(*, series: PushSeries, now: datetime) -> list[str]:
    """The same of a series that exists."""
    return rhythm_warnings(
        kind=series.pattern.kind,
        rhythm=series.rhythm,
        due_days=series.due_days,
        now=now,
        until=series.until,
        times=series.times,
        but=series,
    )


def _limit_warnings(own: Counter[date], others: Counter[date]) -> list[str]:
    period = _PERIODS[policy.cap_rule()]
    if worst := _over(own):
        return [
            _("Up to %(n)s times %(period)s; WeCom delivers %(cap)s. The rest would not arrive.")
            % {"n": worst[0], "cap": worst[1], "period": period}
        ]
    if worst := _over(own + others):
        return [
            _(
                "With the other repeating pushes up to %(n)s times %(period)s; WeCom delivers "
                "%(cap)s to one customer."
            )
            % {"n": worst[0], "cap": worst[1], "period": period}
        ]
    return []
