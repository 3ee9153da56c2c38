"""Reads about purchases. Figures are 订单口径: a return is booked back to its original order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Case, DateTimeField, Q, QuerySet, Value, When

from apps.core.compiled import Compiled, Place, among
from apps.core.prepared import read
from apps.orders.models import Order, OrderLine, Product

# Net of every sale that counts, its returns taken off whenever they happened. Staff, group-buy and
# stored-value orders are left out. Rooms above join this text; it holds no values.
NET_SALES = """
SELECT sale.id, sale.member_id, sale.store_id, sale.paid_at, sale.business_on, sale.recorded_at,
    sale.net_fen + coalesce((
        SELECT sum(back.net_fen) FROM orders_order AS back
        WHERE back.original_id = sale.id AND back.kind = 'return'
    ), 0)::bigint AS net_fen
FROM orders_order AS sale
WHERE sale.kind = 'sale' AND NOT sale.is_staff AND NOT sale.is_group_buy
    AND NOT sale.is_stored_value
"""


@dataclass(frozen=True, slots=True)
class LastPurchase:
    product: str
    colour: str
    size: str
    category: str
    paid_at: datetime
    store_name: str
    net_fen: int


@dataclass(frozen=True, slots=True)
class LineView:
    line_no: int
    product: str
    colour: str
    size: str
    sku: str
    quantity: Decimal
    net_fen: int
    is_gift: bool
    category: str = ""


@dataclass(frozen=True, slots=True)
class OrderView:
    order_id: int
    kind: str
    external_no: str
    original_no: str
    paid_at: datetime
    store_name: str
    guide_name: str
    net_fen: int
    lines: list[LineView] = field(default_factory=list)


# Of the line `bought` of the order `sale`: the pieces that did not come back. A return's time names
# the one month in which its lines lie; "OFFSET 0" keeps the planner from asking all of them.
KEPT = """bought.quantity + coalesce((
    SELECT sum(returned.quantity)
    FROM orders_order AS back
    CROSS JOIN LATERAL (
        SELECT quantity FROM orders_orderline
        WHERE order_id = back.id AND paid_at = back.paid_at AND original_line_no = bought.line_no
        OFFSET 0
    ) AS returned
    WHERE back.original_id = sale.id
), 0)"""

# The dearest thing of the latest order that was kept, even in part. Asked order by order: its time
# names the one month in which its lines lie, where a join would read the lines of the whole chain.
_LAST = f"""
SELECT asked.id, kept.*
FROM unnest(%s::bigint[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT product.name, product.colour, product.size, product.category, sale.paid_at,
        store.name AS store, line.net_fen
    FROM members_member AS person
    JOIN orders_order AS sale ON sale.member_id = person.id AND sale.kind = 'sale'
        AND NOT sale.is_staff AND NOT sale.is_group_buy AND NOT sale.is_stored_value
    JOIN stores_store AS store ON store.id = sale.store_id
    CROSS JOIN LATERAL (
        SELECT bought.product_id, bought.net_fen, bought.line_no
        FROM orders_orderline AS bought
        WHERE bought.order_id = sale.id AND bought.paid_at = sale.paid_at AND NOT bought.is_gift
            AND {KEPT} > 0
        ORDER BY bought.net_fen DESC, bought.line_no
        LIMIT 1
    ) AS line
    JOIN orders_product AS product ON product.id = line.product_id
    WHERE person.survivor_id = asked.id
    ORDER BY sale.paid_at DESC, line.net_fen DESC, line.line_no
    LIMIT 1
) AS kept
"""


# Without DATABASE_PLAN_ONCE PostgreSQL takes a plan of its own for fewer than ten ids for cheaper,
# and makes it anew each time: over all the months' tables that costs ten times the answer.
_NOBODY, _PLANNED_FOR = 0, 20


def last_purchases(*, member_ids: Sequence[int]) -> dict[int, LastPurchase]:
    """The last thing each survivor bought and kept, in one query; others are left out."""
    ids = list(set(member_ids))
    rows = read(_LAST, [ids + [_NOBODY] * (_PLANNED_FOR - len(ids))])
    return {row[0]: LastPurchase(*row[1:]) for row in rows}


_BY_MEMBER = f"""
SELECT person.survivor_id, sum(net.net_fen)::bigint
FROM members_member AS person
JOIN ({NET_SALES} AND sale.paid_at >= %s AND sale.paid_at < %s) AS net ON net.member_id = person.id
WHERE person.survivor_id IN ({{members}})
GROUP BY person.survivor_id
"""


def categories() -> list[str]:
    """The categories of the goods, to choose from."""
    found = Product.objects.order_by("category").values_list("category", flat=True)
    return list(found.distinct()[:200])


def net_sales_by_member(
    *, member_ids: Sequence[int] | tuple[str, list[Any]], start: datetime, end: datetime
) -> dict[int, int]:
    """Net sales in fen by survivor, of sales paid in [start, end); who bought nothing is left out.

    `member_ids` is a list, or a SELECT of survivor ids with its parameters.
    """
    if isinstance(member_ids, tuple) and member_ids and isinstance(member_ids[0], str):
        members, params = member_ids
    else:
        members, params = "SELECT unnest(%s::bigint[])", [list(member_ids)]
    with connection.cursor() as cursor:
        cursor.execute(_BY_MEMBER.format(members=members), [start, end, *params])
        return dict(cursor.fetchall())


# the moments name the partitions
_LINES = Compiled(
    lambda: (
        OrderLine.objects.filter(
            among("order_id", "orders"),
            paid_at__range=(Place("first", DateTimeField()), Place("last", DateTimeField())),
        )
        .select_related("product")
        .order_by("line_no")
    )
)


def _lines_of(orders: list[Order]) -> dict[int, list[LineView]]:
    """Lines in their order by order id, in one query."""
    lines: dict[int, list[LineView]] = {}
    if not orders:
        return lines
    moments = [order.paid_at for order in orders]
    found = _LINES.rows(
        orders=[order.pk for order in orders], first=min(moments), last=max(moments)
    )
    for line in found:
        product = line.product
        lines.setdefault(line.order_id, []).append(
            LineView(
                line_no=line.line_no,
                product=product.name if product else "",
                colour=product.colour if product else "",
                size=product.size if product else "",
                sku=product.sku if product else "",
                quantity=line.quantity,
                net_fen=line.net_fen,
                is_gift=line.is_gift,
                category=product.category if product else "",
            )
        )
    return lines


@cache
def _latest(limit: int) -> Compiled:
    return Compiled(
        lambda: (
            Order.objects.filter(among("member_id", "members"))
            .select_related("store", "selling_guide", "original")
            .order_by("-paid_at", "-pk")[:limit]
        )
    )


def orders_of(*, member_ids: Sequence[int], limit: int = 20) -> list[OrderView]:
    """The latest orders and returns of these member ids with their lines, in two queries."""
    orders = _latest(limit).rows(members=list(member_ids))
    lines = _lines_of(orders)
    return [
        OrderView(
            order_id=order.pk,
            kind=order.kind,
            external_no=order.external_no,
            original_no=order.original.external_no if order.original else "",
            paid_at=order.paid_at,
            store_name=order.store.name,
            guide_name=order.selling_guide.name if order.selling_guide else "",
            net_fen=order.net_fen,
            lines=lines.get(order.pk, []),
        )
        for order in orders
    ]


def buyers_of_receipt(*, number: str, limit: int = 5) -> list[int]:
    """Member ids behind a receipt's number, whichever till printed it; newest first."""
    orders = Order.objects.filter(external_no=number, member__isnull=False).order_by("-paid_at")
    return list(dict.fromkeys(orders.values_list("member_id", flat=True)[:limit]))


def one_of_each(
    products: QuerySet[Product], *, limit: int, sizes: Collection[str] = ()
) -> list[Product]:
    """One size of each style and colour, in these sizes before all others, the newest first.

    PostgreSQL chooses and cuts: a short word names half the chain's goods.
    """
    fits = Case(When(size__in=sizes, then=Value(0)), default=Value(1))
    each = products.annotate(fits=fits).order_by("style_no", "colour", "fits", "sku")
    chosen = each.distinct("style_no", "colour").values("pk")
    found = Product.objects.filter(pk__in=chosen).annotate(fits=fits)
    return list(found.order_by("fits", "-listed_at", "pk")[:limit])


def find_products(*, words: str, limit: int = 20) -> list[Product]:
    """Goods by name, kind, number or style, one size of each colour."""
    words = words.strip()
    if not words:
        return []
    told = Q(name__icontains=words) | Q(category__icontains=words)
    numbered = Q(sku__istartswith=words) | Q(style_no__istartswith=words)
    return one_of_each(Product.objects.filter(told | numbered), limit=limit)
