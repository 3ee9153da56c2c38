"""Open appointments follow the people: who has gone, or is off or covered on their day, hands
them on.

To whom: for a cover, the covering guide; else TA's serving guide of today; else who has the fewest
that day. Always somebody at work on that day in that store: the customer comes there. Without
anybody the appointment stays where it is, and the store's manager sees it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.actor import SYSTEM
from apps.appointments.models import Appointment, AppointmentMove
from apps.appointments.services.reminders import card_about
from apps.core import clock
from apps.members.models import ServingPeriod
from apps.stores import selectors as stores
from apps.stores.models import Cover

PART = 500


def follow_people(*, now: datetime) -> int:
    """Hand on every appointment to come whose guide will not be there; returns how many moved. Safe
    to repeat.

    A part is a transaction of its own, and the walk goes on past those nobody can take.
    """
    moved, after = 0, (now, 0)
    while True:
        with transaction.atomic():
            rows = _orphans(after)
            moved += _move(rows, now)
        if len(rows) < PART:
            return moved
        after = (rows[-1].starts_at, rows[-1].pk)


def _move(rows: list[Appointment], now: datetime) -> int:
    if not rows:
        return 0
    days: dict[date, list[Appointment]] = defaultdict(list)
    for row in rows:
        days[clock.business_day(row.starts_at)].append(row)
    serving = _serving({row.member_id for row in rows})
    moved = 0
    for day, theirs in days.items():
        moved += _move_day(day, theirs, serving, now)
    return moved


def _orphans(after: tuple[datetime, int]) -> list[Appointment]:
    at, pk = after
    ahead = Q(starts_at__gt=at) | Q(starts_at=at, pk__gt=pk)
    found = Appointment.objects.booked().filter(ahead, starts_at__gte=at)
    return list(
        found.unattended()
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("starts_at", "pk")[:PART]
    )


def _serving(member_ids: Iterable[int]) -> dict[int, int]:
    current = ServingPeriod.objects.current().filter(member_id__in=list(member_ids))
    return dict(current.values_list("member_id", "guide_id"))


def _move_day(day: date, rows: list[Appointment], serving: dict[int, int], now: datetime) -> int:
    there: dict[int, set[int]] = defaultdict(set)
    for one in stores.at_work(store_ids={row.store_id for row in rows}, day=day):
        there[one.store_id].add(one.guide_id)
    covers = Cover.objects.on(day).filter(absent_id__in={row.guide_id for row in rows})
    covering = dict(covers.values_list("absent_id", "covering_id"))
    begin, end = clock.day_bounds(day)
    that_day = Appointment.objects.booked().filter(
        guide_id__in=set().union(*there.values()), starts_at__gte=begin, starts_at__lt=end
    )
    known = list(that_day.values_list("guide_id", "member_id", "hour_at"))
    taken, load = set(known), Counter(guide_id for guide_id, *_rest in known)
    moved = 0
    for row in rows:
        free = {
            guide_id
            for guide_id in there[row.store_id] - {row.guide_id}
            if (guide_id, row.member_id, row.hour_at) not in taken
        }
        if not free:
            continue
        wanted = (covering.get(row.guide_id), serving.get(row.member_id))
        chosen = next((one for one in wanted if one in free), None)
        if chosen is None:
            chosen = min(free, key=lambda one: (load[one], one))
        load[chosen] += 1
        taken.add((chosen, row.member_id, row.hour_at))
        _give(row, chosen, now)
        moved += 1
    return moved


def _give(row: Appointment, guide_id: int, now: datetime) -> None:
    before, row.guide_id = row.guide_id, guide_id
    row.save(update_fields=["guide_id"])
    move = AppointmentMove.objects.create(
        appointment=row,
        from_state=row.state,
        to_state=row.state,
        from_guide_id=before,
        at=now,
        actor=SYSTEM.label,
    )
    # the move and not the guide: who has it back a second time hears of it a second time
    card_about(row, title=_("A colleague's appointment is yours"), what=f"to:{move.pk}", now=now)
