"""Doorbell of the ledger."""

from django.utils.translation import gettext as _

from apps.commissions import services
from apps.core import clock
from apps.core.jobs import job
from apps.core.queues import Queue


@job(name="commissions.book_due", queue=Queue.BULK)
def book_due() -> str:
    """Count the commission of orders that came in or changed."""
    return _("%(n)s lines added") % {"n": services.book_due(now=clock.now())}
