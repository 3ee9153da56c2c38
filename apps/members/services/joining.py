"""未入会: what somebody answered who was asked to join: the next guide need not ask again."""

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core.errors import DomainError
from apps.members import story
from apps.members.models import JoinReason, JoinRefusal, Member
from apps.members.services.notes import add_note


class HasJoined(DomainError):
    code = "has_joined"
    message = _("TA is a member by now. Open the page again.")


class UnknownJoinReason(DomainError):
    code = "join_reason"
    message = _("Choose one of the reasons on the page.")


class RefusalTaken(DomainError):
    code = "refusal_taken"
    message = _("This answer belongs to somebody else. Open the page again.")


@transaction.atomic
def note_refusal(
    *,
    member_id: int,
    guide_id: int,
    store_id: int | None,
    reason: str,
    client_id: uuid.UUID,
    now: datetime,
    actor: Actor,
    words: str = "",
) -> JoinRefusal:
    """Keep why TA did not join and at which store; words beside it become a note. The same
    client id is one answer.

    Raises UnknownJoinReason, HasJoined, RefusalTaken.
    """
    if reason not in JoinReason.values:
        raise UnknownJoinReason
    known = JoinRefusal.objects.filter(client_id=client_id).first()
    if known is None:
        answer = {"guide_id": guide_id, "store_id": store_id, "reason": reason, "at": now}
        known = _keep(client_id, member_id, answer, actor)
    if (known.member_id, known.guide_id) != (member_id, guide_id):
        raise RefusalTaken
    if words.strip():
        add_note(
            member_id=member_id,
            guide_id=guide_id,
            body=words,
            client_id=client_id,
            now=now,
            actor=actor,
        )
    return known


def _keep(
    client_id: uuid.UUID, member_id: int, answer: dict[str, Any], actor: Actor
) -> JoinRefusal:
    """Keep and tell it; the one that stands if the same answer came a moment before."""
    # whoever joins at this moment holds the row
    member = Member.objects.select_for_update(no_key=True).get(pk=member_id)
    if member.joined_at is not None:
        raise HasJoined
    kept, is_new = JoinRefusal.objects.get_or_create(
        client_id=client_id, defaults={"member_id": member_id, **answer}
    )
    if is_new:
        _tell(kept, actor)
    return kept


def _tell(refusal: JoinRefusal, actor: Actor) -> None:
    source = f"join_refusal:{refusal.client_id}"
    refused = story.Happening(
        member_id=refusal.member_id,
        kind=story.What.JOIN_REFUSED,
        source=source,
        key=source,
        occurred_at=refusal.at,
        payload={"guide_id": refusal.guide_id, "reason": refusal.reason},
        actor=actor.label,
    )
    story.tell([refused])
