"""Reads for 今日: a list with an end. At most eight a day, ordered, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.guide_portal.cards import Card, cards_of, cells, day_begin
from apps.guide_tasks.models import Grade, GuideTask, State, TargetMove, TaskTarget
from apps.guide_tasks.wording import MINUTES_PER_CUSTOMER
from apps.outreach.models import DispatchRecipient

A_DAY = 8
FIRST = 3
LISTED = 40


@dataclass(frozen=True, slots=True)
class Today:
    """Today's page: what is left, what is done or waits for proof, what does not count."""

    todo: list[Card]
    handled: list[Card]
    excused: list[Card]
    done: int
    open_beyond: int
    shortcut: dict[str, str] | None = field(default=None)

    @property
    def total(self) -> int:
        return len(self.todo) + len(self.handled)

    @property
    def waiting(self) -> int:
        return len(self.handled) - self.done

    @property
    def waits(self) -> bool:
        return any(card.is_waiting for card in self.handled)

    @property
    def first(self) -> list[Card]:
        return self.todo[:FIRST]

    @property
    def later(self) -> list[Card]:
        return self.todo[FIRST:]

    @property
    def is_empty(self) -> bool:
        return not (self.todo or self.handled or self.excused)

    @property
    def all_handled(self) -> bool:
        return bool(self.handled) and not self.todo

    @property
    def cells(self) -> list[str]:
        late = sum(card.due.tone == "late" for card in self.todo)
        rest = len(self.todo) - late
        return cells(("ok", self.done), ("wait", self.waiting), ("late", late), ("", rest))

    @property
    def words(self) -> str:
        return _("%(done)s done, %(waiting)s wait for WeCom, %(left)s to contact") % {
            "done": self.done,
            "waiting": self.waiting,
            "left": len(self.todo),
        }

    @property
    def left_words(self) -> str:
        left = len(self.todo)
        if not left:
            return _("%(n)s wait for WeCom's result") % {"n": self.waiting} if self.waiting else ""
        return _("%(n)s to contact, about %(minutes)s minutes") % {
            "n": left,
            "minutes": left * MINUTES_PER_CUSTOMER,
        }

    @property
    def handled_head(self) -> str:
        if not self.waiting:
            return _("%(done)s done") % {"done": self.done}
        return _("%(done)s done, %(waiting)s wait for WeCom's result") % {
            "done": self.done,
            "waiting": self.waiting,
        }

    @property
    def empty_head(self) -> str:
        if self.is_empty:
            return _("Nothing to do today")
        return _("Today's %(n)s are all handled") % {"n": self.total}

    @property
    def empty_words(self) -> str:
        if self.open_beyond:
            return _("%(n)s more are open and come tomorrow") % {"n": self.open_beyond}
        return self.handled_head if self.handled else _("New tasks appear here by themselves")

    @property
    def empty_action(self) -> str:
        return _("See who has not been here for long")

    @property
    def empty_to(self) -> str:
        return reverse("guide_portal:customers") + "?show=away"


def undecided() -> Exists:
    """A send of this target that WeCom has not decided yet."""
    source = Concat(Value("task_target:"), Cast(OuterRef("pk"), CharField()))
    waiting = DispatchRecipient.State.WAITING
    return Exists(DispatchRecipient.objects.filter(source=source, state=waiting))


def _mine(guide_id: int, now: datetime) -> QuerySet[TaskTarget]:
    return TaskTarget.objects.of_guide(guide_id).opened_by(now)


def _todo(guide_id: int, now: datetime) -> QuerySet[TaskTarget]:
    return _mine(guide_id, now).open().filter(~undecided(), contact_grade__lt=Grade.INITIATED)


def _handled(guide_id: int, now: datetime) -> QuerySet[TaskTarget]:
    started = Q(contact_grade__gte=Grade.INITIATED) | Q(undecided())
    is_open = Q(state__in=[State.OPEN, State.IN_PROGRESS, State.TO_VERIFY])
    return _mine(guide_id, now).filter((is_open & started) | Q(done_at__gte=day_begin(now)))


def todo_count(*, guide_id: int, now: datetime) -> int:
    """The badge: people still to contact today."""
    room = max(A_DAY - _handled(guide_id, now).count(), 0)
    return _todo(guide_id, now)[:room].count() if room else 0


def today_of(*, guide_id: int, now: datetime) -> Today:
    """The guide's day in a fixed number of queries."""
    whole = ("push", "member", "task")
    handled = list(
        _handled(guide_id, now)
        .select_related(*whole)
        .order_by(F("done_at").desc(nulls_first=True), "-pk")[:LISTED]
    )
    by_task = _todo_by_task(guide_id, now)
    room = max(A_DAY - len(handled), 0)
    chosen = (
        _todo(guide_id, now)
        .select_related(*whole)
        .order_by(
            F("task__chased_at").desc(nulls_last=True),
            Q(due_at__gte=now),
            "-value_fen",
            "due_at",
            "pk",
        )[:room]
    )
    moved = TargetMove.objects.filter(
        target_id=OuterRef("pk"), to_state=State.NOT_APPLICABLE, at__gte=day_begin(now)
    )
    excused = (
        _mine(guide_id, now)
        .filter(Exists(moved), state=State.NOT_APPLICABLE)
        .select_related(*whole)
        .order_by("-pk")[:LISTED]
    )
    targets = [*chosen, *handled, *excused]
    cards = {card.target.pk: card for card in cards_of(targets, now=now)}
    todo = [cards[target.pk] for target in chosen]
    return Today(
        todo=todo,
        handled=[cards[target.pk] for target in handled],
        excused=[cards[target.pk] for target in excused],
        done=sum(target.state == State.DONE for target in handled),
        open_beyond=sum(row["open"] for row in by_task) - len(todo),
        shortcut=_shortcut(by_task) if todo else None,
    )


def _todo_by_task(guide_id: int, now: datetime) -> list[dict[str, Any]]:
    return list(
        _todo(guide_id, now)
        .values("task_id", "push__title", "push__generic_body")
        .annotate(open=Count("pk"))
        .order_by("-open", "task_id")
    )


def _shortcut(by_task: Sequence[dict[str, Any]]) -> dict[str, str] | None:
    """The one way that saves most taps: a task whose open customers take one text together."""
    for row in by_task:
        if row["open"] > 1 and row["push__generic_body"]:
            words = _("%(task)s: %(n)s can be sent at once") % {
                "task": row["push__title"],
                "n": row["open"],
            }
            href = reverse("guide_portal:task", args=[row["task_id"]]) + "?way=all"
            return {"words": words, "href": href}
    return None


# --- one task ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskRows:
    """A task's customers: those to contact first, the excused last."""

    task: GuideTask
    rows: list[Card]

    @property
    def todo(self) -> list[Card]:
        return [card for card in self.rows if card.is_todo]

    @property
    def handled(self) -> list[Card]:
        return [card for card in self.rows if card.is_handled]

    @property
    def waits(self) -> bool:
        return any(card.is_waiting for card in self.rows)


_ORDER = {"late": 0, "": 1, "wait": 2, "ok": 3, "na": 4}


def task_rows(*, task: GuideTask, now: datetime) -> TaskRows:
    """Every customer of a task whose day has come, in the page's order."""
    targets = (
        TaskTarget.objects.filter(task=task)
        .opened_by(now)
        .select_related("push", "member", "task")
        .order_by("-value_fen", "pk")
    )
    cards = cards_of(list(targets), now=now)
    return TaskRows(task=task, rows=sorted(cards, key=lambda card: _ORDER[card.tone]))
