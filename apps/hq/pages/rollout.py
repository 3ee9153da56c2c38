"""门店与导购 › 上线范围: region after region, store after store; what would begin stands beside."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.ids import row_id
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.rollout import StoreRow, store_rows, switch
from apps.stores.models import Region, Store
from apps.stores.rollout import region_rows

PER_PAGE = 100


@hq_page(Capability.VIEW_REPORTS)
def rollout_regions(request: HttpRequest) -> HttpResponse:
    """The regions and how far each is."""
    actor = actor_of(request)
    rows = region_rows(actor=actor, now=clock.now())
    return show(
        request,
        "hq/rollout.html",
        title=_("Rollout"),
        rows=rows,
        live=sum(row.live for row in rows),
        stores=sum(row.stores for row in rows),
    )


def _sums(rows: list[StoreRow]) -> dict[str, int]:
    return {
        "stores": len(rows),
        "guides": sum(row.guides for row in rows),
        "members": sum(row.members for row in rows),
        "open": sum(row.open for row in rows),
    }


@hq_page(Capability.VIEW_REPORTS)
def rollout_region(request: HttpRequest, pk: int) -> HttpResponse:
    """The stores of a region, each with its switch; on top what the whole region's would begin."""
    actor = actor_of(request)
    region = get_object_or_404(Region, pk=pk)
    rows = store_rows(region=region, actor=actor, now=clock.now())
    if not rows:
        raise Http404
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/rollout_region.html",
        title=region.name,
        region=region,
        page=page,
        waiting=_sums([row for row in rows if not row.is_live]),
        running=_sums([row for row in rows if row.is_live]),
        may_act=actor.can(Capability.MANAGE_STORES),
    )


@hq_action(Capability.MANAGE_STORES)
def rollout_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch one store of a region, or with `store` empty all of them, on or off."""
    stores = Store.objects.visible_to(actor_of(request)).filter(region_id=pk)
    chosen = request.POST.get("store", "")
    if chosen:
        stores = stores.filter(pk=row_id(chosen))
    ids = list(stores.values_list("pk", flat=True))
    if not ids:
        raise Http404
    live = request.POST.get("live") == "yes"
    changed = switch(store_ids=ids, live=live, actor=actor_of(request), now=clock.now())
    if live:
        messages.success(request, _("%(n)s stores switched on.") % {"n": changed})
    else:
        messages.success(request, _("%(n)s stores switched off.") % {"n": changed})
    page = request.POST.get("page", "")
    address = reverse("hq:rollout_region", args=[pk])
    return redirect(f"{address}?page={page}" if page.isdecimal() else address)
