"""A note or a visit of a moment ago taken back by the guide who wrote it down."""

import uuid
from datetime import datetime

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.appointments import services as appointments
from apps.core.errors import DomainError
from apps.guide_portal import receipts
from apps.guide_portal.models import ActionReceipt
from apps.guide_tasks import services as guide_tasks
from apps.members import services as members
from apps.members.selectors import visit_of_act


class TooLateToUndo(DomainError):
    code = "too_late_to_undo"
    message = _("This was more than %(minutes)s minutes ago. Write a note that puts it right.")


class CameAsBooked(DomainError):
    code = "came_as_booked"
    message = _("TA came as booked: that visit belongs to the appointment and stays.")


@transaction.atomic
def undo_act(*, guide_id: int, client_id: uuid.UUID, actor: Actor, now: datetime) -> bool:
    """Take back what this act did; False when nothing of it is left: it is taken back already, or
    it added nothing to the visit of who came as booked. The receipt stays, so that the act sent
    once more by the phone does nothing. Safe to repeat.

    Raises Http404 for an act that is not this guide's, TooLateToUndo, CameAsBooked.
    """
    own = ActionReceipt.objects.filter(guide_id=guide_id, client_id=client_id)
    receipt = own.filter(kind__in=_HOW).select_for_update().first()
    if receipt is None:
        raise Http404
    if not receipts.undoable(guide_id=guide_id).filter(pk=receipt.pk).exists():
        raise TooLateToUndo(minutes=receipts.UNDO_WITHIN.seconds // 60)
    return _HOW[receipt.kind](guide_id, client_id, actor, now)


def _note(guide_id: int, client_id: uuid.UUID, actor: Actor, now: datetime) -> bool:
    return members.take_back_note(client_id=client_id, guide_id=guide_id, now=now, actor=actor)


def _visit(guide_id: int, client_id: uuid.UUID, actor: Actor, now: datetime) -> bool:
    noted = visit_of_act(client_id=client_id, guide_id=guide_id)
    if noted is None:
        return False
    # the appointments first, then the visit: whoever keeps one takes them in this order, too
    whose = {"member_id": noted.member.survivor_id, "guide_id": guide_id}
    if appointments.hold_day(**whose, at=noted.occurred_at):
        raise CameAsBooked
    visit = members.take_back_visit(client_id=client_id, guide_id=guide_id, now=now, actor=actor)
    if visit is None:
        return False
    guide_tasks.take_back_visit(member_id=visit.member_id, source=visit.source)
    return True


_HOW = {"note": _note, "visit": _visit}
