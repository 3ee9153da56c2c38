"""A person asked to be deleted: notes go, what was to come is called off; numbers stay."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from apps.accounts.actor import SYSTEM
from apps.appointments.models import Appointment, Reason, State


@transaction.atomic
def forget_members(*, member_ids: Collection[int], now: datetime) -> int:
    """Empty the notes and call off what was to come; returns how many rows there were."""
    rows = Appointment.objects.of_members(member_ids)
    rows.booked().update(
        state=State.CANCELLED,
        reason=Reason.ERASED,
        settled_by=SYSTEM.label,
        settled_at=now,
    )
    return rows.update(note_enc=b"")
