"""Doorbells of handovers."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.handovers import services


@job(name="handovers.send_calls", queue="sync")
def send_calls() -> str:
    """Have WeCom begin what was started."""
    return _("%(n)s customers under way") % {"n": services.send_calls(now=clock.now())}


@job(name="handovers.ask_results", queue="sync")
def ask_results() -> str:
    """Ask WeCom what became of customers on their way."""
    return _("%(n)s customers settled") % {"n": services.ask_results(now=clock.now())}


@job(name="handovers.send_groups", queue="sync")
def send_groups() -> str:
    """Have WeCom give groups their new owners."""
    return _("%(n)s groups on their way") % {"n": services.send_groups(now=clock.now())}


@job(name="handovers.look_at_groups", queue="sync")
def look_at_groups() -> str:
    """Read groups on their way until they have their new owners."""
    return _("%(n)s groups settled") % {"n": services.look_at_groups(now=clock.now())}


@job(name="handovers.tell_unaccepted", queue=Queue.INTERACTIVE)
def tell_unaccepted() -> str:
    """Put what guides have not accepted before their managers."""
    told = services.tell_unaccepted(now=clock.now())
    return _("%(n)s reassignments put before managers") % {"n": told}
