"""The guide's words for what the tasks' room reads: people, chips, lines, bars."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.core import clock
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.templatetags.portal import hour_minute, month_day, when, yuan
from apps.guide_tasks import selectors
from apps.guide_tasks.models import Grade, State, TaskTarget
from apps.guide_tasks.services.sending import marketing_kinds
from apps.guide_tasks.services.targets import GUIDE_REASONS
from apps.guide_tasks.shapes import Card as TodoShape
from apps.guide_tasks.shapes import FinishedCard, LastBuy, Proof
from apps.members.models import Member
from apps.orders.selectors import LastPurchase, last_purchases

TINTS = 6
# a bar of one cell per customer stays readable up to here; more are drawn in proportion
MAX_CELLS = 60
SENDABLE = (State.OPEN, State.IN_PROGRESS)
# lines of a send that WeCom may decide any moment, so the page looks again by itself
_MOVING = ("to_confirm", "sent")


@dataclass(frozen=True, slots=True)
class Person(Shown):
    """A member or a colleague as a row shows them."""

    pk: int
    public_id: str | uuid.UUID | None
    name: str
    title: str = ""
    level: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.name} {self.title}".strip()

    @property
    def initial(self) -> str:
        return self.name[:1]

    @property
    def tint(self) -> int:
        return self.pk % TINTS

    @property
    def href(self) -> str:
        return links.of_person("customer", self.public_id)

    @property
    def note_href(self) -> str:
        return links.of_person("note", self.public_id)


@dataclass(frozen=True, slots=True)
class Chip(Shown):
    icon: str
    word: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card(Shown):
    """One customer of a task, ready for a template. `is_waiting`: WeCom may answer any moment;
    `is_held_back`: a colleague was in touch, marketing has to wait."""

    target_id: int
    task_id: int
    person: Person
    chip: Chip
    push_title: str = ""
    why: str = ""
    bought: str = ""
    due: Chip | None = None
    lines: tuple[str, ...] = ()
    external_userid: str = ""
    can_send: bool = False
    can_undo: bool = False
    is_waiting: bool = False
    also: int = 0
    origin: str = ""
    worth: str = ""
    contacted: str = ""
    is_held_back: bool = False

    @property
    def subtitle(self) -> str:
        further = _("%(n)s more task") % {"n": self.also} if self.also else ""
        made = self.origin or self.push_title
        return " · ".join(filter(None, (self.person.level, made, further)))

    @property
    def href(self) -> str:
        return links.numbered("target", self.target_id)

    @property
    def not_suitable_href(self) -> str:
        return links.numbered("not_suitable", self.target_id)


# --- people --------------------------------------------------------------------------------------


_TITLES = {
    "female": pgettext_lazy("after a name", "Ms"),
    "male": pgettext_lazy("after a name", "Mr"),
}


def _person(pk: int, public_id: str | uuid.UUID, name: str, gender: str, level: str = "") -> Person:
    return Person(
        pk=pk,
        public_id=public_id,
        name=name or _("Customer without a name"),
        title=str(_TITLES.get(gender, "")) if name else "",
        level=level,
    )


def person_of(member: Member) -> Person:
    """The member behind a row: guides see the names of those they serve, never the number."""
    return _person(member.pk, member.public_id, member.name, member.gender, member.level)


# --- words ---------------------------------------------------------------------------------------


def due_words(due_at: datetime, *, now: datetime) -> str:
    """今天 20:00 前, 明天 …, then the date."""
    days = (clock.business_day(due_at) - clock.business_day(now)).days
    if days == 0:
        return _("today by %(time)s") % {"time": hour_minute(due_at)}
    if days == 1:
        return _("tomorrow by %(time)s") % {"time": hour_minute(due_at)}
    return _("by %(day)s") % {"day": month_day(due_at)}


def colleague_words(at: datetime, *, now: datetime) -> str:
    """今天已有同事联系过, with the time; a colleague's message that waits for its hour says so."""
    if at > now:
        return _("A colleague's message to TA goes out %(time)s") % {"time": when(at)}
    if clock.business_day(at) == clock.business_day(now):
        return _("A colleague was in touch with TA today, %(time)s") % {"time": hour_minute(at)}
    return _("A colleague was in touch with TA on %(time)s") % {"time": when(at)}


def due_chip(due_at: datetime, *, now: datetime) -> Chip:
    """When it is due; red once it is late."""
    if due_at < now:
        days = (clock.business_day(now) - clock.business_day(due_at)).days
        word = _("%(n)s days overdue") % {"n": days} if days else _("overdue")
        return Chip("clock", word, "late")
    return Chip("clock", due_words(due_at, now=now))


def reminded(due: Chip) -> Chip:
    """The due mark of what the manager asked about."""
    words = _("reminded, %(due)s") % {"due": due.word}
    return Chip("bell", words, "late" if due.tone == "late" else "warn")


# by the tasks' room's own codes; only the word that is shown is looked up
_CHIPS = {
    "open": ("ring", pgettext_lazy("chip", "To do"), ""),
    "in_progress": ("ring", pgettext_lazy("chip", "In progress"), ""),
    # waits for WeCom: initiated, and no more than that until WeCom says so
    "waiting": ("send", pgettext_lazy("chip", "Initiated"), "wait"),
    "initiated": ("send", pgettext_lazy("chip", "Initiated"), "wait"),
    "self_reported": ("note", pgettext_lazy("chip", "Self-reported"), ""),
    "delivered": ("ok", pgettext_lazy("chip", "Delivered"), "ok"),
    "engaged": ("link", gettext_lazy("Engaged"), "ok"),
    "visited": ("pin", gettext_lazy("Visited"), "ok"),
    "purchased": ("bag", gettext_lazy("Bought in the window"), "ok"),
    "excused": ("skip", gettext_lazy("Not applicable"), ""),
    "expired": ("skip", pgettext_lazy("chip", "Expired"), ""),
    "not_done": ("skip", pgettext_lazy("chip", "Not done"), ""),
    "done": ("ok", pgettext_lazy("chip", "Done"), "ok"),
}
_PROOFS = {
    "held": gettext_lazy("Goes out at %(time)s, customers are left in peace until then"),
    "to_confirm": gettext_lazy("Waiting for your confirmation in WeCom"),
    "sent": gettext_lazy("Sent %(time)s, waiting for WeCom's result"),
    "unknown": gettext_lazy("WeCom did not answer; head office is checking, do not send again"),
    "delivered": gettext_lazy("%(time)s WeCom confirms delivery"),
    "clicked": gettext_lazy("%(time)s reached, TA opened the link"),
    "engaged": gettext_lazy("%(time)s opened the link"),
    "visited": gettext_lazy("%(time)s came to the shop"),
    "visit_noted": gettext_lazy("%(time)s came to the shop, noted by a guide"),
    "purchased": gettext_lazy("%(time)s bought, by the till"),
    "initiated": gettext_lazy("%(time)s started by you"),
    "self_reported": gettext_lazy("%(time)s reported by you"),
}


def _chip(code: str) -> Chip:
    """The chip of a state or proof."""
    icon, word, tone = _CHIPS.get(code) or _CHIPS["open"]
    return Chip(icon, str(word), tone)


def proof_words(proof: Proof) -> str:
    """One proof or one wait, with its time and who says so."""
    return str(_PROOFS.get(proof.code, "%(time)s")) % {"time": when(proof.at)}


def _once_each(lines: Sequence[Proof]) -> list[str]:
    """The first of each kind: a second purchase or click adds no line to a row."""
    first: dict[str, Proof] = {}
    for line in lines:
        first.setdefault(line.code, line)
    if "clicked" in first:
        first.pop("engaged", None)
    return [proof_words(line) for line in first.values()]


def size_words(size: str) -> str:
    """37 码; letters stand alone."""
    return _("size %(size)s") % {"size": size} if size.replace(".", "").isdigit() else size


def bought_words(purchase: LastPurchase | LastBuy | None) -> str:
    """上次 羊皮切尔西靴 黑 37 码，8月21日"""
    if purchase is None:
        return ""
    what = " ".join(filter(None, (purchase.product, purchase.colour, size_words(purchase.size))))
    on = purchase.on if isinstance(purchase, LastBuy) else purchase.paid_at
    return _("Last time %(what)s, %(day)s") % {"what": what, "day": month_day(on)}


def origin_words(shape: TodoShape) -> str:
    """Which push or rule made this card."""
    pattern = _("By rule: %(title)s") if shape.by_rule else _("Head office: %(title)s")
    return pattern % {"title": shape.push_title}


def worth_words(shape: TodoShape) -> str:
    """价值 ¥3,286 · 同类客户约 24% 会回来: what the order of the list is made of."""
    worth = _("worth %(amount)s") % {"amount": yuan(round(shape.value_fen, -2))}
    if shape.chance is None:
        return worth if shape.value_fen else ""
    share = _("about %(share)s like TA come back") % {"share": percent(shape.chance)}
    return " · ".join(filter(None, (worth if shape.value_fen else "", share)))


# --- cards ---------------------------------------------------------------------------------------


def shape_person(shape: TodoShape) -> Person:
    """The customer of a piece of work."""
    return _person(shape.member_id, shape.public_id, shape.name, shape.gender, shape.level)


def todo_due(shape: TodoShape, *, now: datetime) -> Chip:
    """Until when somebody is to be contacted, and whether the manager asked."""
    due = due_chip(shape.due_at, now=now)
    return reminded(due) if shape.is_chased else due


def todo_card(shape: TodoShape, *, now: datetime) -> Card:
    """Somebody still to contact."""
    due = todo_due(shape, now=now)
    proven = {Grade.INITIATED: "initiated", Grade.SELF_REPORTED: "self_reported"}
    code = proven.get(Grade(shape.grade), shape.state)
    at = shape.colleague_at
    contacted = colleague_words(at, now=now) if at else ""
    return Card(
        target_id=shape.target_id,
        task_id=shape.task_id,
        person=shape_person(shape),
        chip=due if shape.is_overdue else _chip(code),
        push_title=shape.push_title,
        why=shape.why,
        bought=bought_words(shape.last_buy),
        due=due,
        lines=tuple(filter(None, (shape.why, contacted))),
        external_userid=shape.external_userid,
        can_send=True,
        also=shape.also,
        origin=origin_words(shape),
        worth=worth_words(shape),
        contacted=contacted,
        is_held_back=bool(contacted) and shape.kind in marketing_kinds(),
    )


def finished_card(shape: FinishedCard) -> Card:
    """Somebody who needs nothing more now: proven, waiting for proof, excused or closed."""
    lines = [shape.sentence] if shape.chip == "excused" else _once_each(shape.lines)
    return Card(
        target_id=shape.target_id,
        task_id=shape.task_id,
        person=_person(shape.member_id, shape.public_id, shape.name, shape.gender),
        chip=_chip(shape.chip),
        lines=tuple(filter(None, lines)),
        is_waiting=any(line.code in _MOVING for line in shape.lines),
    )


def target_cards(
    targets: Sequence[TaskTarget],
    *,
    now: datetime,
    bought: Mapping[int, LastPurchase] | None = None,
) -> list[Card]:
    """Cards of given targets (with push and member), whatever their state, in a few queries."""
    if not targets:
        return []
    proofs = selectors.proofs_of(targets)
    if bought is None:
        bought = last_purchases(member_ids=[target.member_id for target in targets])
    return [
        _target_card(target, proofs.get(target.pk, []), bought.get(target.member_id), now=now)
        for target in targets
    ]


def _target_card(
    target: TaskTarget, proofs: Sequence[Proof], bought: LastPurchase | None, *, now: datetime
) -> Card:
    excused = target.state == State.NOT_APPLICABLE
    lines = [target.excuse_sentence] if excused else _once_each(proofs)
    code = selectors.chip_of(target)
    is_late = target.is_open and target.due_at < now and code in ("open", "self_reported")
    due = due_chip(target.due_at, now=now)
    return Card(
        target_id=target.pk,
        task_id=target.task_id,
        person=person_of(target.member),
        chip=due if is_late else _chip(code),
        push_title=target.push.title,
        why=target.why,
        bought=bought_words(bought),
        due=due,
        lines=tuple(lines),
        external_userid=target.external_userid,
        can_send=target.state in SENDABLE,
        can_undo=excused and target.excuse_reason in GUIDE_REASONS,
        is_waiting=any(line.code in _MOVING for line in proofs),
    )


# --- bars ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress(Shown):
    """A bar without computed widths: one cell per customer, scaled down for many."""

    cells: list[str]
    key: list[tuple[str, str, int]]

    @property
    def words(self) -> str:
        return ", ".join(f"{word} {number}" for _tone, word, number in self.key)


def progress(*key: tuple[str, str, int]) -> Progress:
    """Progress from (tone, word, number) in the order in which the bar shows them."""
    return Progress(cells=cells(*((tone, number) for tone, _word, number in key)), key=list(key))


def cells(*parts: tuple[str, int]) -> list[str]:
    """One tone per customer; above `MAX_CELLS` customers the cells keep the proportions."""
    total = sum(number for _tone, number in parts)
    scale = MAX_CELLS / total if total > MAX_CELLS else 1
    shown: list[str] = []
    for tone, number in parts:
        shown += [tone] * (max(1, round(number * scale)) if number else 0)
    return shown


def percent(share: float | None) -> str:
    """Whole percent; a dash where there is nothing to divide by."""
    return "–" if share is None else f"{round(100 * share)}%"


def week_begin(now: datetime) -> datetime:
    """The moment the last seven chain days, today included, began."""
    return clock.day_start(clock.business_day(now) - timedelta(days=6))
