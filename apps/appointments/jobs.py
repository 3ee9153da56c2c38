"""Doorbells of the appointments' room."""

from django.utils.translation import gettext as _

from apps.appointments import services
from apps.core import clock
from apps.core.jobs import Queue, job


@job(name="appointments.remind", queue=Queue.INTERACTIVE)
def remind() -> str:
    """Tell guides in the morning who comes today."""
    return _("%(n)s cards queued") % {"n": services.remind_guides(now=clock.now())}


@job(name="appointments.follow", queue=Queue.SYNC)
def follow() -> str:
    """Hand on appointments whose guide will not be there, and close those nobody spoke of."""
    now = clock.now()
    closed, moved = services.close_unsaid(now=now), services.follow_people(now=now)
    return _("%(moved)s moved, %(closed)s closed") % {"moved": moved, "closed": closed}
