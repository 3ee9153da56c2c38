"""Joining: a new number becomes a member at once, a known one only with the code sent to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core.errors import DomainError
from apps.loyalty import services as loyalty
from apps.member_portal import limits
from apps.member_portal.models import PhoneCode
from apps.member_portal.services import codes, contact_codes
from apps.members import services as members
from apps.members.invites import Invite
from apps.members.models import Member, MemberIdentity
from apps.members.selectors import find_by_identity, identity_values, serving_of
from apps.members.services.verification import verify_phone
from apps.stores.models import Guide, Store

SOURCE = "join_page"
CUSTOMER = Actor(role="customer")
Kind = MemberIdentity.Kind


class ConsentMissing(DomainError):
    code = "consent_missing"
    message = _("Without agreeing to the membership service there is no account. You can still"
                " shop here.")  # fmt: skip


class AnotherNumber(DomainError):
    """WeChat says who this is, and that person has an account under another number."""

    code = "another_number"
    message = _("You are a member already, with another number. Sign in with WeChat instead.")


class _NumberTaken(Exception):
    """Somebody joined with this number a moment ago."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Who is in now. `proof` says how they were recognised: "" for a number nobody has checked."""

    member_id: int
    proof: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """The WeCom contact that WeCom's own sign-in named for this browser."""

    corp_id: str
    external_userid: str


def begin_join(
    *,
    invite: Invite,
    phone: str,
    consents: Sequence[tuple[str, str]],
    seen: Seen | None,
    address: str,
    now: datetime,
) -> Joined | PhoneCode:
    """Let a new number in, or ask a known one for the code that goes to it.

    `phone` in E.164, `consents` as (purpose, text version). Raises ConsentMissing, AnotherNumber,
    TooOften and what `ask_code` raises.
    """
    if "membership" not in {purpose for purpose, _version in consents}:
        raise ConsentMissing
    limits.take("join-phone", phone, limits.JOINS_OF_PHONE)
    limits.take("join-address", address, limits.JOINS_OF_ADDRESS)
    limits.take("join-guide", str(invite.guide.pk), limits.JOINS_OF_GUIDE)
    holder = find_by_identity(Kind.PHONE, "", phone)
    contact = _contact(seen)
    if holder is not None and contact is not None and contact.pk == holder.pk:
        return _let_in(holder, invite, phone, consents, proof="wecom", now=now)
    if holder is None and not settings.JOIN_CODE_ALWAYS:
        try:
            return _make(invite, phone, consents, seen if contact else None, contact, now)
        except _NumberTaken:
            pass
    return codes.ask_code(
        purpose=PhoneCode.Purpose.JOIN,
        phone=phone,
        address=address,
        invite=invite,
        consents=list(consents),
        now=now,
    )


def _contact(seen: Seen | None) -> Member | None:
    if seen is None:
        return None
    return find_by_identity(Kind.EXTERNAL_USERID, seen.corp_id, seen.external_userid)


def _consent_rows(consents: Sequence[tuple[str, str]], now: datetime) -> list[members.ConsentRow]:
    return [members.ConsentRow(purpose, version, SOURCE, now) for purpose, version in consents]


@transaction.atomic
def _make(
    invite: Invite,
    phone: str,
    consents: Sequence[tuple[str, str]],
    seen: Seen | None,
    contact: Member | None,
    now: datetime,
) -> Joined:
    """A number nobody has: a new member, or the WeCom contact who now gives us a number."""
    identities = [(str(Kind.PHONE), "", phone)]
    if seen is not None and contact is not None:
        if identity_values(member_id=contact.pk, kind=Kind.PHONE):
            raise AnotherNumber
        identities.append((str(Kind.EXTERNAL_USERID), seen.corp_id, seen.external_userid))
    known_store = contact is not None and contact.home_store_id is not None
    answer = members.resolve_members(
        rows=[
            members.MemberRow(
                identities=identities,
                joined_at=now,
                source=SOURCE,
                home_store_id=None if known_store else invite.store.pk,
                enrolling_guide_id=invite.guide.pk,
                consents=_consent_rows(consents, now),
            )
        ],
        now=now,
        source=SOURCE,
        actor=CUSTOMER,
    )[0]
    if answer.member_id is None or (contact is None and not answer.created):
        raise _NumberTaken
    member_id = answer.member_id
    joined_now = contact is None or contact.joined_at is None
    _settle(member_id, invite, joined_now=joined_now, now=now)
    return Joined(member_id=member_id, proof="wecom" if contact else "", is_new=joined_now)


def _invite_of(row: PhoneCode, now: datetime) -> Invite:
    """Who invited to this code. The page was opened in time; the code has its own five minutes."""
    if row.guide_id is None or row.store_id is None:
        raise codes.CodeOver
    return Invite(
        guide=Guide.objects.get(pk=row.guide_id),
        store=Store.objects.get(pk=row.store_id),
        until=now,
        draft_id=row.draft_id,
    )


def finish_join(*, row: PhoneCode, now: datetime) -> Joined:
    """The owner of the number read the code: bind, never a second card."""
    phone = codes.phone_of(row)
    invite = _invite_of(row, now)
    consents = [(purpose, version) for purpose, version in row.consents]
    if find_by_identity(Kind.PHONE, "", phone) is None:
        try:
            joined = _make(invite, phone, consents, None, None, now)
        except _NumberTaken:
            pass
        else:
            verify_phone(phone=phone, now=now)
            return Joined(joined.member_id, "code", joined.is_new)
    holder = find_by_identity(Kind.PHONE, "", phone)
    if holder is None:
        raise codes.CodeOver
    return _let_in(holder, invite, phone, consents, proof="code", now=now)


@transaction.atomic
def _let_in(
    holder: Member,
    invite: Invite,
    phone: str,
    consents: Sequence[tuple[str, str]],
    *,
    proof: str,
    now: datetime,
) -> Joined:
    """A known person: consents are added, joining is settled once, nothing of theirs replaced."""
    joined_now = holder.joined_at is None
    members.resolve_members(
        rows=[
            members.MemberRow(
                identities=[(str(Kind.PHONE), "", phone)],
                joined_at=now if joined_now else None,
                source=SOURCE,
                home_store_id=invite.store.pk if holder.home_store_id is None else None,
                enrolling_guide_id=invite.guide.pk if joined_now else None,
                consents=_consent_rows(consents, now),
            )
        ],
        now=now,
        source=SOURCE,
        actor=CUSTOMER,
    )
    if proof == "code":
        verify_phone(phone=phone, now=now)
    _settle(holder.pk, invite, joined_now=joined_now, now=now)
    return Joined(member_id=holder.pk, proof=proof, is_new=joined_now)


def _settle(member_id: int, invite: Invite, *, joined_now: bool, now: datetime) -> None:
    """A guide for who has none, the welcome benefit for who joined just now, a way to the guide;
    the draft that waited for them is closed."""
    guide, store = invite.guide, invite.store
    period = serving_of([member_id]).get(member_id)
    if period is None:
        members.set_serving_guide(
            pairs=[(member_id, guide.pk, store.pk)], reason="enrolled", now=now, actor=CUSTOMER
        )
    if joined_now:
        loyalty.give_welcome_points(member_id=member_id, store_id=store.pk, now=now)
        loyalty.give_welcome(member_id=member_id, store_id=store.pk, now=now, actor=CUSTOMER)
    contact_codes.want_code(
        member_id=member_id, guide_id=period.guide_id if period else guide.pk, now=now
    )
    if invite.draft_id is not None:
        members.close_draft_joined(draft_id=invite.draft_id, member_id=member_id, now=now)


# --- in again ------------------------------------------------------------------------------------


def ask_to_sign_in(*, phone: str, address: str, now: datetime) -> PhoneCode:
    """A code for this number. A number of nobody gets a row and no SMS: the page says the same."""
    return codes.ask_code(
        purpose=PhoneCode.Purpose.SIGN_IN,
        phone=phone,
        address=address,
        now=now,
        to_phone=find_by_identity(Kind.PHONE, "", phone) is not None,
    )


def ask_again(*, row: PhoneCode, address: str, now: datetime) -> PhoneCode:
    """The same wish with a new code."""
    if row.purpose == PhoneCode.Purpose.SIGN_IN:
        return ask_to_sign_in(phone=codes.phone_of(row), address=address, now=now)
    invite = _invite_of(row, now)
    return codes.ask_code(
        purpose=row.purpose,
        phone=codes.phone_of(row),
        address=address,
        invite=invite,
        consents=[(purpose, version) for purpose, version in row.consents],
        now=now,
    )


@transaction.atomic
def sign_in_by_phone(*, phone: str, now: datetime) -> Member:
    """The member whose number was proven a moment ago."""
    member = find_by_identity(Kind.PHONE, "", phone)
    if member is None:  # erased while the code was on its way
        raise codes.CodeOver
    verify_phone(phone=phone, now=now)
    return member


def has_typed_number(*, member_id: int) -> bool:
    """A number was typed on the join page, and nobody has read a code from it yet."""
    numbers = MemberIdentity.objects.filter(member__survivor_id=member_id, kind=Kind.PHONE)
    return numbers.filter(source=SOURCE, verified_at=None).exists()


def member_seen(seen: Seen) -> Member | None:
    """The member behind a WeCom contact; who is only a contact has no account to open."""
    member = _contact(seen)
    return member if member is not None and member.joined_at is not None else None
