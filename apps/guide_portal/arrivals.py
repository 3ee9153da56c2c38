"""到店 as guides note it: kept with the customer, and counted for the work that asked for it, in
one transaction, whichever page it was noted on."""

import uuid
from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.appointments import selectors
from apps.appointments import services as appointments
from apps.guide_tasks import services as guide_tasks
from apps.members import services as members
from apps.members.models import Interaction


@transaction.atomic
def note_visit(
    *, member_id: int, guide_id: int, client_id: uuid.UUID, now: datetime, actor: Actor
) -> Interaction:
    """The customer is here. Safe to repeat. Who came as booked is here already: the same visit."""
    kept = selectors.visit_kept(member_id=member_id, guide_id=guide_id, at=now)
    visit = kept or members.note_visit(
        member_id=member_id, guide_id=guide_id, client_id=client_id, now=now, actor=actor
    )
    _count(visit, actor)
    return visit


@transaction.atomic
def keep_appointment(*, appointment_id: int, actor: Actor, now: datetime) -> Interaction:
    """The customer came as booked. Safe to repeat."""
    visit = appointments.keep(appointment_id=appointment_id, actor=actor, now=now)
    _count(visit, actor)
    return visit


def _count(visit: Interaction, actor: Actor) -> None:
    guide_tasks.record_visit(
        member_id=visit.member_id,
        source=visit.source,
        occurred_at=visit.occurred_at,
        actor=actor.label,
    )
