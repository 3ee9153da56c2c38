"""Batches of stock: which store has how many pieces of which product, as of when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.actor import Actor
from apps.ingest.services import ItemError, ItemResult, refused, sorted_out
from apps.orders.models import Product
from apps.stock.services import Level, keep_levels
from apps.stores.models import Store

# a count from the future would silence every true one until then
CLOCKS_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class StockItem:
    """What the API says about one product in one store."""

    store_code: str
    sku: str
    quantity: int
    as_of: datetime


class _Codes:
    """Stores and products behind the codes of a batch, and where this actor may write."""

    def __init__(self, items: Iterable[StockItem], *, now: datetime, actor: Actor) -> None:
        items = list(items)
        stores = Store.objects.filter(code__in={item.store_code for item in items})
        products = Product.objects.filter(sku__in={item.sku for item in items})
        self.stores = dict(stores.values_list("code", "pk"))
        self.products = dict(products.values_list("sku", "pk"))
        self.visible = set(stores.visible_to(actor).values_list("pk", flat=True))
        self.latest = now + CLOCKS_DIFFER

    def problem(self, index: int, item: StockItem) -> ItemResult | None:
        """Why this item is not kept, if so."""
        if item.store_code not in self.stores:
            return refused(index, "unknown_store", item.store_code)
        if self.stores[item.store_code] not in self.visible:
            return refused(index, "foreign_store", item.store_code)
        if item.sku not in self.products:
            return refused(index, "unknown_product", item.sku)
        return refused(index, "impossible_date") if item.as_of > self.latest else None

    def level(self, item: StockItem) -> Level:
        store_id, product_id = self.stores[item.store_code], self.products[item.sku]
        return Level(store_id, product_id, item.quantity, item.as_of)


@transaction.atomic
def take_stock(
    *, items: list[StockItem | ItemError], now: datetime, actor: Actor
) -> list[ItemResult]:
    """Keep each level that is news: created, updated, unchanged or rejected, good beside bad."""
    readable = {n: item for n, item in enumerate(items) if isinstance(item, StockItem)}
    codes = _Codes(readable.values(), now=now, actor=actor)
    results, work = sorted_out(items, readable, problem=codes.problem, row=codes.level)
    statuses = keep_levels(levels=list(work.values()))
    for index, status in zip(work, statuses, strict=True):
        item = readable[index]
        results[index] = ItemResult(index, status, reference=f"{item.store_code}/{item.sku}")
    return [results[index] for index in range(len(items))]
