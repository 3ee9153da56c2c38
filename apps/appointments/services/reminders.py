"""Cards to guides about appointments: the morning's, and news of single ones. Counts and times
alone, because cards show on lock screens."""

from datetime import datetime, time

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.appointments.models import Appointment
from apps.core import clock
from apps.core.hours import for_cards, is_within
from apps.outreach import services as outreach
from apps.stores.models import Guide

# the morning's card, before the shops open
MORNING_FROM, MORNING_UNTIL = time(8, 0), time(12, 0)


def remind_guides(*, now: datetime) -> int:
    """One card a guide on the morning of a day with appointments; returns how many are new. Safe
    to repeat: a card knows its guide and day."""
    if not is_within(now, MORNING_FROM, MORNING_UNTIL):
        return 0
    day = clock.business_day(now)
    begin, end = clock.day_bounds(day)
    found = (
        Appointment.objects.booked()
        .filter(starts_at__gte=begin, starts_at__lt=end, guide__status=Guide.Status.ACTIVE)
        .order_by()
        .values_list("guide_id")
        .annotate(n=Count("pk"), first=Min("starts_at"))
    )
    path = reverse("guide_portal:appointments")
    rows = [
        (
            guide_id,
            _("Appointments today"),
            _("%(n)s today, the first at %(time)s") % {"n": n, "time": _time(first)},
            path,
        )
        for guide_id, n, first in found
    ]
    return outreach.queue_guide_notices(
        source=f"appointments:{day.isoformat()}", rows=rows, now=now
    )


def card_about(row: Appointment, *, title: str, what: str, now: datetime) -> None:
    """News of one appointment for its guide, in the hours in which guides get cards."""
    day = clock.business_day(row.starts_at)
    body = _("%(day)s %(time)s, %(kind)s") % {
        "day": f"{day.month}-{day.day}",
        "time": _time(row.starts_at),
        "kind": row.get_kind_display(),
    }
    path = reverse("guide_portal:appointment", args=[row.pk])
    outreach.queue_guide_notices(
        source=f"{row.source}:{what}",
        rows=[(row.guide_id, title, body, path)],
        not_before=for_cards(now),
        now=now,
    )


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(clock.chain_tz()):%H:%M}"
