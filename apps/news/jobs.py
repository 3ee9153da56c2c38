"""Doorbells of the news' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.news import services


@job(name="news.tell", queue=Queue.INTERACTIVE)
def tell() -> str:
    """Tell guides of must-read news."""
    return _("%(n)s cards queued") % {"n": services.tell(now=clock.now())}
