"""好友与社群 › 好友来源: by which code friends came and members joined, and what became of them."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.hq.access import actor_of, hq_page, show
from apps.reports.enrolments import enrolments
from apps.reports.not_joined import not_joined
from apps.reports.sources import sources
from apps.reports.visit_reasons import visit_reasons
from apps.stores.models import Region

PERIODS = (7, 30, 90)
LISTED = 100


@hq_page(Capability.VIEW_REPORTS)
def source_page(request: HttpRequest) -> HttpResponse:
    """The last 7, 30 or 90 days; the chain's or one region's."""
    actor = actor_of(request)
    asked = request.GET.get("days", "")
    days = int(asked) if asked.isascii() and asked in map(str, PERIODS) else PERIODS[1]
    regions = list(Region.objects.order_by("code")) if actor.sees_all else []
    chosen = next((one for one in regions if one.code == request.GET.get("region")), None)
    now = clock.now()
    found = sources(actor=actor, now=now, days=days, region=chosen)
    joined = enrolments(actor=actor, now=now, days=days, region=chosen)
    return show(
        request,
        "hq/sources.html",
        title=_("Where friends come from"),
        found=found,
        rows=found.rows[:LISTED],
        joined=joined,
        joined_rows=joined.rows[:LISTED],
        visits=visit_reasons(actor=actor, now=now, days=days, region=chosen),
        reasons=not_joined(actor=actor, now=now, days=days, region=chosen),
        days=days,
        periods=PERIODS,
        regions=regions,
        chosen=chosen,
    )
