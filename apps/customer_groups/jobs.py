"""Doorbells of the groups' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.customer_groups import services


@job(name="customer_groups.hand_over", queue="sync")
def hand_over() -> str:
    """Bring group codes and welcomes to WeCom."""
    return _("%(n)s handed over") % {"n": services.hand_over_outside(now=clock.now())}
