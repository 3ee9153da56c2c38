"""企微 › 待执行: one place for everything that is to happen outside, with its oldest row."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.hq.access import hq_page, show
from apps.hq.outboxes import LATEST, box_rows


@hq_page(Capability.VIEW_HEALTH)
def outboxes(request: HttpRequest) -> HttpResponse:
    """Counts alone: each box's own page says about whom."""
    now = clock.now()
    rows = box_rows(now=now)
    due = sum(row.due for row in rows)
    words = ngettext("%(n)s thing waits for a worker", "%(n)s things wait for a worker", due)
    return show(
        request,
        "hq/outboxes.html",
        title=_("To be carried out"),
        verdict=words % {"n": due} if due else _("Nothing is due now"),
        rows=rows,
        latest=LATEST,
        now=now,
    )
