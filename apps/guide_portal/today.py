"""今日 as the page shows it: a list with an end, each customer with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    DateField,
    DateTimeField,
    Exists,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.modules import Module, is_on
from apps.core import clock
from apps.core.compiled import Compiled, Place
from apps.core.shown import Shown
from apps.guide_portal import links, reassignments, stock_requests
from apps.guide_portal.appointments import Row as Expected
from apps.guide_portal.appointments import due_today
from apps.guide_portal.cards import (
    Card,
    Chip,
    cells,
    due_chip,
    finished_card,
    shape_person,
    todo_card,
    todo_due,
)
from apps.guide_portal.items import ItemCard, ItemsToday, items_today
from apps.guide_portal.news import today_href, unread_words
from apps.guide_tasks import selectors, shapes
from apps.guide_tasks.models import GuideTask, TaskPush, TaskTarget
from apps.newcomers.selectors import day_of, first_day_of
from apps.news.models import News
from apps.stores.models import Guide

# so many cards stand on the page, customers and other work together; the rest is one tap away
FIRST = 8
LISTED = 100
TASKS = 12
UNREAD = 20
PIECES = 100
TASK_MEMORY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TaskLink(Shown):
    """A task that runs, so that each is one tap away also when nobody of it is left to contact."""

    href: str
    title: str
    due: Chip


@dataclass(frozen=True, slots=True)
class Row(Shown):
    """A piece of work behind 更多: who or what, why, until when."""

    href: str
    name: str
    words: str
    due: Chip


@dataclass(frozen=True, slots=True)
class Today(Shown):
    """Today's page: what is left (cards first, then rows), what is done or waits for proof, what
    does not count."""

    day: shapes.Today
    first: list[Card | ItemCard]
    later: list[Row]
    handled: list[Card]
    excused: list[Card]
    tasks: list[TaskLink]
    items: ItemsToday
    # not kept on the phone: what has changed meanwhile would send a customer to a shut door
    appointments: list[Expected] = field(default_factory=list)
    # pieces of other stores or for them: counted here, acted on where the database is asked anew
    pieces: str = ""
    # customers who came from somebody else and wait for this guide's yes
    given: str = ""
    # must-read news that this guide has not said 我已读 of
    unread_news: list[int] = field(default_factory=list)
    # which of the first thirty days it is; 0 for who is not new
    newcomer_day: int = 0

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
    def excused_count(self) -> int:
        return len(self.excused) + len(self.items.excused)

    @property
    def is_empty(self) -> bool:
        return self.day.is_empty and not self.items.total and not self.items.excused

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
    def news_words(self) -> str:
        return unread_words(len(self.unread_news)) if self.unread_news else ""

    @property
    def news_to(self) -> str:
        return today_href(self.unread_news)

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


def today_of(*, guide_id: int, actor: Actor, now: datetime) -> Today:
    """The guide's day in a fixed number of queries."""
    # of the cards the first ones are drawn, the others are rows without a purchase
    day = selectors.today(guide_id=guide_id, now=now, bought=FIRST)
    items = items_today(guide_id=guide_id, now=now)
    work = in_order(day.cards, items.todo, now=now)
    tasks, unread_news, pieces, newcomer_day, given = _beside(guide_id, now)
    return Today(
        day=day,
        first=[_card(piece, now) for piece in work[:FIRST]],
        later=_rows(work[FIRST:LISTED], now),
        handled=_finished([*day.waiting, *day.finished]),
        excused=_finished(day.excused),
        tasks=tasks,
        items=items,
        appointments=due_today(actor=actor, guide_id=guide_id, now=now),
        unread_news=unread_news,
        pieces=pieces,
        newcomer_day=newcomer_day,
        given=given,
    )


# --- one list of customers and other work ---------------------------------------------------------

CHASED, OVERDUE, ITEM_OF_TODAY, CUSTOMER, LATER_ITEM = range(5)


def in_order(
    cards: Sequence[shapes.Card], items: Sequence[ItemCard], *, now: datetime
) -> list[shapes.Card | ItemCard]:
    """Reminded, overdue, other work that ends today, customers by value at risk × chance of return
    (the order they come in), other work of later days. Items of one rank go by their due time."""
    tonight = clock.day_start(clock.business_day(now) + timedelta(days=1))
    ranked: list[tuple[tuple[int, int, float], shapes.Card | ItemCard]] = []
    for place, card in enumerate(cards):
        rank = CHASED if card.is_chased else OVERDUE if card.is_overdue else CUSTOMER
        ranked.append(((rank, 0, place), card))
    for item in items:
        rank = ITEM_OF_TODAY if item.due_at <= tonight else LATER_ITEM
        rank = CHASED if item.is_chased else OVERDUE if item.due_at < now else rank
        ranked.append(((rank, 1, item.due_at.timestamp()), item))
    return [piece for _rank, piece in sorted(ranked, key=lambda pair: pair[0])]


def _card(piece: shapes.Card | ItemCard, now: datetime) -> Card | ItemCard:
    return piece if isinstance(piece, ItemCard) else todo_card(piece, now=now)


def _rows(work: Sequence[shapes.Card | ItemCard], now: datetime) -> list[Row]:
    dues: dict[tuple[datetime, bool], Chip] = {}  # a push gives all its customers the same time
    rows = []
    for piece in work:
        if isinstance(piece, ItemCard):
            rows.append(Row(piece.href, piece.title, piece.line or piece.subtitle, piece.due))
            continue
        until = piece.due_at, piece.is_chased
        due = dues.get(until) or dues.setdefault(until, todo_due(piece, now=now))
        href = links.numbered("target", piece.target_id)
        rows.append(Row(href, shape_person(piece).full_name, piece.why, due))
    return rows


def _running(guide_id: Any, now: Any) -> QuerySet[GuideTask]:
    begun = TaskTarget.objects.opened_by(now).filter(task_id=OuterRef("pk"))
    return (
        GuideTask.objects.of_guide(guide_id)
        .filter(
            Exists(begun),
            due_at__gte=now - TASK_MEMORY,
            push__status=TaskPush.Status.HANDED_OUT,
        )
        .order_by("-pk")[:TASKS]
    )


def _lists(guide_id: Any, day: Any, now: Any) -> QuerySet[Any, Any]:
    """The tasks that run, the must-read news, the pieces to answer for and those asked for, since
    when a newcomer is one, and who came and is to be accepted: one question."""
    task = JSONObject(pk="pk", title="push__title", due="due_at")
    news = News.objects.must_read_by(guide_id, day=day, now=now).order_by("-shown_from", "-pk")
    return Guide.objects.filter(pk=guide_id).values_list(
        ArraySubquery(_running(guide_id, now).values(json=task)),
        ArraySubquery(news.values("pk")[:UNREAD]),
        ArraySubquery(stock_requests.to_answer(guide_id, day=day).values("pk")[:PIECES]),
        ArraySubquery(stock_requests.asked_for(guide_id).values("pk")[:PIECES]),
        Subquery(first_day_of(guide_id, day)),
        ArraySubquery(reassignments.to_accept(guide_id, day=day).values("customers")[:PIECES]),
    )


_LISTS = Compiled(
    lambda: _lists(
        Place("guide", BigIntegerField()),
        Place("day", DateField()),
        Place("now", DateTimeField()),
    )
)


def _beside(guide_id: int, now: datetime) -> tuple[list[TaskLink], list[int], str, int, str]:
    today = clock.business_day(now)
    found = _LISTS.tuples(guide=guide_id, day=today, now=now)
    nothing: tuple[Any, ...] = ([], [], [], [], None, [])
    tasks, unread_news, to_answer, asked_for, begun, given = next(iter(found), nothing)
    rows = [
        TaskLink(
            href=links.numbered("task", task["pk"]),
            title=task["title"],
            due=due_chip(datetime.fromisoformat(task["due"]), now=now),
        )
        for task in tasks
    ]
    pieces = stock_requests.pieces_words(to_answer=len(to_answer), asked_for=len(asked_for))
    unread_news = unread_news if is_on(Module.NEWS) else []
    return rows, unread_news, pieces, day_of(begun, today), reassignments.given_words(given)


def _finished(shapes_: Sequence[shapes.FinishedCard]) -> list[Card]:
    return [finished_card(shape) for shape in shapes_[:LISTED]]
