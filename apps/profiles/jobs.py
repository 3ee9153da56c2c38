"""Background jobs of the profiles' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.profiles import services


@job(name="profiles.nightly_stages", queue=Queue.BULK)
def nightly_stages() -> str:
    """Move stages on by a day."""
    return _("%(n)s stages changed") % {"n": services.nightly_stages(now=clock.now())}


@job(name="profiles.count_returns", queue=Queue.BULK)
def count_returns() -> str:
    """Count what share of whom comes back."""
    return _("counted from %(n)s members") % {"n": services.count_returns(now=clock.now())}
