"""到店: a visit in one tap, and in one more why TA bought or left."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError
from apps.members import story
from apps.members.models import FollowUp, Interaction, VisitReason
from apps.members.selectors import visit_source
from apps.members.services.notes import record_interaction


class VisitNotYours(DomainError):
    code = "visit_not_yours"
    message = _("This visit was noted by somebody else.")


class UnknownVisitReason(DomainError):
    code = "visit_reason"
    message = _("Choose one of the reasons on the page.")


@transaction.atomic
def note_visit(
    *,
    member_id: int,
    guide_id: int,
    client_id: uuid.UUID,
    now: datetime,
    actor: Actor,
    reason: str = "",
) -> Interaction:
    """Keep that the customer was in the shop. The same client id is the same visit.

    Raises VisitNotYours when the id is another's.
    """
    if reason and reason not in VisitReason.values:
        raise UnknownVisitReason
    source = visit_source(client_id)
    fresh = record_interaction(
        member_id=member_id,
        guide_id=guide_id,
        kind=Interaction.Kind.VISIT,
        occurred_at=now,
        source=source,
    )
    visit = Interaction.objects.get(source=source)
    if (visit.member_id, visit.guide_id) != (member_id, guide_id):
        raise VisitNotYours
    if not fresh:
        return visit
    if reason:
        visit.reason = reason
        visit.save(update_fields=["reason"])
    noted = story.Happening(
        member_id=member_id,
        kind=story.What.VISIT_NOTED,
        source=source,
        key=source,
        occurred_at=now,
        payload={"guide_id": guide_id, "visit_id": visit.pk},
        actor=actor.label,
    )
    story.tell([noted])
    return visit


@transaction.atomic
def take_back_visit(
    *, client_id: uuid.UUID, guide_id: int, now: datetime, actor: Actor
) -> Interaction | None:
    """The guide's own visit was a mistake: it counts nowhere any more, and the follow-up date that
    fell with it stands again. Both taps stay in the story. Safe to repeat.

    The visit as it was; None when there is none to take.
    """
    visits = Interaction.objects.filter(source=visit_source(client_id), guide_id=guide_id)
    visit = visits.select_for_update(of=("self",)).first()
    if visit is None:
        return None
    visits.delete()
    _stand_again(visit)
    taken = story.Happening(
        member_id=visit.member_id,
        kind=story.What.VISIT_TAKEN_BACK,
        source=visit.source,
        key=f"{visit.source}:taken_back",
        occurred_at=now,
        payload={"guide_id": guide_id, "visit_id": visit.pk},
        actor=actor.label,
    )
    story.tell([taken])
    return visit


def _stand_again(visit: Interaction) -> None:
    """The follow-up date that fell with the visit, unless another stands since, or the guide turned
    to TA otherwise on its day or later: nothing would ever close it."""
    own = FollowUp.objects.filter(member_id=visit.member_id, guide_id=visit.guide_id)
    fell = own.filter(closed=FollowUp.Closed.CONTACTED, closed_at=visit.occurred_at).first()
    if fell is None or own.standing().exists():
        return
    others = Interaction.objects.filter(
        member_id=visit.member_id,
        guide_id=visit.guide_id,
        occurred_at__gte=clock.day_start(fell.due_on),
    )
    if not others.exclude(kind=Interaction.Kind.NOTE).exists():
        fell.closed_at, fell.closed = None, ""
        fell.save(update_fields=["closed_at", "closed"])


@transaction.atomic
def give_visit_reason(*, visit_id: int, guide_id: int, reason: str) -> Interaction:
    """Why TA bought or left without. A second tap corrects the first.

    Raises VisitNotYours, UnknownVisitReason.
    """
    if reason not in VisitReason.values:
        raise UnknownVisitReason
    visits = Interaction.objects.filter(guide_id=guide_id, kind=Interaction.Kind.VISIT)
    visit = visits.select_for_update().filter(pk=visit_id).first()
    if visit is None:
        raise VisitNotYours
    visit.reason = reason
    visit.save(update_fields=["reason"])
    return visit
