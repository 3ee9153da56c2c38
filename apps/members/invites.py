"""A guide's invitation: who invites and where, signed, for a while. No word about a customer.

The guide's page shows it as a QR code, the customer's page reads it; the address holds two row
numbers and a seal, or the random code of a draft (待邀请), which stands as long as the draft waits.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.errors import DomainError
from apps.members.models import EnrolDraft
from apps.stores.models import Guide, Posting, Store

VALID_FOR = timedelta(hours=2)
# what stands in a chat is read in the evening, or the day after
IN_CHAT_FOR = timedelta(days=3)
# a draft and its code live this long, and not a day longer
DRAFT_KEPT = timedelta(days=30)
# no letter of the signed kind begins with it
DRAFT_MARK = "z"
PATH = "/m/join/"
# WeCom tells a code's `state` with a new friend: behind this prefix stands a member's own token
CONTACT_STATE = "join-"
CONTACT_SCOPE = "contact_code"
_SEAL_LENGTH = 24


class InviteOver(DomainError):
    """Too old, damaged, or the guide works there no more."""

    code = "invite_over"
    message = _("This invitation is over. Ask your guide to show the code again.")


@dataclass(frozen=True, slots=True)
class Invite:
    guide: Guide
    store: Store
    until: datetime
    draft_id: int | None = None


def _seal(text: str) -> str:
    message = f"members.invite|{text}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), message, hashlib.sha256).hex()[:_SEAL_LENGTH]


def make_invite(
    *, guide_id: int, store_id: int, now: datetime, valid_for: timedelta = VALID_FOR
) -> str:
    """A token of letters and digits that is good until `now` + `valid_for`."""
    until = int((now + valid_for).timestamp())
    text = f"{guide_id:x}g{store_id:x}g{until:x}"
    return f"{text}g{_seal(text)}"


def invite_address(token: str) -> str:
    """What the QR code says."""
    return f"{settings.PUBLIC_BASE_URL}{PATH}{token}/"


def read_invite(token: str, *, now: datetime) -> Invite:
    """Who invites. Raises InviteOver."""
    if token.startswith(DRAFT_MARK):
        return _read_draft(token, now)
    text, _g, seal = token.rpartition("g")
    if not hmac.compare_digest(seal.encode(), _seal(text).encode()):
        raise InviteOver
    guide_id, store_id, until = (int(part, 16) for part in text.split("g"))
    if until <= now.timestamp():
        raise InviteOver
    posting = _at_work(guide_id, now).filter(store_id=store_id).first()
    if posting is None:
        raise InviteOver
    moment = datetime.fromtimestamp(until, tz=clock.chain_tz())
    return Invite(guide=posting.guide, store=posting.store, until=moment)


def _at_work(guide_id: int, now: datetime) -> QuerySet[Posting]:
    return (
        Posting.objects.on(clock.business_day(now))
        .live()
        .filter(guide_id=guide_id, guide__status=Guide.Status.ACTIVE)
        .select_related("guide", "store")
    )


def _read_draft(code: str, now: datetime) -> Invite:
    """The invitation of a draft, from where its guide works today.

    After joining it stands for a while more: the answer to the form may have been lost on the way.
    """
    draft = EnrolDraft.objects.filter(code=code, made_at__gt=now - DRAFT_KEPT).first()
    if draft is None or draft.state == EnrolDraft.State.DROPPED:
        raise InviteOver
    if draft.closed_at is not None and draft.closed_at <= now - VALID_FOR:
        raise InviteOver
    posting = _at_work(draft.guide_id, now).first()
    if posting is None:
        raise InviteOver
    until = draft.made_at + DRAFT_KEPT
    return Invite(guide=posting.guide, store=posting.store, until=until, draft_id=draft.pk)


def token_of_state(state: str) -> str:
    """The member's token in what WeCom sent along; "" when it is something else."""
    return state.removeprefix(CONTACT_STATE) if state.startswith(CONTACT_STATE) else ""
