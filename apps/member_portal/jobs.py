"""Doorbells of the customers' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.member_portal.services import codes, contact_codes


@job(name="member_portal.make_contact_codes", queue="interactive")
def make_contact_codes() -> str:
    """Have WeCom make the codes by which new members add their guide."""
    return _("%(n)s made") % {"n": contact_codes.make_codes(now=clock.now())}


@job(name="member_portal.tidy", queue="sync")
def tidy() -> str:
    """Codes past their keeping, of phones and of contacts."""
    now = clock.now()
    contact_codes.remove_old_codes(now=now)
    return _("%(n)s removed") % {"n": codes.forget_codes(now=now)}
