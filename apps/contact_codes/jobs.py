"""Doorbells of the codes' room."""

from django.utils.translation import gettext as _

from apps.contact_codes import selectors, services
from apps.core import clock
from apps.core.jobs import job
from apps.outreach.services import media


@job(name="contact_codes.push_codes", queue="sync")
def push_codes() -> str:
    """Tell WeCom about codes that are new, changed or stopped."""
    return _("%(n)s codes told") % {"n": services.push_codes(now=clock.now())}


@job(name="contact_codes.keep_pictures", queue="sync")
def keep_pictures() -> str:
    """Have the pictures of codes' welcomes lie at WeCom."""
    now = clock.now()
    return _("%(n)s uploaded") % {"n": media.keep(files=selectors.pictures_in_use(), now=now)}


@job(name="contact_codes.read_links", queue="sync")
def read_links() -> str:
    """Read the quota of acquisition links and what they brought."""
    return _("%(n)s links read") % {"n": services.read_links(now=clock.now())}


@job(name="contact_codes.refresh_duty", queue="sync")
def refresh_duty() -> str:
    """Bring every code to who is on duty now, and tell WeCom what has changed."""
    changed = services.refresh_duty(now=clock.now())
    told = services.push_codes(now=clock.now())
    return _("%(changed)s codes changed, %(told)s told") % {"changed": changed, "told": told}


@job(name="contact_codes.forget_scans", queue="bulk")
def forget_scans() -> str:
    """Drop opens of codes' pages that are past their keeping."""
    return _("%(n)s deleted") % {"n": services.forget_old_scans(now=clock.now())}
