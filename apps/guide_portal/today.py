"""今日 as the page shows it: a list with an end, each customer with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.guide_portal.cards import Card, Chip, cells, due_chip, finished_card, todo_card
from apps.guide_portal.items import ItemsToday, items_today
from apps.guide_tasks import selectors, shapes
from apps.guide_tasks.models import GuideTask, TaskPush, TaskTarget

# so many stand on the page; the rest of the day is one tap away
FIRST = 8
LISTED = 100
TASKS = 12
TASK_MEMORY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TaskLink:
    """A task that runs, so that each is one tap away also when nobody of it is left to contact."""

    href: str
    title: str
    due: Chip


@dataclass(frozen=True, slots=True)
class Today:
    """Today's page: what is left, what is done or waits for proof, what does not count."""

    day: shapes.Today
    todo: list[Card]
    handled: list[Card]
    excused: list[Card]
    tasks: list[TaskLink]
    items: ItemsToday

    @property
    def done(self) -> int:
        return self.day.done + self.items.done

    @property
    def total(self) -> int:
        return self.day.total + self.items.total

    @property
    def waits(self) -> bool:
        return any(card.is_waiting for card in self.handled)

    @property
    def first(self) -> list[Card]:
        return self.todo[:FIRST]

    @property
    def later(self) -> list[Card]:
        return self.todo[FIRST:LISTED]

    @property
    def is_empty(self) -> bool:
        return self.day.is_empty and not self.items.total

    @property
    def all_handled(self) -> bool:
        return self.total > 0 and self.day.to_contact == 0 and not self.items.todo

    @property
    def cells(self) -> list[str]:
        late = self.day.segments.count("overdue")
        rest = self.day.to_contact - late + len(self.items.todo) - self.items.late
        return cells(
            ("ok", self.done),
            ("wait", self.day.waiting_count + self.items.waiting),
            ("late", late + self.items.late),
            ("", rest),
        )

    @property
    def words(self) -> str:
        customers = _("%(done)s done, %(waiting)s wait for WeCom, %(left)s to contact") % {
            "done": self.done,
            "waiting": self.day.waiting_count,
            "left": self.day.to_contact,
        }
        return "，".join(filter(None, (customers, self.items.left_words)))

    @property
    def left_words(self) -> str:
        waiting = self.day.waiting_count
        if not self.day.to_contact:
            return _("%(n)s wait for WeCom's result") % {"n": waiting} if waiting else ""
        return _("%(n)s to contact, about %(minutes)s minutes") % {
            "n": self.day.to_contact,
            "minutes": self.day.minutes_left,
        }

    @property
    def handled_head(self) -> str:
        parts = [_("%(done)s done") % {"done": self.done}]
        if self.day.waiting_count:
            parts.append(_("%(n)s wait for WeCom's result") % {"n": self.day.waiting_count})
        if self.items.waiting:
            parts.append(_("%(n)s at the manager") % {"n": self.items.waiting})
        return "，".join(parts)

    @property
    def empty_head(self) -> str:
        if self.is_empty:
            return _("Nothing to do today")
        return _("Today's %(n)s are all handled") % {"n": self.total}

    @property
    def empty_words(self) -> str:
        return self.handled_head if self.has_handled else _("New tasks appear here by themselves")

    @property
    def has_handled(self) -> bool:
        return bool(self.handled or self.items.handled)

    @property
    def empty_action(self) -> str:
        return _("See who has not been here for long")

    @property
    def empty_to(self) -> str:
        return reverse("guide_portal:customers") + "?show=away"

    @property
    def shortcut(self) -> dict[str, str] | None:
        """The one way that saves most taps: a task whose customers take one text together."""
        if self.day.shortcut is None:
            return None
        words = _("%(task)s: %(n)s can be sent at once") % {
            "task": self.day.shortcut.title,
            "n": self.day.shortcut.count,
        }
        href = reverse("guide_portal:task", args=[self.day.shortcut.task_id]) + "?way=all"
        return {"words": words, "href": href}


def today_of(*, guide_id: int, now: datetime) -> Today:
    """The guide's day in a fixed number of queries."""
    day = selectors.today(guide_id=guide_id, now=now)
    return Today(
        day=day,
        todo=[todo_card(card, now=now) for card in day.cards[:LISTED]],
        handled=_finished([*day.waiting, *day.finished]),
        excused=_finished(day.excused),
        tasks=_tasks(guide_id, now),
        items=items_today(guide_id=guide_id, now=now),
    )


def _tasks(guide_id: int, now: datetime) -> list[TaskLink]:
    begun = TaskTarget.objects.opened_by(now).filter(task_id=OuterRef("pk"))
    tasks = (
        GuideTask.objects.of_guide(guide_id)
        .filter(
            Exists(begun),
            due_at__gte=now - TASK_MEMORY,
            push__status=TaskPush.Status.HANDED_OUT,
        )
        .select_related("push")
        .order_by("-pk")[:TASKS]
    )
    return [
        TaskLink(
            href=reverse("guide_portal:task", args=[task.pk]),
            title=task.push.title,
            due=due_chip(task.due_at, now=now),
        )
        for task in tasks
    ]


def _finished(shapes_: Sequence[shapes.FinishedCard]) -> list[Card]:
    return [finished_card(shape) for shape in shapes_[:LISTED]]
