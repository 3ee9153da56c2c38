"""Stock of the demo: what each open store's till counted yesterday evening, told as tills tell it.

A store carries some of the styles; middle sizes come in greater numbers, what is out of season has
nearly gone, and what was sold lately is missing from what came.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import Sum

from apps.core import clock
from apps.hq.demo.catalogue import STYLES, Style, sku_of
from apps.orders.models import Order, OrderLine, Product
from apps.stock.selectors import HOT_DAYS
from apps.stock.services import Level, keep_levels
from apps.stores.models import Store

_SEED = 20_261_125
# before midnight: the count after closing
_COUNTED = timedelta(hours=2, minutes=20)
# which share of the styles a store of that class carries
_CARRIED = {"a": 0.8, "b": 0.6, "c": 0.45}
# how many pieces of a size came: 0 to 6
_CAME = (1, 2, 3, 4, 3, 2, 1)
_SUMMER = range(4, 10)


def count(stores: Sequence[Store], *, now: datetime) -> int:
    """Returns how many counts the tills told."""
    dice = random.Random(_SEED)
    as_of = clock.day_start(clock.business_day(now)) - _COUNTED
    sold = _sold(now)
    products = dict(Product.objects.values_list("sku", "pk"))
    levels = [
        Level(store.pk, products[sku], quantity, as_of)
        for store in stores
        for sku, quantity in _shelf(store, products, sold, summer=as_of.month in _SUMMER, dice=dice)
    ]
    keep_levels(levels=levels)
    return len(levels)


def _sold(now: datetime) -> dict[tuple[int, int], int]:
    """Pieces of each product that each store sold lately."""
    lines = OrderLine.objects.filter(
        order__kind=Order.Kind.SALE, paid_at__gte=now - timedelta(days=HOT_DAYS)
    )
    found = lines.values_list("store_id", "product_id").annotate(Sum("quantity"))
    return {(store, product): int(pieces) for store, product, pieces in found.order_by()}


def _shelf(
    store: Store,
    products: dict[str, int],
    sold: dict[tuple[int, int], int],
    *,
    summer: bool,
    dice: random.Random,
) -> Iterator[tuple[str, int]]:
    """Each size of what the store carries, and of what it sold lately whatever it carries."""
    for style in STYLES:
        carried = dice.random() < _CARRIED[store.store_class]
        for colour in style.colours:
            for size in style.sizes:
                sku = sku_of(style, colour, size)
                gone = sold.get((store.pk, products[sku]), 0)
                came = _came(style, size, summer=summer, dice=dice)
                if carried or gone:
                    yield sku, max(0, came - gone)


def _came(style: Style, size: str, *, summer: bool, dice: random.Random) -> int:
    came = dice.choices(range(len(_CAME)), _CAME)[0]
    if len(style.sizes) > 1 and size in (style.sizes[0], style.sizes[-1]):
        came //= 2
    return came // 3 if style.season == ("秋冬" if summer else "春夏") else came
