"""What became of an appointment. A result stands: whoever comes second reads it."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import SYSTEM, Actor
from apps.appointments.errors import (
    AppointmentOver,
    NotItsDay,
    ReasonMissing,
    TooEarly,
    TooLateToCancel,
)
from apps.appointments.models import Appointment, Reason, State
from apps.appointments.services.booking import step, tell
from apps.appointments.services.reminders import card_about
from apps.core import clock
from apps.members import services as members
from apps.members.models import Interaction
from apps.timeline.models import Kind as Event

NOT_KEPT_REASONS = (Reason.BUSY, Reason.LATER, Reason.NO_WORD, Reason.BOUGHT)
CANCEL_REASONS = (Reason.BUSY, Reason.LATER, Reason.BOUGHT, Reason.SHOP)
BY_CUSTOMER = "customer"
# a result may be written down so long after; then it is closed as unsaid
SAID_WITHIN = timedelta(days=7)
# one transaction closes so many
PART = 500

# what nobody wrote down is no part of TA's story
_EVENTS = {
    State.KEPT: Event.APPOINTMENT_KEPT,
    State.NOT_KEPT: Event.APPOINTMENT_MISSED,
    State.CANCELLED: Event.APPOINTMENT_CANCELLED,
}


@transaction.atomic
def keep(*, appointment_id: int, actor: Actor, now: datetime) -> Interaction:
    """已到店: the visit is noted as by the guide's own tap, once; returns that visit. Safe to
    repeat. Raises NotItsDay before its day, AppointmentOver.
    """
    row = _held(appointment_id)
    if row.state != State.KEPT:
        if clock.business_day(now) < clock.business_day(row.starts_at):
            raise NotItsDay
        settle(row, State.KEPT, actor=actor.label, now=now)
    return _visit_of(row, actor)


def _visit_of(row: Appointment, actor: Actor) -> Interaction:
    """The visit of that day: the one the guide has noted already, else a new one. Whoever takes a
    visit back holds the day's appointments first, as here (`hold_day`)."""
    assert row.settled_at is not None
    same_day = clock.business_day(row.settled_at) == clock.business_day(row.starts_at)
    came_at = row.settled_at if same_day else row.starts_at
    noted = (
        Interaction.objects.select_for_update(of=("self",))
        .filter(
            member_id=row.member_id,
            guide_id=row.guide_id,
            kind=Interaction.Kind.VISIT,
            occurred_at__range=clock.day_bounds(clock.business_day(came_at)),
        )
        .first()
    )
    return noted or members.note_visit(
        member_id=row.member_id,
        guide_id=row.guide_id,
        client_id=uuid5(NAMESPACE_URL, row.source),
        now=came_at,
        actor=actor,
    )


@transaction.atomic
def miss(*, appointment_id: int, reason: str, actor: Actor, now: datetime) -> Appointment:
    """未到店, with a reason; from its hour on. Safe to repeat.

    Raises TooEarly, ReasonMissing, AppointmentOver.
    """
    if reason not in NOT_KEPT_REASONS:
        raise ReasonMissing
    row = _held(appointment_id)
    if row.state == State.NOT_KEPT:
        return row
    if now < row.starts_at:
        raise TooEarly
    return settle(row, State.NOT_KEPT, reason=reason, actor=actor.label, now=now)


@transaction.atomic
def cancel(*, appointment_id: int, reason: str, actor: Actor, now: datetime) -> Appointment:
    """The store's side calls it off, with a reason. Safe to repeat.

    Raises ReasonMissing, AppointmentOver.
    """
    if reason not in CANCEL_REASONS:
        raise ReasonMissing
    row = _held(appointment_id)
    if row.state == State.CANCELLED:
        return row
    return settle(row, State.CANCELLED, reason=reason, actor=actor.label, now=now)


@transaction.atomic
def cancel_by_customer(*, appointment_id: int, now: datetime) -> Appointment:
    """One step on the customer's own page; the guide hears of it. Safe to repeat.

    Raises TooLateToCancel once its time has come, AppointmentOver.
    """
    row = _held(appointment_id)
    if row.state == State.CANCELLED:
        return row
    if row.is_booked and now >= row.starts_at:
        raise TooLateToCancel
    row = settle(row, State.CANCELLED, reason=Reason.CUSTOMER, actor=BY_CUSTOMER, now=now)
    card_about(row, title=_("An appointment was cancelled"), what="cancelled", now=now)
    return row


def close_unsaid(*, now: datetime) -> int:
    """Appointments nobody said anything about in time; returns how many. Safe to repeat. A part is
    a transaction of its own."""
    closed = 0
    while part := _close_part(now):
        closed += part
    return closed


@transaction.atomic
def _close_part(now: datetime) -> int:
    forgotten = (
        Appointment.objects.booked()
        .before(now - SAID_WITHIN)
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("pk")[:PART]
    )
    closed = 0
    for row in forgotten:
        settle(row, State.UNSAID, actor=SYSTEM.label, now=now)
        closed += 1
    return closed


def hold_day(*, member_id: int, guide_id: int, at: datetime) -> bool:
    """Hold this customer's appointments of that day with this guide until the transaction ends, and
    say whether one of them was kept: it has the visit of that day, and nobody takes that back."""
    rows = Appointment.objects.select_for_update(of=("self",)).filter(
        member__survivor_id=member_id,
        guide_id=guide_id,
        starts_at__range=clock.day_bounds(clock.business_day(at)),
    )
    return any(row.state == State.KEPT for row in rows.order_by("pk"))


def _held(appointment_id: int) -> Appointment:
    return Appointment.objects.select_for_update(of=("self",)).get(pk=appointment_id)


def settle(
    row: Appointment, state: State, *, actor: str, now: datetime, reason: str = ""
) -> Appointment:
    """The only place where a state changes; nothing leaves a result. An erased person has no story
    to tell it in. Raises AppointmentOver."""
    if not row.is_booked:
        raise AppointmentOver
    row.state, row.reason, row.settled_by, row.settled_at = state, reason, actor, now
    row.save(update_fields=["state", "reason", "settled_by", "settled_at"])
    step(row, state, before=State.BOOKED, actor=actor, at=now)
    if state in _EVENTS and reason != Reason.ERASED:
        tell(row, _EVENTS[state], state, actor=actor, at=now)
    return row
