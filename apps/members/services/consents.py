"""What a member allows, and the word that beats everything: do not contact me."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import SYSTEM, Actor
from apps.core.errors import DomainError
from apps.members import story
from apps.members.models import Consent, StopMark
from apps.members.services.identities import ConsentRow, add_consents


class UnknownPurpose(DomainError):
    code = "unknown_purpose"
    message = _("There is no such purpose of consent.")


@transaction.atomic
def give_consent(
    *,
    member_id: int,
    purpose: str,
    text_version: str,
    channel: str,
    given_at: datetime,
    actor: Actor = SYSTEM,
) -> bool:
    """Keep a consent; False when a valid one stands or a later withdrawal outweighs it."""
    if purpose not in Consent.Purpose.values:
        raise UnknownPurpose
    consent = ConsentRow(purpose, text_version, channel, given_at)
    return add_consents(given=[(member_id, consent)], source=channel, actor=actor) == 1


@transaction.atomic
def withdraw_consent(
    *, member_id: int, purpose: str, channel: str, now: datetime, actor: Actor = SYSTEM
) -> bool:
    """End a consent; False when none stands. Withdrawing is as easy as giving: no condition."""
    if purpose not in Consent.Purpose.values:
        raise UnknownPurpose
    consent = (
        Consent.objects.valid()
        .select_for_update()
        .filter(member_id=member_id, purpose=purpose)
        .first()
    )
    if consent is None:
        return False
    consent.withdrawn_at = max(now, consent.given_at)
    consent.withdrawn_channel = channel
    consent.save(update_fields=["withdrawn_at", "withdrawn_channel"])
    story.tell(
        [
            story.Happening(
                member_id=member_id,
                kind=story.What.CONSENT_WITHDRAWN,
                source=channel,
                key=f"consent:{consent.pk}:withdrawn",
                occurred_at=consent.withdrawn_at,
                payload={"purpose": purpose},
                actor=actor.label,
            )
        ]
    )
    return True


@transaction.atomic
def stop_contact(*, member_id: int, source: str, now: datetime, actor: Actor) -> StopMark:
    """The member asked not to be contacted. Safe to repeat: the first standing mark is returned."""
    mark, created = StopMark.objects.get_or_create(
        member_id=member_id, until=None, defaults={"since": now, "source": source}
    )
    if created:
        story.tell(
            [
                story.Happening(
                    member_id=member_id,
                    kind=story.What.STOPPED,
                    source=source,
                    key=f"stop_mark:{mark.pk}:set",
                    occurred_at=now,
                    actor=actor.label,
                )
            ]
        )
    return mark


@transaction.atomic
def lift_stop(*, member_id: int, source: str, now: datetime, actor: Actor) -> bool:
    """The member may be contacted again; False when no mark stands."""
    mark = StopMark.objects.current().select_for_update().filter(member_id=member_id).first()
    if mark is None:
        return False
    mark.until = max(now, mark.since)
    mark.save(update_fields=["until"])
    story.tell(
        [
            story.Happening(
                member_id=member_id,
                kind=story.What.STOP_LIFTED,
                source=source,
                key=f"stop_mark:{mark.pk}:lifted",
                occurred_at=mark.until,
                actor=actor.label,
            )
        ]
    )
    return True
