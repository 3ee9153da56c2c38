"""What a regional manager hands out or retimes, and what is running there before that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal.cards import Chip, due_words
from apps.guide_portal.templatetags.portal import when
from apps.guide_tasks import selectors
from apps.guide_tasks.models import CONFIRMED_IN_WECOM, TaskItem, TaskPush, TaskTarget
from apps.guide_tasks.services import timing
from apps.guide_tasks.wording import short_moment
from apps.stores.models import Region, Store


@dataclass(frozen=True, slots=True)
class LoadLine:
    """A store before it gets more: minutes of each guide, and who would be above the budget."""

    name: str
    words: str
    chip: Chip | None


@dataclass(frozen=True, slots=True)
class RunningLine:
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Check:
    budget: str
    loads: list[LoadLine]
    running: list[RunningLine]
    over: int


def check(*, stores: Sequence[Store], minutes: int, due_at: datetime, now: datetime) -> Check:
    """What runs in these stores on these days, in the wizard's minutes; four queries."""
    found = selectors.collisions(stores=stores, minutes=minutes, due_at=due_at, now=now)
    loads = [_load(store, found) for store in stores]
    return Check(
        budget=_("%(n)s minutes for each guide until then") % {"n": found.budget},
        loads=loads,
        running=[
            RunningLine(
                row.title,
                _("%(stores)s of these stores, %(open)s open")
                % {"stores": row.stores, "open": row.open}
                if row.open
                else _("goes out in these days"),
            )
            for row in found.running
        ],
        over=sum(one.over for one in found.loads.values()),
    )


def _load(store: Store, found: selectors.Collisions) -> LoadLine:
    one = found.loads.get(store.pk)
    if one is None:
        return LoadLine(
            store.name, _("nobody works there today"), Chip("moon", _("nobody at work"))
        )
    words = _("%(guides)s guides, %(average)s minutes each, at most %(most)s") % {
        "guides": one.guides,
        "average": one.average,
        "most": one.most_minutes,
    }
    chip = None
    if one.over:
        chip = Chip("alert", _("%(n)s above the minutes") % {"n": one.over}, "warn")
    return LoadLine(store.name, words, chip)


# --- other times ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimingLine:
    """One change, as head office and the region read it."""

    region: str
    words: str
    reason: str
    who: str
    when: str


@dataclass(frozen=True, slots=True)
class RegionWork:
    """What is open of a push in one region."""

    pk: int
    name: str
    open: int
    due: str


@dataclass(frozen=True, slots=True)
class PushPage:
    push: TaskPush
    due: str
    window: str
    limit: str
    regions: list[RegionWork]
    hours: list[tuple[int, str]]
    more_days: list[int]
    history: list[TimingLine]
    may_change: bool


def push_page(*, push: TaskPush, actor: Actor, now: datetime) -> PushPage:
    """A running push in the actor's regions, in five queries."""
    start, end = timing.window_of(push)
    limit = timing.latest_due(push)
    regions = _regions(push, actor, now)
    may = push.status == TaskPush.Status.HANDED_OUT and push.rule_id is None
    return PushPage(
        push=push,
        due=due_words(push.due_at, now=now) if push.due_at else "",
        window=f"{start:%H:%M}–{end:%H:%M}",
        limit=short_moment(limit) if limit else "",
        regions=regions,
        hours=[(hour, f"{hour:02d}:00") for hour in range(start.hour, end.hour or 24)],
        more_days=list(range(1, settings.REGION_MORE_DAYS + 1)),
        history=[_timing(row) for row in selectors.region_timings(push=push, actor=actor)],
        may_change=may and bool(regions) and push.kind not in CONFIRMED_IN_WECOM,
    )


def _regions(push: TaskPush, actor: Actor, now: datetime) -> list[RegionWork]:
    """Regions with open work of the push, how much, and the latest due time there."""
    counts: dict[int, tuple[int, datetime]] = {}
    stores = dict(Store.objects.visible_to(actor).values_list("pk", "region_id"))
    rows: QuerySet = TaskTarget.objects.open().filter(task__push=push, store_id__in=stores)
    if push.has_items:
        rows = TaskItem.objects.open().filter(push=push, store_id__in=stores)
    summed = rows.order_by().values("store_id").annotate(n=Count("pk"), last=Max("due_at"))
    for store_id, n, due_at in summed.values_list("store_id", "n", "last"):
        before, last = counts.get(stores[store_id], (0, due_at))
        counts[stores[store_id]] = before + n, max(last, due_at)
    return [
        RegionWork(one.pk, one.name, counts[one.pk][0], due_words(counts[one.pk][1], now=now))
        for one in Region.objects.filter(pk__in=counts)
    ]


def _timing(row: selectors.TimingChange) -> TimingLine:
    words = []
    if row.opens_at:
        words.append(_("opens %(time)s") % {"time": short_moment(row.opens_at)})
    if row.due_at:
        words.append(
            _("due %(before)s → %(after)s")
            % {"before": short_moment(row.due_before), "after": short_moment(row.due_at)}
        )
    words.append(_("%(n)s tasks") % {"n": row.moved})
    return TimingLine(
        region=row.region,
        words=" · ".join(words),
        reason=row.reason,
        who=row.who,
        when=when(row.changed_at),
    )
