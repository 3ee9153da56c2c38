"""企微 › 流失: who deleted whom, per store, guide and day; a transfer is none of it."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.hq.access import actor_of, hq_page, show
from apps.reports.losses import losses

PERIODS = (7, 30, 90)
LISTED = 50


@hq_page(Capability.VIEW_REPORTS)
def loss_page(request: HttpRequest) -> HttpResponse:
    """The last 7, 30 or 90 days."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked.isascii() and asked in map(str, PERIODS) else PERIODS[0]
    found = losses(actor=actor_of(request), now=clock.now(), days=days)
    return show(
        request,
        "hq/losses.html",
        title=_("Lost friends"),
        found=found,
        days=days,
        periods=PERIODS,
        stores=found.stores[:LISTED],
        guides=found.guides[:LISTED],
    )
