"""What a guide sees of a person and of a target: finished words, chips and lines, read in sets."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.core import clock
from apps.guide_portal.templatetags.portal import hour_minute, month_day, when
from apps.guide_tasks.models import Evidence, Grade, Outcome, State, TaskTarget
from apps.members.models import Member
from apps.orders.selectors import LastPurchase, last_purchases
from apps.outreach.models import Dispatch, DispatchRecipient

TINTS = 6
# a bar of one cell per customer stays readable up to here; more are drawn in proportion
MAX_CELLS = 60


@dataclass(frozen=True, slots=True)
class Person:
    """A member or a colleague as a row shows them."""

    pk: int
    public_id: uuid.UUID | None
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


@dataclass(frozen=True, slots=True)
class Chip:
    icon: str
    word: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One target, ready for a template. `pending` is the send that WeCom has not decided yet."""

    target: TaskTarget
    person: Person
    chip: Chip
    due: Chip
    lines: list[str]
    bought: str
    pending: DispatchRecipient | None

    @property
    def subtitle(self) -> str:
        return " · ".join(filter(None, (self.person.level, self.target.push.title)))

    @property
    def is_waiting(self) -> bool:
        """WeCom may answer any moment, so the page looks again by itself."""
        return self.pending is not None and self.pending.dispatch.state in _MOVING

    @property
    def is_handled(self) -> bool:
        """The guide has done their part and waits for proof."""
        started = self.target.contact_grade >= Grade.INITIATED
        return self.target.is_open and (self.pending is not None or started)

    @property
    def is_todo(self) -> bool:
        return self.target.is_open and not self.is_handled

    @property
    def can_send(self) -> bool:
        return self.target.is_open and self.pending is None

    @property
    def href(self) -> str:
        return reverse("guide_portal:target", args=[self.target.pk])

    @property
    def tone(self) -> str:
        """Colour of this customer's cell in a progress bar."""
        if self.target.state == State.NOT_APPLICABLE:
            return "na"
        if self.target.state == State.DONE:
            return "ok"
        if self.is_handled:
            return "wait"
        return "late" if self.due.tone == "late" else ""


_MOVING = (
    Dispatch.State.PLANNED,
    Dispatch.State.LEASED,
    Dispatch.State.HANDED_OVER,
    Dispatch.State.SENT,
)


def person_of(member: Member) -> Person:
    """The member behind a row; guides see the names of those they serve, never the number."""
    titles = {
        Member.Gender.FEMALE: pgettext("after a name", "Ms"),
        Member.Gender.MALE: pgettext("after a name", "Mr"),
    }
    name = member.name or _("Customer without a name")
    return Person(
        pk=member.pk,
        public_id=member.public_id,
        name=name,
        title=titles.get(member.gender, "") if member.name else "",
        level=member.level,
    )


def due_words(due_at: datetime, *, now: datetime) -> str:
    """今天 20:00 前, 明天 …, then the date."""
    days = (clock.business_day(due_at) - clock.business_day(now)).days
    if days == 0:
        return _("today by %(time)s") % {"time": hour_minute(due_at)}
    if days == 1:
        return _("tomorrow by %(time)s") % {"time": hour_minute(due_at)}
    return _("by %(day)s") % {"day": month_day(due_at)}


def due_chip(target: TaskTarget, *, now: datetime) -> Chip:
    """When it is due; red once it is late."""
    if target.is_open and target.due_at < now:
        days = (clock.business_day(now) - clock.business_day(target.due_at)).days
        word = _("%(n)s days overdue") % {"n": days} if days else _("overdue")
        return Chip("clock", word, "late")
    return Chip("clock", due_words(target.due_at, now=now))


def _outcome_chip(target: TaskTarget) -> Chip | None:
    if target.purchased_at:
        return Chip("bag", _("Bought in the window"), "ok")
    if target.visited_at:
        return Chip("pin", _("Visited"), "ok")
    if target.engaged_at:
        return Chip("link", _("Engaged"), "ok")
    return None


def _proof_chip(target: TaskTarget, *, pending: bool) -> Chip | None:
    if target.contact_grade >= Grade.DELIVERED:
        return Chip("ok", pgettext("chip", "Delivered"), "ok")
    if target.contact_grade == Grade.INITIATED or pending:
        return Chip("send", pgettext("chip", "Initiated"), "wait")
    if target.contact_grade == Grade.SELF_REPORTED:
        return Chip("note", pgettext("chip", "Self-reported"))
    return None


def _state_chip(target: TaskTarget, *, now: datetime) -> Chip:
    if target.is_open and target.due_at < now:
        return due_chip(target, now=now)
    words = {
        State.OPEN: Chip("ring", pgettext("chip", "To do")),
        State.IN_PROGRESS: Chip("ring", pgettext("chip", "In progress")),
        State.TO_VERIFY: Chip("clock", pgettext("chip", "To verify"), "warn"),
        State.DONE: Chip("ok", pgettext("chip", "Done"), "ok"),
        State.NOT_DONE: Chip("skip", pgettext("chip", "Not done")),
        State.EXPIRED: Chip("skip", pgettext("chip", "Expired")),
    }
    return words[State(target.state)]


def state_chip(target: TaskTarget, *, pending: bool, now: datetime) -> Chip:
    """Best outcome, else proof, else the state; an excuse stands alone."""
    if target.state == State.NOT_APPLICABLE:
        return Chip("skip", _("Not applicable"))
    closed = target.state in (State.NOT_DONE, State.EXPIRED)
    proof = _outcome_chip(target) or _proof_chip(target, pending=pending)
    if closed and (proof is None or target.contact_grade < Grade.DELIVERED):
        return _state_chip(target, now=now)
    return proof or _state_chip(target, now=now)


def pending_words(recipient: DispatchRecipient) -> str:
    """Where a send stands that WeCom has not decided."""
    dispatch = recipient.dispatch
    if dispatch.state == Dispatch.State.HELD:
        return _("Goes out at %(time)s, customers are left in peace until then") % {
            "time": when(dispatch.not_before)
        }
    if dispatch.state == Dispatch.State.HANDED_OVER:
        return _("Waiting for your confirmation in WeCom")
    if dispatch.state == Dispatch.State.SENT:
        return _("Sent %(time)s, waiting for WeCom's result") % {"time": when(dispatch.sent_at)}
    if dispatch.state == Dispatch.State.UNKNOWN:
        return _("WeCom did not answer; head office is checking, do not send again")
    return _("Being handed to WeCom")


def _proof_words(proof: Evidence) -> str:
    if proof.outcome:
        words = {
            Outcome.ENGAGED: _("opened the link"),
            Outcome.VISITED: _("came to the shop"),
            Outcome.PURCHASED: _("bought, by the till"),
        }[Outcome(proof.outcome)]
    elif proof.grade == Grade.DELIVERED:
        by_link = "click" in proof.source
        words = _("reached, TA opened the link") if by_link else _("WeCom confirms delivery")
    elif proof.grade == Grade.INITIATED:
        words = _("started by you")
    else:
        words = _("reported by you")
    return f"{when(proof.occurred_at)} {words}"


def _lines(
    target: TaskTarget, proofs: Sequence[Evidence], pending: DispatchRecipient | None
) -> list[str]:
    if target.state == State.NOT_APPLICABLE:
        return [target.excuse_sentence or target.get_excuse_reason_display()]
    if pending is not None:
        return [pending_words(pending)]
    best = max((proof.grade or 0 for proof in proofs), default=0)
    told: dict[tuple[int | None, str], str] = {}
    for proof in proofs:
        if proof.outcome or proof.grade == best:
            told.setdefault((proof.grade, proof.outcome), _proof_words(proof))
    return list(told.values()) or ([target.why] if target.why else [])


def bought_words(purchase: LastPurchase | None) -> str:
    """上次 羊皮切尔西靴 黑 37 码，8月21日"""
    if purchase is None:
        return ""
    size = _("size %(size)s") % {"size": purchase.size} if purchase.size else ""
    what = " ".join(filter(None, (purchase.product, purchase.colour, size)))
    return _("Last time %(what)s, %(day)s") % {"what": what, "day": month_day(purchase.paid_at)}


def pending_sends(targets: Iterable[TaskTarget]) -> dict[str, DispatchRecipient]:
    """The undecided send of each target, by the target's source; at most one exists."""
    rows = DispatchRecipient.objects.filter(
        source__in=[target.source for target in targets], state=DispatchRecipient.State.WAITING
    ).select_related("dispatch")
    return {row.source: row for row in rows}


def cards_of(targets: Sequence[TaskTarget], *, now: datetime) -> list[Card]:
    """Cards in the given order, in three queries; targets come with push and member."""
    if not targets:
        return []
    pending = pending_sends(targets)
    proofs: dict[int, list[Evidence]] = {}
    for proof in Evidence.objects.filter(target__in=targets).order_by("occurred_at", "pk"):
        proofs.setdefault(proof.target_id, []).append(proof)
    bought = last_purchases(member_ids=[target.member_id for target in targets])
    cards = []
    for target in targets:
        send = pending.get(target.source)
        cards.append(
            Card(
                target=target,
                person=person_of(target.member),
                chip=state_chip(target, pending=send is not None, now=now),
                due=due_chip(target, now=now),
                lines=_lines(target, proofs.get(target.pk, []), send),
                bought=bought_words(bought.get(target.member_id)),
                pending=send,
            )
        )
    return cards


@dataclass(frozen=True, slots=True)
class Progress:
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


def day_begin(now: datetime) -> datetime:
    """The moment the chain's day of `now` began."""
    return clock.day_start(clock.business_day(now))


def week_before(now: datetime) -> datetime:
    return now - timedelta(days=7)
