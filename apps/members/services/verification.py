"""What leads to a member beyond what sources write: a phone proven, a token of a contact code."""

from datetime import datetime

from apps.core import pii
from apps.members.invites import CONTACT_SCOPE
from apps.members.models import MemberIdentity


def verify_phone(*, phone: str, now: datetime) -> bool:
    """The owner of this number (E.164) read a code from it; False when nobody has it."""
    found = MemberIdentity.objects.matching(
        kind=MemberIdentity.Kind.PHONE,
        scope="",
        value_keys=[pii.value_key(MemberIdentity.Kind.PHONE, "", phone)],
    )
    return bool(found.update(verified_at=now))


def give_contact_token(*, member_id: int, token: str, now: datetime) -> MemberIdentity:
    """Whoever adds a guide by the code with this token is this member."""
    kind = MemberIdentity.Kind.CHANNEL_ID
    return MemberIdentity.objects.create(
        kind=kind,
        scope=CONTACT_SCOPE,
        value_key=pii.value_key(kind, CONTACT_SCOPE, token),
        key_version=pii.KEY_VERSION,
        value_enc=pii.encrypt(token),
        member_id=member_id,
        source="contact_code",
        first_seen_at=now,
    )
