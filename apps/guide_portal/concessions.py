"""特批 as pages show it: what a guide asked for a customer, and the row of who decides."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.concessions import selectors
from apps.concessions.models import Concession, State
from apps.concessions.services import what
from apps.core import clock
from apps.guide_portal.cards import Chip, Person
from apps.guide_portal.templatetags.portal import month_day, yuan
from apps.members.models import Member
from apps.members.selectors import masked_name, survivor_group

_CHIPS = {
    State.WAITING: ("clock", "warn"),
    State.GRANTED: ("ok", "ok"),
    State.USED: ("ok", ""),
    State.REFUSED: ("skip", ""),
    State.WITHDRAWN: ("skip", ""),
}


@dataclass(frozen=True, slots=True)
class ConcessionRow:
    """One that waits for a word."""

    pk: int
    person: Person
    place: str
    about: str
    wish: str
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One that was asked for this customer. `may_withdraw`: it is the actor's and waits."""

    pk: int
    wish: str
    words: str
    chip: Chip
    may_withdraw: bool


def waiting_rows(*, actor: Actor) -> list[ConcessionRow]:
    """What the actor decides, the oldest first; one query."""
    return [
        ConcessionRow(
            pk=row.pk,
            person=Person(pk=row.guide_id, public_id=None, name=row.guide.name),
            place=row.store.name,
            about=masked_name(row.member) or _("Customer without a name"),
            wish=_wish(row),
            reason=str(row.get_reason_display()),
            asked_at=row.asked_at,
        )
        for row in selectors.waiting_for(actor=actor)
    ]


def _wish(row: Concession) -> str:
    """退货 of which purchase, or how much less."""
    if row.order is None:
        return what(row)
    bought = _("%(what)s: bought on %(day)s, %(sum)s")
    return bought % {
        "what": what(row),
        "day": month_day(row.order.paid_at),
        "sum": yuan(row.order.net_fen),
    }


def lines_of(*, member: Member, actor: Actor, now: datetime) -> list[Line]:
    """Two queries."""
    rows = selectors.asked_for(member_ids=survivor_group(member.survivor_id), actor=actor)
    return [_line(row, actor, now) for row in rows]


def _line(row: Concession, actor: Actor, now: datetime) -> Line:
    icon, tone = _CHIPS[State(row.state)]
    chip = Chip(icon, str(row.get_state_display()), tone)
    words = [row.guide.name, month_day(row.asked_at), str(row.get_reason_display())]
    if row.state == State.WAITING:
        words.append(_("the %(who)s decides") % {"who": row.get_level_display()})
    if row.state == State.GRANTED and row.valid_until is not None:
        words.append(_("valid until %(day)s") % {"day": month_day(row.valid_until)})
        if row.valid_until < clock.business_day(now):
            chip = Chip("skip", _("over, not used"), "")
    mine = row.guide_id == actor.guide_id and row.state == State.WAITING
    return Line(row.pk, _wish(row), " · ".join(words), chip, mine)
