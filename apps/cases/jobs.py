"""Doorbells of the room of complaints."""

from django.utils.translation import gettext as _

from apps.cases import services
from apps.core import clock
from apps.core.jobs import Queue, job


@job(name="cases.tell_late", queue=Queue.INTERACTIVE)
def tell_late() -> str:
    """Put complaints past their time before the managers."""
    return _("%(n)s complaints put before managers") % {"n": services.tell_late(now=clock.now())}
