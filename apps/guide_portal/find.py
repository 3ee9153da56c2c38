"""找客户: by name, last four, phone, member code or receipt. Own customers first; who belongs to
others is shown masked, with the way to ask for a look.

A name finds only inside the scope. Everything else is a look-up: counted, bounded, on the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.http import Http404
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal.customers import FOUND, Row, rows_of, visible
from apps.members import services as members
from apps.members.models import AccessRequest, LookUp, Member, MemberIdentity
from apps.members.selectors import find_identities, masked_name, survivors_of
from apps.orders.selectors import buyers_of_receipt

OTHERS = 5
TICKET_SECONDS = 1800
_SALT = "guide_portal.access"
# scopes in which a member number may be unique: the chain's own, the till's
_CODE_SCOPES = ("", "pos")
Kind = LookUp.Kind


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else's customer: enough to recognise, not enough to know."""

    name: str
    store: str
    ticket: str
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[Row]
    others: list[Other]
    too_many: bool = False

    @property
    def only(self) -> UUID | str | None:
        """The one card an exact look-up leads to."""
        if len(self.rows) == 1 and not self.others:
            return self.rows[0].person.public_id
        return None


def search(*, actor: Actor, words: str, now: datetime) -> Found:
    """Whoever fits the words. Raises TooManyLookUps for numbers and codes beyond the limits."""
    kind = members.kind_of(words)
    if not kind:
        named = visible(actor).filter(name__icontains=words).order_by("-public_id")
        return Found(rows_of(list(named[:FOUND]), now=now), [])
    look_up = members.begin_look_up(kind=kind, actor=actor, now=now)
    found = (
        _by_last_four(words, actor, now)
        if kind == Kind.LAST_FOUR
        else _exact(kind, words, actor, now)
    )
    members.end_look_up(look_up=look_up, own=len(found.rows), others=len(found.others))
    return found


def _by_last_four(digits: str, actor: Actor, now: datetime) -> Found:
    alike = Member.objects.survivors().filter(phone_last4=digits)
    own = list(visible(actor).filter(phone_last4=digits).order_by("-public_id")[:FOUND])
    others = alike.exclude(pk__in=[member.pk for member in own]).select_related("home_store")
    rest = list(others.order_by("-pk")[: OTHERS + 1])
    rows = rows_of(own, now=now)
    if len(rest) > OTHERS:
        return Found(rows, [], too_many=True)
    return Found(rows, _others(rest, actor))


def _exact(kind: str, words: str, actor: Actor, now: datetime) -> Found:
    ids = _ids_of(kind, words)
    if not ids:
        return Found([], [])
    own = list(visible(actor).filter(pk__in=ids).order_by("-public_id"))
    known = {member.pk for member in own}
    rest = Member.objects.survivors().filter(pk__in=ids - known).select_related("home_store")
    return Found(rows_of(own, now=now), _others(list(rest[:OTHERS]), actor))


def _ids_of(kind: str, words: str) -> set[int]:
    """Survivors behind a phone, or behind a member code or a receipt's number."""
    if kind == Kind.PHONE:
        asked = [(str(MemberIdentity.Kind.PHONE), "", words)]
    else:
        asked = [(str(MemberIdentity.Kind.MEMBER_NO), scope, words) for scope in _CODE_SCOPES]
    ids = {one.survivor_id for one in find_identities(asked).values()}
    if not ids:  # a receipt whose number looks like a phone is a receipt
        buyers = buyers_of_receipt(number=words)
        ids = set(survivors_of(buyers).values()) if buyers else set()
    return ids


def _others(found: Sequence[Member], actor: Actor) -> list[Other]:
    asked: set[int] = set()
    if found and actor.guide_id is not None:
        waiting = AccessRequest.objects.for_card().waiting().filter(guide_id=actor.guide_id)
        asked = set(waiting.filter(member__in=found).values_list("member_id", flat=True))
    return [
        Other(
            name=masked_name(member) or _("Customer without a name"),
            store=member.home_store.name if member.home_store else "",
            ticket=ticket_for(member, actor),
            is_asked=member.pk in asked,
        )
        for member in found
    ]


# --- the way from a masked row to a request -------------------------------------------------------


def ticket_for(member: Member, actor: Actor) -> str:
    """Proof that this guide found this member just now: nobody asks for ids they made up."""
    return signing.dumps([member.public_id.hex, actor.guide_id], salt=_SALT, compress=False)


def member_of_ticket(*, ticket: str, actor: Actor) -> Member:
    """The member somebody found. Raises Http404 for a ticket that is old, another's or made up."""
    try:
        public_id, guide_id = signing.loads(ticket, salt=_SALT, max_age=TICKET_SECONDS)
    except (signing.BadSignature, ValueError):
        raise Http404 from None
    found = Member.objects.survivors().filter(public_id=public_id)
    member = found.select_related("home_store").first()
    if guide_id != actor.guide_id or member is None:
        raise Http404
    return member
