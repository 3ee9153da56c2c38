"""Appointments, made by the service a guide's page calls."""

import uuid
from datetime import timedelta

from apps.appointments import services
from apps.core import clock
from tests.factories.tasks import guide_actor


def at_hour(now, hour, minute=0, *, days=1):
    """A moment of the chain's day after so many days."""
    day = clock.business_day(now) + timedelta(days=days)
    return clock.day_start(day) + timedelta(hours=hour, minutes=minute)


def make_appointment(member, guide, now, **fields):
    values = {
        "kind": "fitting",
        "starts_at": at_hour(now, 15),
        "note": "",
        "client_id": uuid.uuid4(),
        "actor": guide_actor(guide, now),
        **fields,
    }
    return services.book(member_id=member.pk, guide_id=guide.pk, now=now, **values)


def book_tomorrow(member, guide, now):
    return make_appointment(member, guide, now)
