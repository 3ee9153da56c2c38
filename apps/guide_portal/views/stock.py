"""查货: which store has it; 库存: what of the own store's stock wants a look."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from apps.accounts.capabilities import Capability
from apps.guide_portal import stock
from apps.guide_portal.views.base import GuidePage
from apps.orders.models import Product
from apps.stock.selectors import HOT, LOW, OLD


def customer_of(request: HttpRequest) -> UUID | None:
    """For whom goods are looked for; what is no id is nobody."""
    try:
        return UUID(request.GET.get("for", ""))
    except ValueError:
        return None


class StockPage(GuidePage):
    """One of 工具, and its foot says so."""

    tab = "tools"


class FindStock(StockPage):
    """Goods by name, number or kind."""

    def get(self, request: HttpRequest) -> HttpResponse:
        words = request.GET.get("q", "")[:40]
        store = stock.own_store(guide_id=self.guide_id, now=self.now)
        context = {
            "words": words,
            "customer": customer_of(request),
            "goods": stock.goods_found(words=words, store=store) if words.strip() else [],
        }
        return self.render("guide_portal/find_stock.html", context)


class StockOf(StockPage):
    """Where its sizes are: the own store, the region's, the others, each with its time."""

    def get(self, request: HttpRequest, product_id: int) -> HttpResponse:
        product = get_object_or_404(Product, pk=product_id)
        store = stock.own_store(guide_id=self.guide_id, now=self.now)
        customer = customer_of(request)
        context = {
            "product": product,
            "customer": customer,
            "places": stock.places_of(
                product=product, store=store, customer=customer, now=self.now
            ),
        }
        return self.render("guide_portal/stock_of.html", context)


class StoreStock(StockPage):
    """库存: low, hot, old."""

    capability = Capability.MANAGE_TEAM

    def get(self, request: HttpRequest) -> HttpResponse:
        which = request.GET.get("show", LOW)
        store = stock.own_store(guide_id=self.guide_id, now=self.now)
        if store is None or store.pk not in self.actor.store_ids or which not in (LOW, HOT, OLD):
            raise Http404
        context = {
            "store": store,
            "shelves": stock.shelves(which),
            "which": which,
            "rows": stock.shelf_lines(store_id=store.pk, which=which, now=self.now),
        }
        return self.render("guide_portal/store_stock.html", context)
