"""A person asked to be deleted: notes go, what was to come is called off; numbers stay."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import SYSTEM
from apps.appointments.models import Appointment, Reason, State
from apps.appointments.services.reminders import card_about
from apps.appointments.services.settling import settle


@transaction.atomic
def forget_members(*, member_ids: Collection[int], now: datetime) -> int:
    """Empty the notes and call off what was to come, which its guide hears; returns how many rows
    there were."""
    rows = Appointment.objects.of_members(member_ids)
    for row in rows.booked().select_for_update(of=("self",)).order_by("pk"):
        settle(row, State.CANCELLED, reason=Reason.ERASED, actor=SYSTEM.label, now=now)
        if row.starts_at > now:
            card_about(row, title=_("An appointment was cancelled"), what="cancelled", now=now)
    return rows.update(note_enc=b"")
