"""The manager's view: who has seen, begun, finished, and how often they were chased."""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    Count,
    DateField,
    DateTimeField,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.lookups import IsNull

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.guide_tasks.models import (
    OPEN_STATES,
    Grade,
    GuideTask,
    State,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.querysets import GuideTaskQuerySet
from apps.guide_tasks.shapes import (
    GuideProgress,
    TeamProgress,
)
from apps.stores import selectors as stores
from apps.stores.models import Guide, Posting

CHASES_A_DAY = 3


class _Share(NamedTuple):
    """A guide's part in a push: what progress reads of it and of what stands beside it."""

    pk: int
    guide_id: int
    guide_name: str
    store_id: int
    store_name: str
    title: str
    due_at: datetime
    seen_at: datetime | None
    escalated_at: datetime | None
    chased_at: datetime | None
    chases: int


def chases_today(task: GuideTask | TaskItem | _Share, now: datetime) -> int:
    """How often the task (or item) was chased on this day of the chain."""
    if task.chased_at is None:
        return 0
    same_day = clock.business_day(task.chased_at) == clock.business_day(now)
    return task.chases if same_day else 0


def _running(actor: Actor) -> GuideTaskQuerySet:
    """Shares of the pushes that are handed out, in the actor's scope."""
    return GuideTask.objects.visible_to(actor).filter(push__status=TaskPush.Status.HANDED_OUT)


_NOW: Any = Place("now", DateTimeField())
_PUSHES = Scoped(
    lambda actor: (
        # from the shares: a push has tens of thousands, a store some dozens
        _running(actor).order_by("-push_id").values_list("push_id", "push__title").distinct()
    )
)


def running_pushes(*, actor: Actor) -> list[tuple[int, str]]:
    """(id, title) of the pushes handed out in the actor's scope, the latest first; one query."""
    return [(pk, title) for pk, title in _PUSHES.tuples(actor)]


def _stuck(actor: Actor) -> QuerySet[Any, Any]:
    waiting = TaskTarget.objects.filter(task_id=OuterRef("pk")).open().opened_by(_NOW)
    stuck = waiting.filter(Q(IsNull(OuterRef("seen_at"), True)) | Q(due_at__lt=_NOW))
    # its first row instead of "exists": asked of each of a store's few tasks, whereas PostgreSQL
    # makes "exists" a join and reads every open target of the chain for it
    first = Subquery(stuck.order_by().values("pk")[:1])
    return _running(actor).annotate(stuck=first).filter(stuck__isnull=False).values_list("push_id")


_STUCK = Scoped(_stuck)


def pushes_to_help(*, actor: Actor, now: datetime) -> set[int]:
    """The running pushes in which somebody has not looked yet or is late; one query."""
    return {push_id for (push_id,) in _STUCK.tuples(actor, now=now)}


_PROGRESS: dict[str, Any] = {
    "issued": Count("pk"),
    "done": Count("pk", filter=Q(state=State.DONE)),
    "in_time": Count("pk", filter=Q(state=State.DONE, done_at__lte=F("due_at"))),
    "delivered": Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
    "waiting": Count("pk", filter=Q(state=State.TO_VERIFY)),
    "in_progress": Count("pk", filter=Q(state=State.IN_PROGRESS)),
    "not_started": Count("pk", filter=Q(state=State.OPEN)),
    "expired": Count("pk", filter=Q(state__in=[State.EXPIRED, State.NOT_DONE])),
    "excused": Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
    "purchased": Count("pk", filter=Q(purchased_at__isnull=False)),
}


def _shares(tasks: GuideTaskQuerySet) -> QuerySet[Any, Any]:
    """As `_Share`."""
    return tasks.order_by("-push_id", "pk").values_list(
        *("pk", "guide_id", "guide__name", "store_id", "store__name", "push__title"),
        *("due_at", "seen_at", "escalated_at", "chased_at", "chases"),
    )


_SHARES = Scoped(lambda actor: _shares(_running(actor)))
_SHARES_OF_PUSH = Scoped(
    lambda actor: _shares(_running(actor).filter(push_id=Place("push", BigIntegerField())))
)
_COUNTED = Compiled(
    lambda: (
        TaskTarget.objects.asked_of_guides()
        .filter(among("task_id", "tasks"), opens_at__lte=_NOW)
        .order_by()
        .values_list("task_id")
        .annotate(
            **_PROGRESS,
            overdue=Count("pk", filter=Q(state__in=OPEN_STATES, due_at__lt=_NOW)),
        )
    )
)


def team_progress(*, actor: Actor, now: datetime, push_id: int | None = None) -> TeamProgress:
    """Per guide of the actor's scope: not seen, doing, delivered, overdue. None = all running
    pushes.
    """
    asked = {} if push_id is None else {"push": push_id}
    found = (_SHARES_OF_PUSH if asked else _SHARES).tuples(actor, **asked)
    tasks = [_Share(*row) for row in found]
    counted: dict[int, dict[str, Any]] = {
        task_id: dict(zip([*_PROGRESS, "overdue"], numbers, strict=True))
        for task_id, *numbers in _COUNTED.tuples(tasks=[task.pk for task in tasks], now=now)
    }
    by_guide: dict[int, list[_Share]] = defaultdict(list)
    for task in tasks:
        if task.pk in counted:
            by_guide[task.guide_id].append(task)
    on_duty = stores.guides_at_work(
        store_ids={task.store_id for task in tasks}, day=clock.business_day(now)
    )
    guides = [
        _guide_progress(own, counted, now, guide_id in on_duty)
        for guide_id, own in by_guide.items()
    ]
    guides.sort(
        key=lambda row: (not row.needs_help, not row.is_escalated, -row.overdue, row.guide_name)
    )
    return TeamProgress(
        push_id=push_id,
        title=tasks[0].title if push_id is not None and tasks else "",
        due_at=max((task.due_at for task in tasks), default=None) if push_id is not None else None,
        guides=guides,
        off_duty=_off_duty(actor, now, set(by_guide)),
    )


def _guide_progress(
    tasks: list[_Share], counted: dict[int, dict[str, Any]], now: datetime, on_duty: bool
) -> GuideProgress:
    totals = {
        name: sum(counted[task.pk][name] for task in tasks) for name in [*_PROGRESS, "overdue"]
    }
    chased = max(chases_today(task, now) for task in tasks)
    first = tasks[0]
    return GuideProgress(
        task_ids=tuple(task.pk for task in tasks),
        guide_id=first.guide_id,
        guide_name=first.guide_name,
        store_id=first.store_id,
        store_name=first.store_name,
        is_seen=all(task.seen_at is not None for task in tasks),
        is_on_duty=on_duty,
        chases_today=chased,
        chases_left=max(CHASES_A_DAY - chased, 0),
        is_escalated=any(task.escalated_at and counted[task.pk]["overdue"] for task in tasks),
        **totals,
    )


_DAY: Any = Place("day", DateField())
_POSTED = Scoped(
    lambda actor: (
        Posting.objects.visible_to(actor)
        .by_store_on(_DAY)
        .filter(guide__status=Guide.Status.ACTIVE)
        .order_by("guide__name")
        .values_list("guide_id", "guide__name")
    )
)


def _off_duty(actor: Actor, now: datetime, with_tasks: set[int]) -> list[str]:
    """Colleagues of the actor's stores without a task: named, so that nobody is wondered about."""
    if actor.sees_all:
        return []
    posted = _POSTED.tuples(actor, day=clock.business_day(now))
    busy = with_tasks | {actor.guide_id or 0}
    return [name for guide_id, name in posted if guide_id not in busy]
