"""Doorbells of the groups' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.customer_groups import services


@job(name="customer_groups.hand_over", queue="sync")
def hand_over() -> str:
    """Bring group codes, welcomes, sends to groups and reminders of them to WeCom."""
    now = clock.now()
    done = services.hand_over_sends(now=now) + services.hand_over_outside(now=now)
    done += services.send_group_reminders(now=now)
    return _("%(n)s handed over") % {"n": done}


@job(name="customer_groups.forget_sends", queue="bulk")
def forget_sends() -> str:
    """Drop sends to groups, and reminders of them, that are past their keeping."""
    now = clock.now()
    gone = services.forget_old_sends(now=now) + services.forget_group_reminders(now=now)
    gone += services.forget_owner_sends(now=now)
    return _("%(n)s deleted") % {"n": gone}
