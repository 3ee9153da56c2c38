"""Doorbells of the inbound API's room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.ingest import services


@job(name="ingest.trim_idempotency", queue=Queue.BULK)
def trim_idempotency() -> str:
    """Forget answers that nobody asks for again."""
    return _("%(n)s forgotten") % {"n": services.trim_idempotency(now=clock.now())}
