"""Doorbells of the guide's pages."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.guide_portal.daily import queue_daily_cards
from apps.guide_portal.receipts import forget_receipts
from apps.members.services import forget_drafts


@job(name="guide_portal.daily_cards", queue=Queue.BULK)
def daily_cards() -> str:
    """日报: a card to those who lead stores."""
    return _("%(n)s cards") % {"n": queue_daily_cards(now=clock.now())}


@job(name="guide_portal.forget_receipts", queue=Queue.BULK)
def forget_old_receipts() -> str:
    """Drop receipts of acts past their keeping."""
    return _("%(n)s dropped") % {"n": forget_receipts(now=clock.now())}


@job(name="guide_portal.forget_drafts", queue=Queue.BULK)
def forget_old_drafts() -> str:
    """Delete what was noted about people who have not joined within a month."""
    return _("%(n)s dropped") % {"n": forget_drafts(now=clock.now())}
