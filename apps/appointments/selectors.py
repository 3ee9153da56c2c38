"""Reads of appointments."""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta

from apps.appointments.models import Appointment, State
from apps.core import clock, pii
from apps.members.models import Interaction

# how long past ones stand on the customer's own page
SHOWN_PAST = timedelta(days=90)
SHOWN = 50


def note_of(row: Appointment) -> str:
    """What the guide wrote to prepare; "" for nothing."""
    return pii.decrypt(bytes(row.note_enc)) if row.note_enc else ""


def has_kept(*, member_id: int, guide_id: int, at: datetime) -> bool:
    """Whether this customer kept an appointment of that day with this guide."""
    day = clock.day_bounds(clock.business_day(at))
    whose = {"member__survivor_id": member_id, "guide_id": guide_id}
    return Appointment.objects.filter(state=State.KEPT, starts_at__range=day, **whose).exists()


def visit_kept(*, member_id: int, guide_id: int, at: datetime) -> Interaction | None:
    """The visit of that day with which this customer kept an appointment with this guide."""
    if not has_kept(member_id=member_id, guide_id=guide_id, at=at):
        return None
    visits = Interaction.objects.filter(
        kind=Interaction.Kind.VISIT,
        occurred_at__range=clock.day_bounds(clock.business_day(at)),
        member__survivor_id=member_id,
        guide_id=guide_id,
    )
    return visits.order_by("occurred_at", "pk").first()


def booked_on(*, store_id: int, days: Collection[date]) -> Counter[date]:
    """How many are to come to this store on these days; no question without a day."""
    if not days:
        return Counter()
    begin, end = clock.day_start(min(days)), clock.day_bounds(max(days))[1]
    there = Appointment.objects.booked().filter(store_id=store_id)
    times = there.filter(starts_at__gte=begin, starts_at__lt=end).values_list(
        "starts_at", flat=True
    )
    found = Counter(clock.business_day(at) for at in times)
    return Counter({day: n for day, n in found.items() if day in days})


def of_customer(*, member_ids: Collection[int], now: datetime) -> list[Appointment]:
    """A person's appointments, the next one first, then the last ones; one query."""
    rows = Appointment.objects.of_members(member_ids).filter(starts_at__gt=now - SHOWN_PAST)
    found = list(rows.select_related("store", "guide").order_by("-starts_at", "-pk")[:SHOWN])
    ahead = [row for row in found if row.is_booked and row.starts_at > now]
    return [*reversed(ahead), *(row for row in found if row not in ahead)]


def all_of(*, member_ids: Collection[int]) -> list[Appointment]:
    """Everything we hold, for the copy that the person asks for."""
    rows = Appointment.objects.of_members(member_ids)
    return list(rows.select_related("store", "guide").order_by("starts_at", "pk"))
