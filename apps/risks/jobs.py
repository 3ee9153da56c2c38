"""Doorbell of the nightly look for signals."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.core.queues import Queue
from apps.risks import services


@job(name="risks.find_cases", queue=Queue.BULK)
def find_cases() -> str:
    """Look for signals about guides that a person should look into."""
    return _("%(n)s new cases") % {"n": services.find_cases(now=clock.now())}
