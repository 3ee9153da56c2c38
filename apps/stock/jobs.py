"""Doorbells of the stock's room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.stock import services


@job(name="stock.lapse", queue=Queue.INTERACTIVE)
def lapse() -> str:
    """End requests for pieces whose time is over, and tell both stores."""
    return _("%(n)s requests lapsed") % {"n": services.lapse_due(now=clock.now())}
