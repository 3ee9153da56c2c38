"""Background jobs of the figures: what is too large to be counted while somebody waits."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.reports import scripts


@job(name="reports.count_scripts", queue=Queue.BULK)
def count_scripts() -> str:
    """Count the results of scripts."""
    now = clock.now()
    scripts.count_variants(now=now)
    return _("%(n)s scripts counted") % {"n": len(scripts.count_scripts(now=now))}
