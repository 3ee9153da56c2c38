"""留货 and 调货: ask another store, answer, send, receive. Never from a saved page: the database is
asked each time what is promised."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_portal import stock, stock_requests
from apps.guide_portal.cards import person_of
from apps.guide_portal.customers import get_customer
from apps.guide_portal.find import search
from apps.guide_portal.forms import ActForm
from apps.guide_portal.stock_forms import AskStockForm, StockReasonForm
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.views.region import RegionPage
from apps.guide_portal.views.stock import customer_of
from apps.members.models import Member
from apps.orders.models import Product
from apps.stock import services
from apps.stock.models import StockRequest, StockTerms
from apps.stock.selectors import stores_with
from apps.stores.models import Store


class AskStock(GuidePage):
    """For whom, and which of the two ways; each says before the tap what it means."""

    def get(self, request: HttpRequest, product_id: int, store_id: int) -> HttpResponse:
        return self._page(product_id, store_id, self._customer())

    def _customer(self) -> Member | None:
        public_id = customer_of(self.request)
        return get_customer(actor=self.actor, public_id=public_id) if public_id else None

    def _page(
        self,
        product_id: int,
        store_id: int,
        customer: Member | None,
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        product = get_object_or_404(Product, pk=product_id)
        own = stock.own_store(guide_id=self.guide_id, now=self.now)
        places = stores_with(product=product, own=own)
        place = next((one for one in places if one.store.pk == store_id), None)
        store = place.store if place else get_object_or_404(Store, pk=store_id)
        terms = StockTerms.current()
        back = reverse("guide_portal:stock_of", args=[product_id])
        context: dict[str, Any] = {
            "goods": stock_requests.goods_words(product),
            "sku": product.sku,
            "store": store,
            "as_of": place.as_of if place else None,
            "offers": stock_requests.offers(store=store, own=own, terms=terms),
            "limit": stock_requests.limit_words(terms, now=self.now),
            "problem": problem,
            "back": stock.with_customer(back, customer.public_id if customer else None),
        }
        if customer:
            context["person"] = person_of(customer)
        else:
            context |= self._choice()
        return self.render("guide_portal/ask_stock.html", context, status=status)

    def _choice(self) -> dict[str, Any]:
        """Whom it may be for: words find them, and those of the last days stand there."""
        words = self.request.GET.get("q", "").strip()[:40]
        if not words:
            rows = stock_requests.recent_customers(actor=self.actor, now=self.now)
            return {"words": "", "rows": rows}
        found = search(actor=self.actor, words=words, now=self.now)
        return {"words": words, "rows": found.rows}

    def post(self, request: HttpRequest, product_id: int, store_id: int) -> HttpResponseBase:
        customer = self._customer()
        form = AskStockForm(request.POST)
        if customer is None or not form.is_valid():
            return self.bad_form(form)
        try:
            row = services.ask(
                member_id=customer.pk,
                product_id=get_object_or_404(Product, pk=product_id).pk,
                giving_store_id=store_id,
                kind=form.cleaned_data["kind"],
                percent=form.cleaned_data["percent"],
                guide_id=self.guide_id,
                client_id=form.cleaned_data["client_id"],
                actor=self.actor,
                now=self.now,
            )
        except DomainError as error:
            return self._page(product_id, store_id, customer, problem=str(error), status=409)
        messages.success(request, _("Asked. The answer comes as a card"))
        return redirect("guide_portal:stock_request", row.pk)


class StockRequests(GuidePage):
    """What our store is asked for, and what we asked for."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "parts": stock_requests.parts_of(actor=self.actor, now=self.now),
            "empty_head": _("No piece is asked for"),
            "empty_words": _("Find goods, then tap a size in another store."),
            "empty_action": _("Find goods"),
            "empty_to": reverse("guide_portal:find_stock"),
        }
        return self.render("guide_portal/stock_requests.html", context)


class OneStockRequest(GuidePage):
    """Where it is, who gets what, its history, and the next step of one's own side."""

    def get(self, request: HttpRequest, piece_id: int) -> HttpResponse:
        rows = StockRequest.objects.visible_to(self.actor).select_related(
            "product", "member", "asking_store", "giving_store", "asking_guide"
        )
        row = get_object_or_404(rows, pk=piece_id)
        page = stock_requests.detail_of(row, actor=self.actor, now=self.now)
        return self.render("guide_portal/stock_request.html", {"page": page})


class _Act(GuidePage):
    """One step of a side's own: a request of the other side is 404."""

    side: str
    step: Callable[..., object]
    form: type[ActForm] = ActForm

    def post(self, request: HttpRequest, piece_id: int) -> HttpResponseBase:
        rows = getattr(StockRequest.objects.all(), self.side)(self.actor)
        if not rows.filter(pk=piece_id).exists():
            raise Http404
        form = type(self).form(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        more = {name: value for name, value in form.cleaned_data.items() if name != "client_id"}
        type(self).step(request_id=piece_id, actor=self.actor, now=self.now, **more)
        messages.success(request, _("Noted; the other store hears of it"))
        return redirect("guide_portal:stock_request", piece_id)


class ConfirmStock(_Act):
    """有货，已留."""

    side = "given_by"
    step = staticmethod(services.confirm)


class RefuseStock(_Act):
    side = "given_by"
    step = staticmethod(services.refuse)
    form = StockReasonForm


class SendStock(_Act):
    """已寄出."""

    side = "given_by"
    step = staticmethod(services.send)


class DecideOwners(RegionPage):
    """The regional manager's word on a piece for a store of another owner."""

    capability = Capability.LEAD_REGION

    def post(self, request: HttpRequest, piece_id: int) -> HttpResponseBase:
        return self.answered(
            StockRequest.objects.led_by(self.actor),
            piece_id,
            lambda agree: services.decide_owners(
                request_id=piece_id, agree=agree, actor=self.actor, now=self.now
            ),
            granted=_("Noted; both stores hear of it"),
        )


class ReceiveStock(_Act):
    """收到了."""

    side = "asked_by"
    step = staticmethod(services.receive)


class WithdrawStock(_Act):
    side = "to_take_back"
    step = staticmethod(services.withdraw)
    form = StockReasonForm
