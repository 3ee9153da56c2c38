"""Doorbells of the outreach room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.outreach import services
from apps.outreach.models import GuideSend
from apps.outreach.services import (
    media,
    moment_readings,
    notices,
    reminders,
    results,
    welcomes,
)


@job(name="outreach.send_queued", queue="interactive")
def send_queued() -> str:
    """Hand due sends to WeCom."""
    return _("%(n)s handed over") % {"n": services.send_queued(now=clock.now())}


@job(name="outreach.send_notices", queue="interactive")
def send_notices() -> str:
    """Send due cards to guides."""
    return _("%(n)s sent") % {"n": services.send_notices(now=clock.now())}


@job(name="outreach.answer_buttons", queue="interactive")
def answer_buttons() -> str:
    """Let cards say that their button was pressed."""
    return _("%(n)s answered") % {"n": services.answer_buttons(now=clock.now())}


@job(name="outreach.send_welcomes", queue="urgent")
def send_welcomes() -> str:
    """Say hello to new friends within WeCom's 20 seconds."""
    return _("%(n)s sent") % {"n": welcomes.send_welcomes(now=clock.now())}


@job(name="outreach.forget_welcomes", queue="bulk")
def forget_welcomes() -> str:
    """Drop welcomes that are past their keeping."""
    return _("%(n)s deleted") % {"n": welcomes.forget_old_welcomes(now=clock.now())}


@job(name="outreach.forget_notices", queue="bulk")
def forget_notices() -> str:
    """Drop cards to guides that are past their keeping."""
    return _("%(n)s deleted") % {"n": notices.forget_old_notices(now=clock.now())}


@job(name="outreach.forget_reminders", queue="bulk")
def forget_reminders() -> str:
    """Drop reminders of sends, and guides' own sends, that are past their keeping."""
    now = clock.now()
    gone = reminders.forget_old_reminders(now=now)
    gone += services.forget_own_sends(GuideSend, now=now)
    return _("%(n)s deleted") % {"n": gone}


@job(name="outreach.forget_readings", queue="bulk")
def forget_readings() -> str:
    """Drop likes and comments of posts that are past their keeping."""
    return _("%(n)s deleted") % {"n": moment_readings.forget_old_readings(now=clock.now())}


@job(name="outreach.send_sms", queue="interactive")
def send_sms() -> str:
    """Send due SMS."""
    return _("%(n)s sent") % {"n": services.send_due_sms(now=clock.now())}


@job(name="outreach.send_reminders", queue="sync")
def send_reminders() -> str:
    """Have WeCom nudge guides who have not confirmed a send."""
    return _("%(n)s reminded") % {"n": services.send_reminders(now=clock.now())}


@job(name="outreach.send_moments", queue="sync")
def send_moments() -> str:
    """Have WeCom make due moments posts."""
    return _("%(n)s handed over") % {"n": services.send_moments(now=clock.now())}


@job(name="outreach.keep_pictures", queue="sync")
def keep_pictures() -> str:
    """Have the pictures of scripts in use lie at WeCom."""
    return _("%(n)s uploaded") % {"n": media.keep_pictures(now=clock.now())}


@job(name="outreach.sweep", queue="sync")
def sweep() -> str:
    """What a lost bell or a dead worker left: open outcomes, queued rows, sends past their time."""
    now = clock.now()
    settled = services.resolve_unknowns(now=now)
    expired = results.expire_unsent(now=now)
    handed_over = services.send_queued(now=now)
    sent = services.send_notices(now=now)
    services.send_due_sms(now=now)
    services.answer_buttons(now=now)
    return _(
        "%(settled)s settled, %(expired)s expired, %(handed_over)s handed over, %(sent)s notices"
    ) % {"settled": settled, "expired": expired, "handed_over": handed_over, "sent": sent}
