"""Doorbells of the guide's pages."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.guide_portal.receipts import forget_receipts


@job(name="guide_portal.forget_receipts", queue=Queue.BULK)
def forget_old_receipts() -> str:
    """Drop receipts of acts past their keeping."""
    return _("%(n)s dropped") % {"n": forget_receipts(now=clock.now())}
