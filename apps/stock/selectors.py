"""Where pieces are, and what of a store's stock wants a look."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Case, Q, Value, When

from apps.core import clock
from apps.orders.models import Product
from apps.orders.selectors import KEPT
from apps.stock.models import StockLevel, StockRequest
from apps.stores.models import Store

STORES_SHOWN = 20
LOW_AT_MOST = 2
HOT_DAYS, OLD_DAYS = 14, 60
ROWS_SHOWN = 50
LOW, HOT, OLD = "low", "hot", "old"
_MOST_LEVELS = 600

# What a store sold, less what came back of it, and has. The days bound the orders by their index;
# each order's lines lie in the month of its time. `hot`: what customers chose, so neither staff's
# nor group purchases; `kept`: whoever has it, the piece did not lie.
_SHELF = f"""
WITH sold AS (
    SELECT line.product_id, sum(line.kept) AS kept,
        sum(line.kept) FILTER (
            WHERE sale.business_on >= %(hot)s
                AND NOT sale.is_staff AND NOT sale.is_group_buy AND NOT sale.is_stored_value
        ) AS hot
    FROM orders_order AS sale
    CROSS JOIN LATERAL (
        SELECT bought.product_id, {KEPT} AS kept
        FROM orders_orderline AS bought
        WHERE bought.order_id = sale.id AND bought.paid_at = sale.paid_at AND NOT bought.is_gift
        OFFSET 0
    ) AS line
    WHERE sale.store_id = %(store)s AND sale.business_on >= %(old)s AND sale.kind = 'sale'
    GROUP BY line.product_id
)
SELECT product.name, product.colour, product.size, product.sku, level.product_id, level.quantity,
    level.as_of, coalesce(sold.hot, 0)
FROM stock_stocklevel AS level
JOIN orders_product AS product ON product.id = level.product_id
LEFT JOIN sold ON sold.product_id = level.product_id
WHERE level.store_id = %(store)s AND {{which}}
ORDER BY {{order}}, level.product_id LIMIT %(limit)s
"""
# few left of what sells; what sells most; what nobody bought for long and was known all the time
_WHICH = {
    LOW: (f"level.quantity <= {LOW_AT_MOST} AND sold.hot > 0", "level.quantity, sold.hot DESC"),
    HOT: ("sold.hot > 0", "sold.hot DESC"),
    OLD: (
        "level.quantity > 0 AND coalesce(sold.kept, 0) <= 0 AND product.listed_at < %(listed)s",
        "level.quantity DESC",
    ),
}

# What is promised of each level: what waits, lies aside, or was sent or sold since the till
# counted; in the store that asked, what arrived before it did and lies there, or was sold since.
# `firm` leaves out what nobody has said yes to.
_PROMISED = """
SELECT level.store_id, level.product_id, (
    SELECT count(*) FROM stock_stockrequest AS given
    WHERE given.giving_store_id = level.store_id AND given.product_id = level.product_id
        AND (given.state = ANY(%(states)s) OR given.sent_at >= level.as_of
             OR (given.state = 'sold' AND given.sent_at IS NULL AND level.as_of <= (
                 SELECT paid_at FROM orders_order WHERE id = given.order_id)))
) + (
    SELECT count(*) FROM stock_stockrequest AS come
    WHERE come.asking_store_id = level.store_id AND come.product_id = level.product_id
        AND come.state IN ('arrived', 'sold') AND come.arrived_at <= level.as_of
        AND (come.state = 'arrived' OR level.as_of <= (
            SELECT paid_at FROM orders_order WHERE id = come.order_id))
)
FROM stock_stocklevel AS level
WHERE level.product_id = ANY(%(products)s)
    AND (%(stores)s::bigint[] IS NULL OR level.store_id = ANY(%(stores)s))
"""
_WAITING, _FIRM = ["asked", "agreed", "held"], ["held"]


class Size(NamedTuple):
    """A size in a store: `pieces` as the till said, `free` of them promised to nobody."""

    name: str
    pieces: int
    free: int
    product_id: int


@dataclass(frozen=True, slots=True)
class InStore:
    """A store's pieces of a style in a colour."""

    store: Store
    sizes: list[Size]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class ShelfRow:
    name: str
    colour: str
    size: str
    sku: str
    product_id: int
    quantity: int
    as_of: datetime
    sold: Decimal


def stores_with(*, product: Product, own: Store | None, limit: int = STORES_SHOWN) -> list[InStore]:
    """Open stores that have pieces of this style and colour: one's own, then the region's, then the
    others; `as_of` is the oldest count among the sizes shown. Two queries."""
    near = [When(store_id=own.pk, then=Value(0))] if own else []
    near += [When(store__region_id=own.region_id, then=Value(1))] if own else []
    open_ones = Q(store__closed_on=None) | Q(store__closed_on__gt=clock.today())
    alike = Q(product__style_no=product.style_no, product__colour=product.colour)
    levels = (
        StockLevel.objects.filter(alike & open_ones, quantity__gt=0)
        .select_related("store", "product")
        .annotate(near=Case(*near, default=Value(2)))
        .order_by("near", "store__name", "store_id", "product__size")[:_MOST_LEVELS]
    )
    taken = promised(
        product_ids={level.product_id for level in levels},
        store_ids={level.store_id for level in levels},
    )
    stores: dict[int, InStore] = {}
    for level in levels:
        one = stores.get(level.store_id) or InStore(level.store, [], level.as_of)
        free = max(0, level.quantity - taken.get((level.store_id, level.product_id), 0))
        size = Size(level.product.size, level.quantity, free, level.product_id)
        one.sizes.append(size)
        oldest = min(one.as_of, level.as_of)
        stores[level.store_id] = InStore(one.store, one.sizes, oldest)
    return list(stores.values())[:limit]


def promised(
    *,
    product_ids: Collection[int],
    store_ids: Collection[int] | None = None,
    firm: bool = False,
) -> dict[tuple[int, int], int]:
    """How many pieces of each (store, product) are promised, of those whose level is known."""
    values = {
        "products": sorted(product_ids),
        "stores": None if store_ids is None else sorted(store_ids),
        "states": _FIRM if firm else _WAITING,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PROMISED, values)
        return {(store, product): count for store, product, count in cursor.fetchall() if count}


def pieces_in(*, store_id: int, products: Sequence[Product]) -> dict[tuple[str, str], int]:
    """What this store has of each style and colour, all sizes together; none is left out."""
    styles = {product.style_no for product in products}
    levels = StockLevel.objects.filter(
        store_id=store_id, product__style_no__in=styles, quantity__gt=0
    )
    found: dict[tuple[str, str], int] = {}
    for style, colour, quantity in levels.values_list(
        "product__style_no", "product__colour", "quantity"
    ):
        found[style, colour] = found.get((style, colour), 0) + quantity
    return found


def shelf_of(*, store_id: int, which: str, now: datetime) -> list[ShelfRow]:
    """Rows of a store's stock that are low, hot or old; one query, whatever the store sold."""
    condition, order = _WHICH[which]
    today = clock.business_day(now)
    values: dict[str, Any] = {
        "store": store_id,
        "hot": today - timedelta(days=HOT_DAYS),
        "old": today - timedelta(days=OLD_DAYS),
        "listed": now - timedelta(days=OLD_DAYS),
        "limit": ROWS_SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SHELF.format(which=condition, order=order), values)
        return [ShelfRow(*row) for row in cursor.fetchall()]


# --- requests -------------------------------------------------------------------------------------


def requests_of(*, member_ids: Collection[int]) -> list[StockRequest]:
    """Everything we hold, for the copy that the person asks for."""
    rows = StockRequest.objects.of_members(member_ids)
    found = rows.select_related("product", "giving_store", "asking_store", "asking_guide")
    return list(found.order_by("asked_at", "pk"))
