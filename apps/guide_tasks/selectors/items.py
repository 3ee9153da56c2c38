"""Reads of work without customers: the guide's day, the store's list, what waits for approval."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BigIntegerField,
    Count,
    DateField,
    DateTimeField,
    F,
    Q,
    QuerySet,
    Sum,
)

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.compiled import Compiled, Place
from apps.guide_tasks.models import (
    OPEN_STATES,
    ItemExcuse,
    ItemMove,
    State,
    TaskItem,
    TaskPush,
)
from apps.guide_tasks.rates import Completion
from apps.stores.models import Guide

LISTED = 300
# finished tasks of the store stay on the manager's list so long
MEMORY = timedelta(days=7)


@dataclass(frozen=True)
class ItemsOfDay:
    """The guide's items of a day. What a colleague did for the store is nobody else's done; what is
    excused stands outside the total."""

    todo: list[TaskItem]
    waiting: list[TaskItem]
    done: list[TaskItem]
    excused: list[TaskItem]
    late: int

    @property
    def total(self) -> int:
        return len(self.todo) + len(self.waiting) + len(self.done)


def _of_day(guide_id: Any, day: Any, now: Any, start: Any) -> QuerySet[TaskItem]:
    mine = Q(guide_id=guide_id) | Q(done_by_id=guide_id)
    return (
        TaskItem.objects.for_guide(guide_id, day)
        .opened_by(now)
        .filter(
            Q(state__in=OPEN_STATES)
            | Q(mine, state=State.DONE, done_at__gte=start)
            | Q(state=State.NOT_APPLICABLE, due_at__gte=start)
        )
        .select_related("push", "guide", "done_by")
        .order_by("due_at", "pk")[:LISTED]
    )


_OF_DAY = Compiled(
    lambda: _of_day(
        Place("guide", BigIntegerField()),
        Place("day", DateField()),
        Place("now", DateTimeField()),
        Place("start", DateTimeField()),
    )
)


def items_of_day(*, guide_id: int, now: datetime) -> ItemsOfDay:
    """What a guide has to do besides customers, what waits for approval, what is done today, what
    would be due today or later and is 不适用."""
    day = clock.business_day(now)
    rows = _OF_DAY.rows(guide=guide_id, day=day, now=now, start=clock.day_start(day))
    todo = [row for row in rows if row.state in (State.OPEN, State.IN_PROGRESS)]
    return ItemsOfDay(
        todo=todo,
        # the colleague who handed the store's photo in waits for it
        waiting=[
            row
            for row in rows
            if row.state == State.TO_VERIFY and guide_id in (row.guide_id, row.done_by_id)
        ],
        done=[row for row in rows if row.state == State.DONE],
        excused=[row for row in rows if row.state == State.NOT_APPLICABLE],
        late=sum(row.due_at < now for row in todo),
    )


def store_items(*, actor: Actor, now: datetime) -> dict[TaskPush, list[TaskItem]]:
    """Items of the stores the actor leads, by push: what runs, and what ended a short while ago."""
    rows = (
        TaskItem.objects.managed_by(actor)
        .opened_by(now)
        .filter(Q(state__in=OPEN_STATES) | Q(due_at__gte=now - MEMORY))
        .select_related("push", "guide", "done_by", "store")
        .order_by("-push_id", "store_id", "pk")[:LISTED]
    )
    found: dict[TaskPush, list[TaskItem]] = {}
    for row in rows:
        found.setdefault(row.push, []).append(row)
    return found


@dataclass(frozen=True)
class Said:
    """Who said when that an item is 不适用; nobody is named for head office."""

    at: datetime
    who: str


def excuses_said(items: Iterable[TaskItem]) -> dict[int, Said]:
    """Item → who excused it and when, from its history; two queries if any is excused."""
    ids = [item.pk for item in items if item.state == State.NOT_APPLICABLE]
    if not ids:
        return {}
    moves = ItemMove.objects.filter(item_id__in=ids, to_state=State.NOT_APPLICABLE).order_by("pk")
    latest = {
        item_id: (at, actor) for item_id, at, actor in moves.values_list("item_id", "at", "actor")
    }
    guides = {actor: int(actor[6:]) for _at, actor in latest.values() if actor.startswith("guide:")}
    names = dict(Guide.objects.filter(pk__in=guides.values()).values_list("pk", "name"))
    return {
        item_id: Said(at, names.get(guides.get(actor, 0), ""))
        for item_id, (at, actor) in latest.items()
    }


def photos_to_approve(*, actor: Actor) -> QuerySet[TaskItem]:
    """Photos that wait for this actor's word, the longest wait first. Nobody's own."""
    waiting = TaskItem.objects.managed_by(actor).filter(
        state=State.TO_VERIFY, push__kind=TaskPush.Kind.DISPLAY
    )
    if actor.guide_id is not None:
        waiting = waiting.exclude(done_by_id=actor.guide_id)
    found = waiting.select_related("push", "store", "guide", "done_by")
    return found.order_by("submitted_at", "pk")


@dataclass(frozen=True)
class ItemFigures(Completion):
    """How far work without customers is. issued = done + waiting + open + closed + excused."""

    issued: int
    done: int
    on_time: int
    waiting: int
    open: int
    closed: int
    excused: int
    counted: int
    quota: int

    @property
    def in_time(self) -> int:
        return self.on_time


@dataclass(frozen=True, kw_only=True)
class StoreResult(ItemFigures):
    """How far one store is with a push."""

    store_id: int
    name: str
    region: str


# a photo is handed in by the guide; when somebody approves it is not the guide's delay
IN_TIME = Q(state=State.DONE) & (
    Q(submitted_at__lte=F("due_at")) | Q(submitted_at=None, done_at__lte=F("due_at"))
)


def item_results(*, push: TaskPush, actor: Actor) -> list[StoreResult]:
    """A push store by store, as far as the actor may see; one query."""
    found: dict[int, Counter[str]] = {}
    names: dict[int, tuple[str, str]] = {}
    rows = (
        TaskItem.objects.visible_to(actor)
        .filter(push=push)
        .order_by()
        .values_list("store_id", "store__name", "store__region__name", "state", "quota")
        .annotate(n=Count("pk"), reached=Sum("counted"), in_time=Count("pk", filter=IN_TIME))
    )
    for store_id, name, region, state, quota, number, reached, in_time in rows:
        names[store_id] = (name, region)
        counter = found.setdefault(store_id, Counter())
        counter[state] += number
        counter["counted"] += reached or 0
        counter["in_time"] += in_time
        counter["quota"] += (quota or 0) * number
    return sorted(
        (_store_result(pk, *names[pk], counter) for pk, counter in found.items()),
        key=lambda row: (row.region, row.name),
    )


def total_of(rows: Sequence[StoreResult]) -> ItemFigures:
    """All stores together."""
    names = [field.name for field in fields(ItemFigures)]
    return ItemFigures(**{name: sum(getattr(row, name) for row in rows) for name in names})


def _store_result(store_id: int, name: str, region: str, counter: Counter[str]) -> StoreResult:
    states = {state: counter[state] for state in State}
    return StoreResult(
        store_id=store_id,
        name=name,
        region=region,
        issued=sum(states.values()),
        done=states[State.DONE],
        on_time=counter["in_time"],
        waiting=states[State.TO_VERIFY],
        open=states[State.OPEN] + states[State.IN_PROGRESS],
        closed=states[State.EXPIRED] + states[State.NOT_DONE],
        excused=states[State.NOT_APPLICABLE],
        counted=counter["counted"],
        quota=counter["quota"],
    )


def item_excuses(*, push: TaskPush, actor: Actor) -> list[tuple[str, int]]:
    """Why items of a push are 不适用, in words, with how many; the most frequent first."""
    rows = (
        TaskItem.objects.visible_to(actor)
        .filter(push=push, state=State.NOT_APPLICABLE)
        .order_by()
        .values_list("excuse_reason")
        .annotate(n=Count("pk"))
        .order_by("-n", "excuse_reason")
    )
    return [(str(ItemExcuse(reason).label), number) for reason, number in rows]
