"""What guides learn and whom they talked to, and the one door to a full phone number."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.models import AuditEntry
from apps.core import clock, pii
from apps.core.errors import DomainError
from apps.core.locks import take_turn
from apps.core.prepared import as_rows, write
from apps.members import story
from apps.members.models import ConfirmedFact, Interaction, Member, MemberIdentity, MemberNote
from apps.members.services.lookups import alert_head_office

UNMASK = "member.phone_unmasked"
_DEFAULT_DAILY_UNMASKS = 30
FACT_LENGTH = 12


class EmptyNote(DomainError):
    code = "empty_note"
    message = _("Write something first.")


class NoteIdTaken(DomainError):
    code = "note_id_taken"
    message = _("This note belongs to somebody else.")


class UnknownFact(DomainError):
    code = "unknown_fact"
    message = _("Choose one of the words on the page.")


class UnmaskNotAllowed(DomainError):
    code = "unmask_not_allowed"
    message = _("You may not see this number.")


class UnmaskLimitReached(DomainError):
    code = "unmask_limit"
    message = _("You have looked at %(limit)s numbers today. Try again tomorrow.")


@transaction.atomic
def add_note(
    *,
    member_id: int,
    guide_id: int,
    body: str,
    client_id: uuid.UUID,
    now: datetime,
    actor: Actor,
) -> MemberNote:
    """Keep a guide's note. The same client id is the same note: a repeated tap adds nothing."""
    text = body.strip()
    if not text:
        raise EmptyNote
    note, created = MemberNote.objects.get_or_create(
        client_id=client_id,
        defaults={
            "member_id": member_id,
            "guide_id": guide_id,
            "body_enc": pii.encrypt(text),
            "created_at": now,
        },
    )
    if (note.member_id, note.guide_id) != (member_id, guide_id):
        raise NoteIdTaken
    if created:
        _tell(note, actor)
    return note


def _tell(note: MemberNote, actor: Actor) -> None:
    """The note is a contact, and stands in the member's story; its words stay here."""
    source = f"note:{note.pk}"
    record_interaction(
        member_id=note.member_id,
        guide_id=note.guide_id,
        kind=Interaction.Kind.NOTE,
        occurred_at=note.created_at,
        source=source,
    )
    added = story.Happening(
        member_id=note.member_id,
        kind=story.What.NOTE_ADDED,
        source=source,
        key=source,
        occurred_at=note.created_at,
        payload={"guide_id": note.guide_id},
        actor=actor.label,
    )
    story.tell([added])


@transaction.atomic
def take_back_note(*, client_id: uuid.UUID, guide_id: int, now: datetime, actor: Actor) -> bool:
    """The guide's own note was a mistake, often one about somebody else: its words go, that it was
    written and taken back stays in the story. Safe to repeat; False when there is none to take.
    """
    notes = MemberNote.objects.standing().filter(client_id=client_id, guide_id=guide_id)
    note = notes.select_for_update().first()
    if note is None:
        return False
    note.body_enc, note.withdrawn_at = pii.encrypt(""), now
    note.save(update_fields=["body_enc", "withdrawn_at"])
    source = f"note:{note.pk}"
    Interaction.objects.filter(source=source).delete()
    taken = story.Happening(
        member_id=note.member_id,
        kind=story.What.NOTE_TAKEN_BACK,
        source=source,
        key=f"{source}:taken_back",
        occurred_at=now,
        payload={"guide_id": guide_id},
        actor=actor.label,
    )
    story.tell([taken])
    return True


@transaction.atomic
def confirm_fact(*, member_id: int, guide_id: int, kind: str, word: str, now: datetime) -> bool:
    """Keep a word of a note as a fact. Safe to repeat; False when it is known.

    Raises UnknownFact for a kind or a length that is none.
    """
    if kind not in ConfirmedFact.Kind.values or not 0 < len(word) <= FACT_LENGTH:
        raise UnknownFact
    _fact, fresh = ConfirmedFact.objects.get_or_create(
        member_id=member_id,
        kind=kind,
        word=word,
        defaults={"guide_id": guide_id, "confirmed_at": now},
    )
    return fresh


@transaction.atomic
def drop_fact(*, member_id: int, kind: str, word: str) -> bool:
    """It was not so. Safe to repeat."""
    facts = ConfirmedFact.objects.filter(member_id=member_id, kind=kind, word=word)
    return bool(facts.delete()[0])


# the date falls with the contact that does what it reminded of, in one way to the database
_STEPS = """kept AS (
    INSERT INTO members_interaction (kind, occurred_at, source, reason, guide_id, member_id)
    {rows}
    ON CONFLICT (source) DO NOTHING RETURNING occurred_at, guide_id, member_id
), followed_up AS (
    UPDATE members_followup AS date SET closed_at = kept.occurred_at, closed = 'contacted'
    FROM kept WHERE date.member_id = kept.member_id AND date.guide_id = kept.guide_id
        AND date.closed_at IS NULL AND date.due_on <= %(until)s::date
)"""
_ONE = "VALUES (%(kind)s, %(at)s, %(source)s, '', %(guide)s, %(member)s)"
_KEEP = f"WITH {_STEPS.format(rows=_ONE)} SELECT FROM kept"


def interaction_steps(rows: str) -> str:
    """SQL: the same as named steps (`kept`, `followed_up`) in the WITH of a statement of the
    caller's own, where one way to the database is all an effect may cost.

    `rows` is a step before with the columns kind, occurred_at, source, reason, guide_id, member_id,
    all of one day: the place `until`.
    """
    return _STEPS.format(rows=f"SELECT * FROM {rows}")


def record_interaction(
    *, member_id: int, guide_id: int, kind: str, occurred_at: datetime, source: str
) -> bool:
    """Keep that a guide and a member were in touch; False when the source is known.

    The guide's own follow-up date for that day, or one before, is done by it: whoever was turned to
    needs no reminder. A note turns to nobody.
    """
    is_note = kind == Interaction.Kind.NOTE
    terms: dict[str, Any] = {
        "kind": kind,
        "at": occurred_at,
        "source": source,
        "guide": guide_id,
        "member": member_id,
        "until": None if is_note else clock.business_day(occurred_at),
    }
    return write(_KEEP, terms) == 1


class Delivered(NamedTuple):
    """A message that arrived, and who sent it."""

    member_id: int
    guide_id: int
    occurred_at: datetime
    source: str


_KEEP_MANY = """
INSERT INTO members_interaction (kind, occurred_at, source, reason, guide_id, member_id)
SELECT 'message', given.occurred_at, given.source, '', given.guide_id, given.member_id
FROM json_to_recordset(%s::json) AS given (
    member_id bigint, guide_id bigint, occurred_at timestamptz, source text)
ON CONFLICT (source) DO NOTHING
"""


def record_messages(rows: Sequence[Delivered]) -> int:
    """Keep messages whose words nobody here knows: they were in touch, and no date to follow up
    falls with it. Safe to repeat; returns how many were new."""
    return write(_KEEP_MANY, [as_rows(row._asdict() for row in rows)]) if rows else 0


def unmask_phone(*, member_id: int, actor: Actor, reason: str, now: datetime) -> str:
    """The member's full number, for a reason, on the record and within the day's limit; head office
    is told of who reaches it.

    Raises UnmaskNotAllowed (no right, not in scope, no number) and UnmaskLimitReached.
    """
    if not actor.can(Capability.UNMASK_MEMBERS):
        raise UnmaskNotAllowed
    shown = show_phone(member_id=member_id, actor=actor, reason=reason, now=now)
    if isinstance(shown, str):
        return shown
    # outside of the transaction, which the refusal would take back with the alert
    raise shown


@transaction.atomic
def show_phone(
    *, member_id: int, actor: Actor, reason: str, now: datetime
) -> str | UnmaskLimitReached:
    """The same for who was granted a look. Raises UnmaskNotAllowed."""
    visible = Member.objects.visible_to(actor).filter(pk=member_id, erased_at=None)
    if not reason.strip() or not visible.exists():
        raise UnmaskNotAllowed
    phone = MemberIdentity.objects.filter(
        member__survivor_id=member_id, kind=MemberIdentity.Kind.PHONE
    ).first()
    if phone is None:
        raise UnmaskNotAllowed
    limit = getattr(settings, "UNMASK_DAILY_LIMIT", _DEFAULT_DAILY_UNMASKS)
    take_turn(f"unmask:{actor.label}")
    seen = AuditEntry.objects.filter(
        actor=actor.label,
        action=UNMASK,
        at__gte=clock.day_start(clock.business_day(now)),
    )
    if seen.count() >= limit:
        alert_head_office(actor=actor, now=now)
        return UnmaskLimitReached(limit=limit)
    accounts.audit(
        actor=actor,
        action=UNMASK,
        object_type="member",
        object_id=str(member_id),
        detail={"reason": reason.strip()[:60]},
    )
    return pii.decrypt(phone.value_enc)
