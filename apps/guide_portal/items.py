"""Work without customers as guides and managers see it: cards, the page, the store's list."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core.shown import Shown
from apps.customer_groups import selectors as groups
from apps.guide_portal.cards import (
    Chip,
    Progress,
    due_chip,
    due_words,
    progress,
    reminded,
)
from apps.guide_portal.templatetags.portal import when
from apps.guide_tasks import selectors
from apps.guide_tasks.models import ItemExcuse, State, TaskItem, TaskPush
from apps.guide_tasks.selectors import CHASES_A_DAY
from apps.guide_tasks.services.items.excuses import GUIDE_REASONS
from apps.guide_tasks.services.items.leading import UNDONE

Kind = TaskPush.Kind
_ICONS = {
    Kind.RECRUIT: "plus",
    Kind.DISPLAY: "store",
    Kind.GROUP: "team",
    Kind.FREE: "note",
    Kind.MOMENTS: "link",
    Kind.GROUP_SEND: "chat",
}


@dataclass(frozen=True, slots=True)
class ItemCard(Shown):
    """One thing to do, as a card or a row. `line` says where it stands, with time and source."""

    pk: int
    title: str
    icon: str
    subtitle: str
    text: str
    line: str
    due: Chip
    chip: Chip
    refusal: str
    action: str
    due_at: datetime
    is_chased: bool
    may_excuse: bool
    kind: str
    who: str = ""
    is_item: ClassVar[bool] = True

    @property
    def href(self) -> str:
        return reverse("guide_portal:item", args=[self.pk])


@dataclass(frozen=True, slots=True)
class ItemsToday(Shown):
    """The items of 今日 and their share of its finish line."""

    todo: list[ItemCard] = field(default_factory=list)
    handled: list[ItemCard] = field(default_factory=list)
    excused: list[ItemCard] = field(default_factory=list)
    done: int = 0
    waiting: int = 0
    late: int = 0
    unseen: bool = False

    @property
    def total(self) -> int:
        return self.done + self.waiting + len(self.todo)

    @property
    def left_words(self) -> str:
        """3 件事, 1 张照片等店长确认"""
        parts = [
            (_("%(n)s things to do"), len(self.todo)),
            (_("%(n)s at the manager"), self.waiting),
        ]
        return "，".join(words % {"n": number} for words, number in parts if number)


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item's page. `way` is how it is finished: word, photo, quota, moments, groups, or
    nothing. `send_state`: where the owner's message to groups stands."""

    item: TaskItem
    card: ItemCard
    way: str
    source: str
    quota: Progress | None
    note: str
    photo: str
    may_undo: bool
    send_state: str = ""
    answers: str = ""


def items_today(*, guide_id: int, now: datetime) -> ItemsToday:
    """The guide's items of today, in one query."""
    day = selectors.items_of_day(guide_id=guide_id, now=now)
    return ItemsToday(
        todo=[item_card(item, now=now) for item in day.todo],
        handled=[item_card(item, now=now) for item in (*day.waiting, *day.done)],
        excused=[item_card(item, now=now) for item in day.excused],
        done=len(day.done),
        waiting=len(day.waiting),
        late=day.late,
        unseen=any(item.seen_at is None and item.guide_id == guide_id for item in day.todo),
    )


# --- words ---------------------------------------------------------------------------------------


def _kind_words(item: TaskItem) -> str:
    words = {
        Kind.RECRUIT: _("Recruiting"),
        Kind.DISPLAY: _("Display"),
        Kind.GROUP: _("Store task"),
        Kind.MOMENTS: _("Moments"),
        Kind.GROUP_SEND: _("Message to groups"),
    }
    return words.get(Kind(item.push.kind), _("Task"))


def _counts_words(item: TaskItem) -> str:
    """What counts as done, in a word or two."""
    words = {
        Kind.RECRUIT: _("counted by itself"),
        Kind.DISPLAY: _("a photo, approved by the manager"),
        Kind.GROUP: _("whoever has time, once"),
        Kind.MOMENTS: _("WeCom's result counts"),
        Kind.GROUP_SEND: _("WeCom's result counts"),
    }
    return words.get(Kind(item.push.kind), _("your word counts"))


def missing_words(item: TaskItem) -> str:
    """还差 2 位新会员"""
    left = max((item.quota or 0) - item.counted, 0)
    of_members = item.push.quota_of == TaskPush.QuotaOf.MEMBERS
    words = _("%(n)s new members to go") if of_members else _("%(n)s new friends to go")
    return words % {"n": left}


def state_chip(item: TaskItem) -> Chip:
    """Where an item stands: icon and word."""
    to_groups = item.push.kind == Kind.GROUP_SEND
    if item.state == State.DONE and to_groups:
        return Chip("ok", pgettext("chip", "Sent to the groups"), "ok")
    if item.state == State.DONE:
        return {
            TaskItem.Proof.SELF_REPORTED: Chip("note", pgettext("chip", "Self-reported"), "ok"),
            TaskItem.Proof.APPROVED: Chip("ok", pgettext("chip", "Approved"), "ok"),
            TaskItem.Proof.WECOM: Chip("ok", pgettext("chip", "Published"), "ok"),
        }.get(TaskItem.Proof(item.proof), Chip("ok", pgettext("chip", "Reached"), "ok"))
    if item.state == State.IN_PROGRESS and item.refusal:
        return Chip("alert", pgettext("chip", "Once more"), "late")
    return {
        State.IN_PROGRESS: Chip("ring", pgettext("chip", "In progress")),
        State.TO_VERIFY: Chip("clock", pgettext("chip", "To be approved"), "warn"),
        State.NOT_DONE: Chip("skip", pgettext("chip", "Not done")),
        State.EXPIRED: Chip("skip", pgettext("chip", "Expired")),
        State.NOT_APPLICABLE: Chip("skip", _("Not applicable")),
    }.get(State(item.state), Chip("ring", pgettext("chip", "To do")))


def answers_words(found: selectors.MomentFigures) -> str:
    """12 位客户可见，赞 3，评论 1"""
    return _("shown to %(n)s customers, %(likes)s likes, %(comments)s comments") % {
        "n": found.customers,
        "likes": found.likes,
        "comments": found.comments,
    }


def _line(item: TaskItem, said: selectors.Said | None) -> str:
    """The proof, why it need not be done, or what it waits for."""
    who = item.done_by.name if item.done_by else ""
    if item.state == State.NOT_APPLICABLE:
        if said is None:
            return item.excuse_sentence
        taken_back = item.excuse_reason == ItemExcuse.WITHDRAWN  # its sentence says by whom
        about = when(said.at) if taken_back else f"{when(said.at)} {said.who}".strip()
        return _("%(about)s: %(why)s") % {"about": about, "why": item.excuse_sentence}
    if item.push.kind == Kind.GROUP_SEND:
        return _sent_words(item)
    if item.state == State.DONE:
        words = {
            TaskItem.Proof.SELF_REPORTED: _("%(time)s reported by %(who)s"),
            TaskItem.Proof.APPROVED: _("%(time)s photo approved, taken by %(who)s"),
            TaskItem.Proof.WECOM: _("%(time)s WeCom confirms it is published"),
        }.get(TaskItem.Proof(item.proof), _("%(time)s reached: %(n)s, counted"))
        return words % {"time": when(item.done_at), "who": who, "n": item.counted}
    if item.state == State.TO_VERIFY:
        return _("%(time)s handed in by %(who)s, waits for the manager") % {
            "time": when(item.submitted_at),
            "who": who,
        }
    if item.push.kind == Kind.RECRUIT:
        return missing_words(item)
    return ""


def _sent_words(item: TaskItem) -> str:
    """已发到 3 个群，共 5 个；按企微结果"""
    words = _("Sent to %(n)s of %(m)s groups, as WeCom says")
    said = words % {"n": item.counted, "m": item.quota or 0}
    return f"{when(item.done_at)} {said}" if item.done_at else said


def _action(item: TaskItem) -> str:
    words = {
        Kind.RECRUIT: _("See how far"),
        Kind.DISPLAY: _("Hand in a photo"),
        Kind.MOMENTS: _("See the post"),
        Kind.GROUP_SEND: _("See the message"),
    }
    return words.get(Kind(item.push.kind), _("Do it"))


def item_card(item: TaskItem, *, now: datetime, said: selectors.Said | None = None) -> ItemCard:
    """One item, ready for a template; `said`: who excused it."""
    due = due_chip(item.due_at, now=now)
    return ItemCard(
        pk=item.pk,
        title=item.push.title,
        icon=_ICONS[Kind(item.push.kind)],
        subtitle=" · ".join((_kind_words(item), _counts_words(item))),
        text=item.push.body,
        line=_line(item, said),
        due=reminded(due) if item.chased_at else due,
        chip=state_chip(item),
        refusal=item.refusal if item.state == State.IN_PROGRESS else "",
        action=_action(item),
        due_at=item.due_at,
        is_chased=item.chased_at is not None,
        may_excuse=item.state in UNDONE,
        kind=item.push.kind,
        who=item.guide.name if item.guide else "",
    )


def _origin(push: TaskPush) -> str:
    """Who asks for it. Regional managers work in no store, so an account stands for them."""
    kind, _colon, key = push.created_by.partition(":")
    if kind == "guide":
        return _("from your store manager")
    if kind == "user" and User.objects.filter(pk=int(key), role=Role.REGION_MANAGER).exists():
        return _("from your regional manager")
    return _("from head office")


def _send_state(item: TaskItem) -> str:
    """Whether WeCom has the owner's message yet."""
    return groups.send_state(source=item.push.source, guide_id=item.guide_id or 0)


def item_page(item: TaskItem, *, now: datetime) -> ItemPage:
    """One item's page."""
    may_still = item.state in UNDONE
    ways = {Kind.RECRUIT: "quota", Kind.DISPLAY: "photo", Kind.MOMENTS: "moments"}
    ways |= {Kind.GROUP_SEND: "groups"}
    way = ways.get(Kind(item.push.kind), "word") if may_still else ""
    if item.state == State.TO_VERIFY:
        way = "again"
    source = _origin(item.push)
    quota = None
    way_of_groups = item.push.kind == Kind.GROUP_SEND
    if item.quota:
        won = min(item.counted, item.quota)
        done = pgettext("groups", "Sent") if way_of_groups else _("Won")
        quota = progress(("ok", done, won), ("", _("To go"), item.quota - won))
    said = selectors.excuses_said([item]).get(item.pk)
    answered = selectors.moment_answers([item]).get(item.pk)
    running = item.push.status == TaskPush.Status.HANDED_OUT
    return ItemPage(
        item=item,
        card=item_card(item, now=now, said=said),
        way=way,
        source=" · ".join((source, due_words(item.due_at, now=now), _counts_words(item))),
        quota=quota,
        note=item.note,
        photo=reverse("guide_portal:item_photo", args=[item.pk]) if item.photo else "",
        may_undo=running and item.excuse_reason in GUIDE_REASONS,
        send_state=_send_state(item) if way == "groups" else "",
        answers=answers_words(answered) if answered else "",
    )


# --- the manager's pages --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoreTask:
    """A push in the manager's stores: how many are through, and each row."""

    title: str
    icon: str
    due: Chip
    progress: Progress
    done: int
    total: int
    rows: list[ItemCard]
    is_open: bool
    chase_ids: list[int]
    chase_stop: str


def enough_words() -> str:
    """今天已催 3 次"""
    return _("Reminded %(n)s times today") % {"n": CHASES_A_DAY}


def store_tasks(*, actor: Actor, now: datetime) -> list[StoreTask]:
    """What runs in the manager's stores besides customers, in one query (three if anything is
    excused, one more if there are moments posts)."""
    found = selectors.store_items(actor=actor, now=now)
    said = selectors.excuses_said(item for rows in found.values() for item in rows)
    answered = selectors.moment_answers([item for rows in found.values() for item in rows])
    return [_store_task(push, rows, said, answered, now) for push, rows in found.items()]


def _store_task(
    push: TaskPush,
    items: Sequence[TaskItem],
    said: dict[int, selectors.Said],
    answered: dict[int, selectors.MomentFigures],
    now: datetime,
) -> StoreTask:
    asked = sum(item.state != State.NOT_APPLICABLE for item in items)
    undone = [item for item in items if item.state in UNDONE]
    chase = [item.pk for item in undone if selectors.chases_today(item, now) < CHASES_A_DAY]
    done = sum(item.state == State.DONE for item in items)
    waiting = sum(item.state == State.TO_VERIFY for item in items)
    late = sum(
        item.state in (State.EXPIRED, State.NOT_DONE)
        or (item.state in (State.OPEN, State.IN_PROGRESS) and item.due_at < now)
        for item in items
    )
    return StoreTask(
        title=push.title,
        icon=_ICONS[Kind(push.kind)],
        due=due_chip(items[0].due_at, now=now),
        progress=progress(
            ("ok", _("Done"), done),
            ("wait", _("To be approved"), waiting),
            ("late", _("Overdue"), late),
            ("", _("To do"), asked - done - waiting - late),
        ),
        done=done,
        total=asked,
        rows=[_led_card(item, said.get(item.pk), answered.get(item.pk), now) for item in items],
        is_open=done < asked,
        chase_ids=chase,
        chase_stop=enough_words() if undone and not chase else "",
    )


def _led_card(
    item: TaskItem,
    said: selectors.Said | None,
    answered: selectors.MomentFigures | None,
    now: datetime,
) -> ItemCard:
    """A row of the manager's list: also how often it was reminded of today, and what customers did
    under a post."""
    card, times = item_card(item, now=now, said=said), selectors.chases_today(item, now)
    if answered:
        card = replace(card, line=" · ".join(filter(None, (card.line, answers_words(answered)))))
    if item.state not in UNDONE:
        return card
    words = ""
    if times:
        words = _("Reminded %(used)s times, %(left)s left today") % {
            "used": times,
            "left": CHASES_A_DAY - times,
        }
    return replace(card, line=" · ".join(filter(None, (card.line, _late_words(item, now), words))))


def _late_words(item: TaskItem, now: datetime) -> str:
    """The card told the manager of it; this is the row it meant."""
    if item.due_at >= now - timedelta(hours=settings.ESCALATE_AFTER_HOURS):
        return ""
    return _("Overdue for over %(hours)s hours, please step in") % {
        "hours": settings.ESCALATE_AFTER_HOURS
    }
