"""What a till or a shop sends, and the checks one row can answer for alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from apps.orders.models import Order

# a clock may run ahead; a month that far back would make partitions nobody needs
FUTURE_SLACK = timedelta(days=1)
OLDEST = timedelta(days=3653)
_QUANTITY_LIMIT = Decimal(10) ** 9
_FEN_LIMIT = 10**15


class LineRow(NamedTuple):
    line_no: int
    sku: str
    quantity: Decimal
    net_fen: int
    discount_fen: int = 0
    tag_fen: int = 0
    original_line_no: int | None = None
    is_gift: bool = False


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One receipt or web order. A return is negative and names its original by number and lines.

    The buyer is `member_id` or `member_identity` (kind, scope, raw value); neither is an anonymous
    buyer. A return's buyer is always its original's. `net_fen` is paid without freight;
    `discount_fen`, when given, is checked against the lines too.
    """

    source: str
    external_no: str
    store_code: str
    paid_at: datetime
    net_fen: int
    lines: list[LineRow]
    kind: str = Order.Kind.SALE
    original_no: str = ""
    member_identity: tuple[str, str, str] | None = None
    member_id: int | None = None
    selling_guide_userid: str = ""
    discount_fen: int | None = None
    freight_fen: int = 0
    is_staff: bool = False
    is_group_buy: bool = False
    is_stored_value: bool = False

    @property
    def number(self) -> tuple[str, str]:
        return self.source, self.external_no


@dataclass(frozen=True, slots=True)
class OrderResult:
    """The answer for one row: created, unchanged, updated, or rejected with a code and why.

    `member_ids` are the members whose figures it changed: the buyer, and one corrected away.
    """

    index: int
    status: str
    order_id: int | None = None
    error_code: str = ""
    message: str = ""
    member_ids: tuple[int, ...] = ()


class BadRow(Exception):
    """Why this one row is left out: a code, and what its sentence names."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(slots=True)
class Prepared:
    """A checked row with the ids its codes stand for."""

    index: int
    row: OrderRow
    store_id: int
    guide_id: int | None
    product_ids: list[int]
    member_id: int | None = None
    survivor_id: int | None = None
    identity_id: int | None = None
    original_id: int | None = None
    serving_guide_id: int | None = None
    former_member_id: int | None = None
    content_hash: bytes = b""


def check_form(row: OrderRow, *, now: datetime) -> None:
    """Everything a row must be by itself. Raises BadRow."""
    if not row.source or not row.external_no:
        raise BadRow("no_number")
    if row.kind not in Order.Kind.values:
        raise BadRow("unknown_kind", kind=row.kind)
    if not row.lines:
        raise BadRow("no_lines")
    if len({line.line_no for line in row.lines}) != len(row.lines):
        raise BadRow("line_twice")
    _check_time(row, now)
    _check_signs(row)
    _check_sums(row)
    if row.kind == Order.Kind.RETURN:
        if not row.original_no:
            raise BadRow("no_original")
        if any(line.original_line_no is None for line in row.lines):
            raise BadRow("no_original_line")
    elif row.original_no:
        raise BadRow("sale_with_original")


def _check_time(row: OrderRow, now: datetime) -> None:
    if row.paid_at > now + FUTURE_SLACK:
        raise BadRow("paid_in_future")
    if row.paid_at < now - OLDEST:
        raise BadRow("paid_too_long_ago")


def _check_signs(row: OrderRow) -> None:
    sign = 1 if row.kind == Order.Kind.SALE else -1
    for line in row.lines:
        if line.quantity * sign <= 0 or line.net_fen * sign < 0:
            raise BadRow("wrong_sign", line=line.line_no)
        if abs(line.quantity) >= _QUANTITY_LIMIT or abs(line.net_fen) >= _FEN_LIMIT:
            raise BadRow("amount_too_large", line=line.line_no)


def _check_sums(row: OrderRow) -> None:
    total = sum(line.net_fen for line in row.lines)
    if total != row.net_fen:
        raise BadRow("lines_do_not_sum", header=row.net_fen, lines=total)
    discount = sum(line.discount_fen for line in row.lines)
    if row.discount_fen is not None and discount != row.discount_fen:
        raise BadRow("discounts_do_not_sum", header=row.discount_fen, lines=discount)
