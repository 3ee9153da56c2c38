"""偏好: what the purchases say, each with how often; nothing before the second purchase."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from apps.guide_portal.cards import size_words
from apps.orders.models import Order
from apps.orders.selectors import LineView, OrderView

LEAST = 2
LOOKED_AT = 40
SHOWN = 2


@dataclass(frozen=True, slots=True)
class Liking:
    """One line: 尺码 · 37 码 · 9 次里 8 次."""

    name: str
    value: str
    count: str


def likings(orders: Sequence[OrderView]) -> list[Liking]:
    """Category, size, colour and price band of what was bought and kept."""
    kept = _kept(orders)
    purchases = {order_id for order_id, _line, _pieces in kept}
    if len(purchases) < LEAST:
        return []
    lines = [
        _liking(_("Size"), kept, "size"),
        _liking(_("Colour"), kept, "colour"),
        _liking(_("Kind of goods"), kept, "category"),
        _band(kept),
    ]
    return [line for line in lines if line is not None]


Kept = tuple[int, LineView, int]


def _kept(orders: Sequence[OrderView]) -> list[Kept]:
    """Lines that were not given back, each with its pieces and its purchase."""
    back: Counter[tuple[str, str]] = Counter()
    for order in orders:
        if order.kind == Order.Kind.RETURN:
            for line in order.lines:
                back[order.original_no, line.sku] += int(abs(line.quantity))
    kept: list[Kept] = []
    for order in orders:
        if order.kind == Order.Kind.RETURN:
            continue
        for line in order.lines:
            pieces = int(line.quantity) - back[order.external_no, line.sku]
            if pieces > 0 and not line.is_gift:
                kept.append((order.order_id, line, pieces))
    return kept


def _liking(name: str, kept: Sequence[Kept], what: str) -> Liking | None:
    counts: Counter[str] = Counter()
    for _order_id, line, pieces in kept:
        if value := getattr(line, what):
            counts[value] += pieces
    if not counts:
        return None
    best = counts.most_common(1 if what == "size" else SHOWN)
    words = "、".join(size_words(value) if what == "size" else value for value, _n in best)
    numbers = {"n": sum(n for _value, n in best), "all": sum(counts.values())}
    return Liking(name, words, _("%(n)s of %(all)s pieces") % numbers)


def _band(kept: Sequence[Kept]) -> Liking | None:
    """The middle half of what was paid for a piece, in whole hundreds of yuan."""
    prices = sorted(
        int(Decimal(line.net_fen) / line.quantity) for _o, line, _p in kept if line.net_fen > 0
    )
    if not prices:
        return None
    quarter = len(prices) // 4
    low, high = prices[quarter], prices[len(prices) - 1 - quarter]
    low, high = low // 10_000 * 100, -(-high // 10_000) * 100
    words = f"¥{low:,}–{high:,}" if 0 < low < high else f"¥{high:,}"
    return Liking(_("Price"), words, _("of %(n)s pieces") % {"n": len(prices)})
