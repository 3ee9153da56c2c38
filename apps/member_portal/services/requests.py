"""What members ask about their data: kept with a due day, answered by head office."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError
from apps.member_portal.models import DataRequest

WORKING_DAYS = 15
_WEEKEND = 5

State = DataRequest.State


class RequestSettled(DomainError):
    code = "request_settled"
    message = _("This request is settled already.")


class AnswerMissing(DomainError):
    code = "answer_missing"
    message = _("Say in a sentence why the request is refused: the member reads it.")


def due_day(asked_on: date) -> date:
    """Fifteen weekdays later. Public holidays are not taken off: we answer rather early."""
    day, left = asked_on, WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _WEEKEND
    return day


@transaction.atomic
def ask_for_erasure(*, member_id: int, client_id: UUID, now: datetime) -> DataRequest:
    """The one open request of this member; asking again gives the same one."""
    known = DataRequest.objects.open().filter(member_id=member_id, kind=DataRequest.Kind.ERASE)
    found = known.first() or DataRequest.objects.filter(client_id=client_id).first()
    if found is not None:
        return found
    return DataRequest.objects.create(
        member_id=member_id,
        kind=DataRequest.Kind.ERASE,
        client_id=client_id,
        asked_at=now,
        due_on=due_day(clock.business_day(now)),
    )


@transaction.atomic
def note_copy(*, member_id: int, client_id: UUID, now: datetime) -> DataRequest:
    """The member took the copy themselves: asked and answered at once."""
    row, _created = DataRequest.objects.get_or_create(
        client_id=client_id,
        defaults={
            "member_id": member_id,
            "kind": DataRequest.Kind.COPY,
            "state": State.DONE,
            "asked_at": now,
            "due_on": due_day(clock.business_day(now)),
            "settled_at": now,
            "settled_by": "member",
        },
    )
    return row


@transaction.atomic
def take_back(*, member_id: int, now: datetime) -> bool:
    """The member wants to stay after all."""
    return bool(
        DataRequest.objects.open()
        .filter(member_id=member_id, kind=DataRequest.Kind.ERASE)
        .update(state=State.TAKEN_BACK, settled_at=now, settled_by="member")
    )


@transaction.atomic
def refuse(*, request_id: int, answer: str, actor: Actor, now: datetime) -> DataRequest:
    """Head office says no, with the sentence that the member reads. Raises RequestSettled,
    AnswerMissing."""
    if not answer.strip():
        raise AnswerMissing
    row = DataRequest.objects.select_for_update().get(pk=request_id)
    if row.state != State.OPEN:
        raise RequestSettled
    row.state, row.answer = State.REFUSED, answer.strip()[:200]
    row.settled_at, row.settled_by = now, actor.label
    row.save(update_fields=["state", "answer", "settled_at", "settled_by"])
    return row
