"""Background jobs of the tags' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.tagging import services


@job(name="tagging.expire_tags", queue=Queue.BULK)
def expire_tags() -> str:
    """Take off tags whose time is over."""
    return _("%(n)s tags taken off") % {"n": services.expire_tags(now=clock.now())}
