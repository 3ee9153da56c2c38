"""待邀请: who wants to join and cannot right now, from the first word to the day they join."""

import secrets
import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import pii
from apps.core.errors import DomainError
from apps.members.invites import DRAFT_KEPT, DRAFT_MARK
from apps.members.models import EnrolDraft
from apps.members.services.notes import add_note

MOST_WAITING = 50
CALLED_LENGTH = 20
WORDS_LENGTH = 200
_NAME_DIGITS = 5

State = EnrolDraft.State


class DraftEmpty(DomainError):
    code = "draft_empty"
    message = _("Write how you call TA.")


class NumberInDraft(DomainError):
    code = "number_in_draft"
    message = _("No phone number here: TA enters it on TA's own phone, when joining.")


class TooManyDrafts(DomainError):
    code = "too_many_drafts"
    message = _("%(most)s people wait for your invitation. Invite or drop some first.")


class DraftTaken(DomainError):
    code = "draft_taken"
    message = _("This draft belongs to somebody else. Open the page again.")


class DraftGone(DomainError):
    code = "draft_gone"
    message = _("This draft is closed already.")


def holds_number(*, called: str, words: str) -> bool:
    """Whether somebody's phone number is in it, however it is written."""
    digits = sum(sign.isdigit() for sign in pii.plain_digits(called))
    return digits >= _NAME_DIGITS or pii.holds_phone(words)


@transaction.atomic
def write_draft(
    *,
    guide_id: int,
    store_id: int,
    called: str,
    words: str,
    client_id: uuid.UUID,
    now: datetime,
) -> EnrolDraft:
    """Keep who wants to join. The same client id is the same draft, whatever became of it.

    Raises DraftEmpty, NumberInDraft, TooManyDrafts, DraftTaken.
    """
    known = EnrolDraft.objects.filter(client_id=client_id).first()
    if known is None:
        called, words = called.strip()[:CALLED_LENGTH], words.strip()[:WORDS_LENGTH]
        if not called:
            raise DraftEmpty
        if holds_number(called=called, words=words):
            raise NumberInDraft
        if EnrolDraft.objects.waiting().filter(guide_id=guide_id).count() >= MOST_WAITING:
            raise TooManyDrafts(most=MOST_WAITING)
        known, _made = EnrolDraft.objects.get_or_create(
            client_id=client_id,
            defaults={
                "guide_id": guide_id,
                "store_id": store_id,
                "code": DRAFT_MARK + secrets.token_hex(12),
                "called_enc": pii.encrypt(called),
                "words_enc": pii.encrypt(words),
                "made_at": now,
            },
        )
    if known.guide_id != guide_id:
        raise DraftTaken
    return known


@transaction.atomic
def drop_draft(*, draft_id: int, guide_id: int, reason: str = "", now: datetime) -> bool:
    """Nobody is invited; what was written goes. Safe to repeat. Raises DraftGone after joining."""
    draft = EnrolDraft.objects.select_for_update().filter(pk=draft_id, guide_id=guide_id).first()
    if draft is None or draft.state == State.JOINED:
        raise DraftGone
    if draft.state == State.DROPPED:
        return False
    draft.state, draft.closed_at = State.DROPPED, now
    draft.reason = reason if reason in EnrolDraft.DropReason.values else ""
    draft.called_enc = draft.words_enc = pii.encrypt("")
    draft.save(update_fields=["state", "closed_at", "reason", "called_enc", "words_enc"])
    return True


@transaction.atomic
def close_draft_joined(*, draft_id: int, member_id: int, now: datetime) -> bool:
    """Whom the draft waited for is in: its words become the guide's note about them, once.

    Whoever comes second by the same code joins as by any code; False then.
    """
    draft = EnrolDraft.objects.select_for_update().filter(pk=draft_id).first()
    if draft is None or draft.state != State.WAITING:
        return False
    words = pii.decrypt(draft.words_enc)
    if words:
        add_note(
            member_id=member_id,
            guide_id=draft.guide_id,
            body=words,
            # the draft's own id may be another act's: this one can be nobody else's
            client_id=uuid.uuid5(draft.client_id, "note"),
            now=now,
            actor=Actor(guide_id=draft.guide_id),
        )
    draft.state, draft.closed_at, draft.member_id = State.JOINED, now, member_id
    draft.words_enc = pii.encrypt("")
    draft.save(update_fields=["state", "closed_at", "member_id", "words_enc"])
    return True


def forget_drafts(*, now: datetime) -> int:
    """Drafts past their month, joined or not; returns how many went."""
    return EnrolDraft.objects.filter(made_at__lt=now - DRAFT_KEPT).delete()[0]
