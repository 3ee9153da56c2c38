"""Real purchase histories laid over the made-up catalogue.

The days, the numbers of pieces and the relative amounts are those of 2,357 real customers (CDNOW
sample, Fader and Hardie 2001; see `data/README.md`). Only the calendar is moved, so that the last
day is yesterday, and one dollar counts as twenty yuan. Goods, stores and times of day are made up;
so are the returns, about 4 % of orders.
"""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import median

from django.conf import settings

from apps.core import clock
from apps.core.money import split_fen
from apps.hq.demo.catalogue import STYLES, Style, sku_of
from apps.orders.services import LineRow, OrderRow

_FEN_PER_DOLLAR = 2000
_MOST_LINES = 4
_RETURN_SHARE = 0.04
# what the rules look for: silent since less than a week, back within the next days
_SILENT_AFTER_DAYS, _SILENT_FOR_DAYS, _SOON_DAYS = 90, 6, 3
SOURCE = "pos"


@dataclass(frozen=True)
class Purchase:
    """One order of the sample, on its moved day. `buyer` counts customers from 0."""

    line_no: int
    buyer: int
    on: date
    pieces: int
    fen: int


@dataclass(frozen=True)
class Buyer:
    """What decides which goods a customer takes and where."""

    member_no: str
    gender: str
    shoe_size: str
    wear_size: str
    home_store: str
    second_store: str


def read_purchases(*, last_day: date, limit: int) -> list[Purchase]:
    """The sample's orders of its first `limit` customers, oldest first, moved to end on
    `last_day`."""
    path = Path(settings.DEMO_DATA) / "cdnow_sample_orders.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    shift = last_day - max(date.fromisoformat(row["order_date"]) for row in rows)
    found = [
        Purchase(
            line_no=int(row["line_no"]),
            buyer=int(row["customer_id"]) - 1,
            on=date.fromisoformat(row["order_date"]) + shift,
            pieces=int(row["quantity"]),
            fen=round(float(row["amount"]) * _FEN_PER_DOLLAR),
        )
        for row in rows
    ]
    return sorted(
        (purchase for purchase in found if purchase.buyer < limit),
        key=lambda purchase: (purchase.on, purchase.line_no),
    )


def whose_time_has_come(purchases: list[Purchase], *, today: date, each: int) -> list[int]:
    """Buyers who have just fallen silent, and those usually back in these days: `each` of both, in
    turn."""
    days: dict[int, list[date]] = {}
    for purchase in purchases:
        of_buyer = days.setdefault(purchase.buyer, [])
        if not of_buyer or of_buyer[-1] != purchase.on:
            of_buyer.append(purchase.on)
    silent = [
        buyer
        for buyer, on in days.items()
        if 0 <= (today - on[-1]).days - _SILENT_AFTER_DAYS < _SILENT_FOR_DAYS
    ]
    due = [
        buyer
        for buyer, on in days.items()
        if len(on) > 2 and 0 <= (on[-1] + _usual_gap(on) - today).days < _SOON_DAYS
    ]
    return [buyer for pair in zip(silent[:each], due[:each], strict=False) for buyer in pair]


def _usual_gap(on: list[date]) -> timedelta:
    return timedelta(days=round(median((later - earlier).days for earlier, later in pairwise(on))))


def _fits(style: Style, buyer: Buyer) -> bool:
    return style.gender in ("u", buyer.gender)


def _choose(dice: random.Random, buyer: Buyer, unit_fen: int) -> Style:
    """A style this buyer could have got for that price: at its tag price or with up to half off."""
    fitting = [style for style in STYLES if _fits(style, buyer)]
    near = [style for style in fitting if unit_fen <= style.yuan * 100 <= max(unit_fen * 2, 9000)]
    return dice.choice(near) if near else max(fitting, key=lambda style: style.yuan)


def _size(style: Style, buyer: Buyer) -> str:
    for size in (buyer.shoe_size, buyer.wear_size):
        if size in style.sizes:
            return size
    return style.sizes[0]


def _lines(dice: random.Random, buyer: Buyer, purchase: Purchase) -> list[LineRow]:
    count = min(purchase.pieces, _MOST_LINES)
    pieces = [purchase.pieces // count + (n < purchase.pieces % count) for n in range(count)]
    lines = []
    for number, (quantity, fen) in enumerate(
        zip(pieces, split_fen(purchase.fen, pieces), strict=True), 1
    ):
        style = _choose(dice, buyer, fen // quantity)
        tag = max(style.yuan * 100 * quantity, fen)
        lines.append(
            LineRow(
                line_no=number,
                sku=sku_of(style, dice.choice(style.colours), _size(style, buyer)),
                quantity=Decimal(quantity),
                net_fen=fen,
                discount_fen=tag - fen,
                tag_fen=tag,
            )
        )
    return lines


def _moment(dice: random.Random, day: date) -> datetime:
    minutes = dice.randrange(10 * 60, 21 * 60 + 30)
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=clock.chain_tz())


def orders_of(
    purchases: list[Purchase],
    buyers: list[Buyer],
    *,
    sellers: Mapping[str, Sequence[str]],
    until: date,
    dice: random.Random,
) -> Iterator[OrderRow]:
    """Orders and a few made-up returns, no later than `until`; each buyer has one seller a
    store."""
    for purchase in purchases:
        buyer = buyers[purchase.buyer]
        store = buyer.home_store if dice.random() < 0.85 else buyer.second_store
        order = OrderRow(
            source=SOURCE,
            external_no=f"S{purchase.on:%y%m%d}{purchase.line_no:05d}",
            member_identity=("member_no", "", buyer.member_no),
            store_code=store,
            selling_guide_userid=_seller(sellers.get(store, ()), purchase.buyer),
            paid_at=_moment(dice, purchase.on),
            net_fen=purchase.fen,
            lines=_lines(dice, buyer, purchase),
        )
        yield order
        back_on = purchase.on + timedelta(days=dice.randrange(2, 10))
        if purchase.fen and dice.random() < _RETURN_SHARE and back_on <= until:
            yield _return_of(order, _moment(dice, back_on), dice)


def _seller(userids: Sequence[str], buyer: int) -> str:
    return userids[buyer % len(userids)] if userids else ""


def _return_of(order: OrderRow, at: datetime, dice: random.Random) -> OrderRow:
    """One line of the order comes back whole: negative amounts, naming the original line."""
    line = dice.choice(order.lines)
    back = LineRow(
        line_no=1,
        sku=line.sku,
        quantity=-line.quantity,
        net_fen=-line.net_fen,
        discount_fen=-line.discount_fen,
        tag_fen=-line.tag_fen,
        original_line_no=line.line_no,
    )
    return OrderRow(
        source=SOURCE,
        external_no=f"R{order.external_no[1:]}",
        kind="return",
        original_no=order.external_no,
        member_identity=order.member_identity,
        store_code=order.store_code,
        paid_at=at,
        net_fen=back.net_fen,
        lines=[back],
    )
