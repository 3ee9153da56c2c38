"""Codes to a phone: made, sent by SMS, checked once. Five wrong ones and the number rests."""

import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core import pii
from apps.core.errors import DomainError
from apps.member_portal import limits
from apps.member_portal.models import PhoneCode
from apps.member_portal.selectors import chain_name
from apps.members.invites import Invite
from apps.members.models import MemberIdentity
from apps.outreach import services as outreach
from apps.outreach import sms
from apps.outreach.models import SmsMessage

VALID_FOR = timedelta(minutes=5)
REST = timedelta(minutes=15)
AGAIN_AFTER = timedelta(seconds=60)
KEEP = timedelta(days=1)
MAX_TRIES = 5
DIGITS = 6


class WrongCode(DomainError):
    code = "wrong_code"
    message = _("That is not the code. Look at the SMS again.")


class CodeOver(DomainError):
    """Used, too old, or not there: no difference is told."""

    code = "code_over"
    message = _("This code is no longer valid. Ask for a new one.")


class NumberRests(DomainError):
    code = "number_rests"
    message = _("Too many wrong codes. Please wait 15 minutes and ask for a new one.")


class JustSent(DomainError):
    code = "just_sent"
    message = _("A code was sent a moment ago. Please wait a minute.")


class NoCodes(DomainError):
    """Known numbers can only be linked with a code, and none can be sent."""

    code = "no_codes"
    message = _("We cannot send a code to this number just now. Please ask in the store.")


def phone_key(phone: str) -> bytes:
    return pii.value_key(MemberIdentity.Kind.PHONE, "", phone)


def _hash(pk: UUID, code: str) -> bytes:
    """A million codes are soon tried against a plain hash; the pepper is not in the database."""
    return hmac.digest(settings.PII_PEPPER.encode(), f"code|{pk}|{code}".encode(), "sha256")


def _may_ask(phone: str, address: str, invite: Invite | None, now: datetime) -> None:
    made = PhoneCode.objects.filter(phone_key=phone_key(phone))
    if made.filter(tries__gte=MAX_TRIES, failed_at__gt=now - REST).exists():
        raise NumberRests
    if made.filter(made_at__gt=now - AGAIN_AFTER, used_at=None).exists():
        raise JustSent
    limits.take("code-phone", phone, limits.CODES_OF_PHONE)
    limits.take("code-address", address, limits.CODES_OF_ADDRESS)
    if invite is not None:
        limits.take("code-guide", str(invite.guide.pk), limits.CODES_OF_GUIDE)


@transaction.atomic
def ask_code(
    *,
    purpose: str,
    phone: str,
    address: str,
    now: datetime,
    invite: Invite | None = None,
    consents: list[tuple[str, str]] | None = None,
    to_phone: bool = True,
) -> PhoneCode:
    """Make a code and queue its SMS. `to_phone` False makes a row that no code will ever open.

    Raises JustSent, NumberRests, TooOften, NoCodes.
    """
    if not sms.is_connected():
        raise NoCodes
    _may_ask(phone, address, invite, now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    row = PhoneCode(
        purpose=purpose,
        phone_key=phone_key(phone),
        phone_enc=pii.encrypt(phone),
        guide_id=invite.guide.pk if invite else None,
        store_id=invite.store.pk if invite else None,
        draft_id=invite.draft_id if invite else None,
        consents=consents or [],
        made_at=now,
        expires_at=now + VALID_FOR,
    )
    row.code_hash = _hash(row.pk, code) if to_phone else secrets.token_bytes(32)
    row.save()
    if to_phone:
        _queue(row, phone, code)
    return row


def _queue(row: PhoneCode, phone: str, code: str) -> None:
    words = gettext("[%(chain)s] %(code)s is your code, valid for 5 minutes. Give it to nobody.")
    outreach.queue_sms(
        kind=SmsMessage.Kind.CODE,
        phone=phone,
        text=words % {"chain": chain_name(), "code": code},
        idem_key=f"phone_code:{row.pk}",
        expires_at=row.expires_at,
        now=row.made_at,
    )


def use_code(*, pk: UUID, code: str, now: datetime) -> PhoneCode:
    """The row behind a right code, used up. Raises CodeOver, WrongCode, NumberRests.

    A wrong try is committed before the refusal is told. Call it outside of a transaction.
    """
    with transaction.atomic():
        row = PhoneCode.objects.select_for_update().filter(pk=pk).first()
        if row is None or row.used_at is not None or row.expires_at <= now:
            raise CodeOver
        if row.tries >= MAX_TRIES:
            raise NumberRests
        if hmac.compare_digest(bytes(row.code_hash), _hash(row.pk, code.strip())):
            row.used_at = now
            row.save(update_fields=["used_at"])
            return row
        PhoneCode.objects.filter(pk=pk).update(tries=F("tries") + 1, failed_at=now)
        left = MAX_TRIES - row.tries - 1
    raise WrongCode if left else NumberRests


def phone_of(row: PhoneCode) -> str:
    return pii.decrypt(row.phone_enc)


def forget_codes(*, now: datetime) -> int:
    """Codes past their keeping; returns how many went."""
    deleted, _rows = PhoneCode.objects.filter(made_at__lt=now - KEEP).delete()
    return deleted
