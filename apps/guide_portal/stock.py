"""查货 for guides, 库存 for managers: read each time, never kept on the phone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse
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
    Size,
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
class Sized(Shown):
    """A size in a store; `href`: where another store is asked for it, "" for one's own store and
    for what is promised to others."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Place(Shown):
    """A store that has it; `is_stale`: counted long ago."""

    name: str
    sizes: list[Sized]
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


def places_of(
    *, product: Product, store: Store | None, customer: UUID | None = None, now: datetime
) -> list[Place]:
    """Each store with its sizes; those of others lead on to asking, for `customer` if one is
    there."""
    return [_place(one, store, customer, now) for one in stores_with(product=product, own=store)]


def _place(one: InStore, store: Store | None, customer: UUID | None, now: datetime) -> Place:
    chip, is_own = None, store is not None and one.store.pk == store.pk
    if is_own:
        chip = Chip("pin", _("Your store"), "ok")
    elif store is not None and one.store.region_id == store.region_id:
        chip = Chip("pin", _("Same region"), "wait")
    may_ask = store is not None and not is_own and one.store.live_since is not None
    return Place(
        name=one.store.name,
        sizes=[_sized(size, one.store, customer, may_ask=may_ask) for size in one.sizes],
        chip=chip,
        as_of=one.as_of,
        is_stale=now - one.as_of > STALE,
    )


def _sized(size: Size, store: Store, customer: UUID | None, *, may_ask: bool) -> Sized:
    words = _counted(size_words(size.name), size.pieces)
    if size.free < size.pieces:
        taken = size.pieces - size.free
        words += " · " + _("%(n)s promised") % {"n": taken}
    href = ""
    if may_ask and size.free:
        address = reverse("guide_portal:ask_stock", args=[size.product_id, store.pk])
        href = with_customer(address, customer)
    return Sized(words, href)


def with_customer(address: str, public_id: UUID | None) -> str:
    """The same page for the customer who stands there."""
    return f"{address}?for={public_id}" if public_id else address


def _counted(size: str, pieces: int) -> str:
    counted = ngettext("%(n)s piece", "%(n)s pieces", pieces) % {"n": pieces}
    return f"{size} {counted}".strip()


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
