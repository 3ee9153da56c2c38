"""A guide writes down when a customer comes."""

import uuid
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError, transaction

from apps.accounts.actor import Actor
from apps.appointments.errors import (
    AppointmentTaken,
    GuideAway,
    HourTaken,
    NotPosted,
    NumberInNote,
    OutOfHours,
    StoreShut,
    TimeImpossible,
)
from apps.appointments.models import Appointment, AppointmentMove, Kind, State
from apps.core import clock, pii
from apps.core.hours import is_within
from apps.core.locks import take_turn
from apps.stores import selectors as stores
from apps.stores.models import Guide, Posting, Store, StoreDay
from apps.timeline import services as timeline
from apps.timeline.models import Kind as Event

AHEAD = timedelta(days=60)
NOTE_LENGTH = 100
QUARTER = 15
# the chain knows on which days a store is shut, not its hours: these are the widest
OPEN_FROM, OPEN_UNTIL = time(9, 0), time(22, 0)
# and the last quarter of an hour in them
LAST = time(21, 45)


@transaction.atomic
def book(
    *,
    member_id: int,
    guide_id: int,
    kind: str,
    starts_at: datetime,
    note: str,
    client_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> Appointment:
    """Keep an appointment in the store where the guide works that day. The same client id is the
    same appointment.

    Raises TimeImpossible, OutOfHours, StoreShut, GuideAway, NotPosted, HourTaken, NumberInNote,
    AppointmentTaken.
    """
    take_turn(str(client_id))
    known = Appointment.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.booked_by) != (member_id, actor.label):
            raise AppointmentTaken
        return known
    note = note.strip()[:NOTE_LENGTH]
    _demand_no_number(note)
    _demand_time(starts_at, now)
    store = _store_at_work(guide_id, clock.business_day(starts_at))
    fields = {
        "member_id": member_id,
        "guide_id": guide_id,
        "store": store,
        "kind": kind if kind in Kind.values else Kind.OTHER,
        "starts_at": starts_at,
        "hour_at": starts_at.replace(minute=0, second=0, microsecond=0),
        "note_enc": pii.encrypt(note) if note else b"",
        "booked_by": actor.label,
        "booked_at": now,
        "client_id": client_id,
    }
    try:
        with transaction.atomic():
            appointment = Appointment.objects.create(**fields)
    except IntegrityError:
        raise HourTaken from None
    step(appointment, State.BOOKED, before="", actor=actor.label, at=now)
    tell(appointment, Event.APPOINTMENT_BOOKED, State.BOOKED, actor=actor.label, at=now)
    return appointment


def _demand_no_number(note: str) -> None:
    if pii.holds_number(note):
        raise NumberInNote


def _demand_time(starts_at: datetime, now: datetime) -> None:
    on_quarter = starts_at.minute % QUARTER == 0 and not (starts_at.second or starts_at.microsecond)
    if not (on_quarter and now < starts_at < now + AHEAD):
        raise TimeImpossible(days=AHEAD.days)
    if not is_within(starts_at, OPEN_FROM, OPEN_UNTIL):
        raise OutOfHours(first=f"{OPEN_FROM:%H:%M}", last=f"{LAST:%H:%M}")


def _store_at_work(guide_id: int, day: date) -> Store:
    """Where the guide works on that day; a refusal says what stands in the way."""
    words = f"{day.month}-{day.day}"
    active = Posting.objects.on(day).filter(guide_id=guide_id, guide__status=Guide.Status.ACTIVE)
    posting = active.select_related("store").first()
    if posting is None:
        raise NotPosted(day=words)
    if StoreDay.objects.filter(store_id=posting.store_id, day=day).exists():
        raise StoreShut(day=words)
    if stores.absences(days=[day], guide_ids=[guide_id]):
        raise GuideAway(day=words)
    return posting.store


def step(appointment: Appointment, state: str, *, before: str, actor: str, at: datetime) -> None:
    """A step in the appointment's own history."""
    AppointmentMove.objects.create(
        appointment=appointment,
        from_state=before,
        to_state=state,
        at=at,
        actor=actor,
        reason=appointment.reason,
    )


def tell(appointment: Appointment, kind: str, state: str, *, actor: str, at: datetime) -> None:
    """A step in the customer's story; ids alone."""
    timeline.record_event(
        member_id=appointment.member_id,
        kind=kind,
        source=appointment.source,
        key=f"{appointment.source}:{state}",
        occurred_at=at,
        payload={
            "guide_id": appointment.guide_id,
            "store_id": appointment.store_id,
            "appointment": appointment.kind,
        },
        actor=actor,
    )
