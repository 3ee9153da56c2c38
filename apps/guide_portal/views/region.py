"""区域看板: a region's stores, a store's guides, a guide's customers (masked), pushes that meet."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.ids import row_id
from apps.guide_portal import region
from apps.guide_portal.approvals import region_waits
from apps.guide_portal.views.base import GuidePage, blank_page, sign_in_address
from apps.members.models import ServingPeriod
from apps.stores.models import Guide, Posting, Store


class RegionPage(GuidePage):
    """For whoever reads figures: regional managers by WeCom, head office in its own browser."""

    capability = Capability.VIEW_REPORTS

    def no_permission(self, request: HttpRequest) -> HttpResponseBase | None:
        if self.actor.can(self.capability):
            return None
        if request.user.is_authenticated and self.actor.guide_id is not None:
            return blank_page(
                request,
                status=403,
                head=_("This page is not for you"),
                words=_("It belongs to regional managers."),
            )
        return redirect(sign_in_address(request.get_full_path()))


class Board(RegionPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("region", "")
        number = row_id(asked) or None
        if asked and number is None:
            raise Http404
        page = region.board_page(
            actor=self.actor, region_id=number, order=request.GET.get("by", ""), now=self.now
        )
        if page is None and asked:
            raise Http404
        leads = self.actor.can(Capability.LEAD_REGION) and self.actor.guide_id is None
        waiting = region_waits(actor=self.actor, now=self.now) if leads else None
        return self.render("guide_portal/region.html", {"page": page, "waiting": waiting})


class InStore(RegionPage):
    """About one of the stores the reader sees."""

    def store(self, store_id: int) -> Store:
        seen: Store = get_object_or_404(region.seen_stores(self.actor), pk=store_id)
        return seen


class RegionStore(InStore):
    def get(self, request: HttpRequest, store_id: int) -> HttpResponse:
        page = region.store_page(store=self.store(store_id), actor=self.actor, now=self.now)
        leads = self.actor.can(Capability.LEAD_REGION)
        context = {"page": page, "leads": leads}
        return self.render("guide_portal/region_store.html", context)


class RegionGuide(InStore):
    """A guide's customers in this store, masked."""

    def get(self, request: HttpRequest, store_id: int, guide_id: int) -> HttpResponse:
        store = self.store(store_id)
        posted = Posting.objects.filter(store=store).values("guide_id")
        served = ServingPeriod.objects.current().filter(store=store).values("guide_id")
        known = Guide.objects.filter(pk__in=posted) | Guide.objects.filter(pk__in=served)
        guide: Guide = get_object_or_404(known, pk=guide_id)
        page = region.guide_page(guide=guide, store=store, now=self.now)
        return self.render("guide_portal/region_guide.html", {"page": page, "store": store})


class RegionPushes(RegionPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": region.pushes_page(actor=self.actor, now=self.now),
            "leads": self.actor.can(Capability.LEAD_REGION),
        }
        return self.render("guide_portal/region_pushes.html", context)
