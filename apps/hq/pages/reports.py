"""报表: what the pushes brought, side by side."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_tasks.models import ITEM_KINDS, TaskPush
from apps.hq.access import actor_of, hq_page, show
from apps.reports import selectors as reports
from apps.reports.declared import declared_by_region
from apps.reports.spread import spread

LIST_PAGE = 30


@hq_page(Capability.VIEW_REPORTS)
def report_page(request: HttpRequest) -> HttpResponse:
    """报表: pushes side by side, every completion rate with the raw and the excused rate."""
    now, actor = clock.now(), actor_of(request)
    handed_out = (
        TaskPush.objects.visible_to(actor)
        .filter(handed_out_at__isnull=False, handed_out_at__lte=now, rule=None)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")
    )
    page = Paginator(handed_out, LIST_PAGE).get_page(request.GET.get("page"))
    rows = [(push, reports.push_funnel(push=push)) for push in page]
    return show(
        request,
        "hq/reports.html",
        title=_("Reports"),
        page=page,
        rows=rows,
        declared=declared_by_region(actor=actor, now=now),
        mismatch_days=reports.MISMATCH_DAYS,
    )


@hq_page(Capability.VIEW_REPORTS)
def spread_page(request: HttpRequest) -> HttpResponse:
    """导购差距: how far guides lie apart, by how long they are there, month by month."""
    found = spread(actor=actor_of(request), now=clock.now())
    return show(request, "hq/spread.html", title=_("Spread between guides"), months=found)
