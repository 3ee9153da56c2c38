"""查货 for guides, 库存 for managers: read each time, never kept on the phone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core import clock
from apps.core.shown import Shown
from apps.guide_portal.cards import Chip, size_words
from apps.orders.models import Product
from apps.orders.selectors import find_products
from apps.stock.selectors import (
    HOT,
    LOW,
    OLD,
    InStore,
    ShelfRow,
    pieces_in,
    shelf_of,
    stores_with,
)
from apps.stores.models import Posting, Store

# a count older than this is asked about before somebody travels for it
STALE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Goods(Shown):
    """A style in a colour, and whether one's own store has it."""

    product: Product
    words: str
    chip: Chip


@dataclass(frozen=True, slots=True)
class Place(Shown):
    """A store that has it; `is_stale`: counted long ago."""

    name: str
    sizes: list[str]
    chip: Chip | None
    as_of: datetime
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    code: str
    label: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class ShelfLine(Shown):
    name: str
    words: str
    chip: Chip
    product_id: int
    as_of: datetime


def own_store(*, guide_id: int, now: datetime) -> Store | None:
    """Where this guide works today."""
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=guide_id)
    posting = here.select_related("store").first()
    return posting.store if posting else None


def goods_found(*, words: str, store: Store | None) -> list[Goods]:
    """Two queries, however many there are."""
    products = find_products(words=words)
    here = pieces_in(store_id=store.pk if store else 0, products=products)
    return [_goods(one, here.get((one.style_no, one.colour), 0)) for one in products]


def _goods(product: Product, here: int) -> Goods:
    parts = [product.style_no, product.colour, f"¥{product.tag_price_fen / 100:,.0f}"]
    chip = (
        Chip("ok", _("%(n)s here") % {"n": here}, "ok")
        if here
        else Chip("store", _("Look in other stores"), "wait")
    )
    return Goods(product, " · ".join(filter(None, parts)), chip)


def places_of(*, product: Product, store: Store | None, now: datetime) -> list[Place]:
    return [_place(one, store, now) for one in stores_with(product=product, own=store)]


def _place(one: InStore, store: Store | None, now: datetime) -> Place:
    chip = None
    if store is not None and one.store.pk == store.pk:
        chip = Chip("pin", _("Your store"), "ok")
    elif store is not None and one.store.region_id == store.region_id:
        chip = Chip("pin", _("Same region"), "wait")
    return Place(
        name=one.store.name,
        sizes=[_sized(size, pieces) for size, pieces in one.sizes],
        chip=chip,
        as_of=one.as_of,
        is_stale=now - one.as_of > STALE,
    )


def _sized(size: str, pieces: int) -> str:
    counted = ngettext("%(n)s piece", "%(n)s pieces", pieces) % {"n": pieces}
    return f"{size_words(size)} {counted}".strip()


# --- the manager's --------------------------------------------------------------------------------


def shelves(on: str) -> list[Shelf]:
    labels = {LOW: _("Runs out"), HOT: _("Sells well"), OLD: _("Lies long")}
    return [Shelf(code, label, code == on) for code, label in labels.items()]


def shelf_lines(*, store_id: int, which: str, now: datetime) -> list[ShelfLine]:
    return [_line(row, which) for row in shelf_of(store_id=store_id, which=which, now=now)]


def _line(row: ShelfRow, which: str) -> ShelfLine:
    parts = [row.colour, size_words(row.size), row.sku]
    if which != OLD:
        parts.append(_("%(n)s sold in 14 days") % {"n": f"{row.sold:.0f}"})
    few = row.quantity <= 2 and which != OLD
    left = ngettext("%(n)s piece", "%(n)s pieces", row.quantity) % {"n": max(row.quantity, 0)}
    chip = Chip("alert" if few else "bag", left, "warn" if few else "")
    return ShelfLine(row.name, " · ".join(filter(None, parts)), chip, row.product_id, row.as_of)
