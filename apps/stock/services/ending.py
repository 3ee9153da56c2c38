"""How a request ends without a no: taken back, bought at the till, forgotten, out of time."""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from apps.accounts.actor import SYSTEM, Actor
from apps.orders.selectors import KEPT
from apps.stock.errors import RequestMoved, StockReasonMissing
from apps.stock.models import NEXT, Kind, Reason, State, StockRequest
from apps.stock.services import news
from apps.stock.services.steps import held, lock_levels, move

WITHDRAWALS = (Reason.NO_NEED, Reason.ELSEWHERE, Reason.MISTAKE)
BY_TILL = "till"
# one run ends so many, each in a transaction of its own
LIMIT = 500

# What one piece of this sale was worth: of a line of several its part, of what came back nothing.
# Each order's lines lie in the month of its time.
_PIECE = f"""LATERAL (
    SELECT round(
        bought.net_fen * least(greatest({KEPT}, 0), 1) / bought.quantity
    )::bigint AS net_fen
    FROM orders_orderline AS bought
    WHERE bought.order_id = sale.id AND bought.paid_at = sale.paid_at
        AND bought.product_id = asked.product_id AND NOT bought.is_gift AND bought.quantity > 0
    ORDER BY 1 DESC LIMIT 1
) AS piece"""
# The lines of these sales beside what was asked for the same person, whichever of their numbers it
# was asked for. `is_it`: the sale can be that piece's; what lies aside in one store was not sold in
# another, what was sent off was given for wherever TA pays. A lapsed one counts as bought where the
# order was paid before it lapsed: tills tell late.
_BOUGHT = f"""
SELECT DISTINCT ON (asked.id) asked.id, sale.id, piece.net_fen,
    CASE WHEN asked.kind = 'hold' THEN sale.store_id = asked.giving_store_id
        ELSE asked.sent_at IS NOT NULL OR sale.store_id = asked.asking_store_id END AS is_it
FROM orders_order AS sale
JOIN members_member AS buyer ON buyer.id = sale.member_id
JOIN members_member AS known ON known.survivor_id = buyer.survivor_id
JOIN stock_stockrequest AS asked ON asked.member_id = known.id
    AND asked.asked_at <= sale.paid_at
    AND (asked.state IN ('asked', 'agreed', 'held', 'sent', 'arrived')
         OR (asked.state = 'lapsed' AND asked.held_at IS NOT NULL
             AND asked.ended_at >= sale.paid_at))
CROSS JOIN {_PIECE}
WHERE sale.id = ANY(%s) AND sale.kind = 'sale'
ORDER BY asked.id, is_it DESC, sale.paid_at
"""
# What these orders, or the sales they come back from, were the end of.
_SOLD_WITH = """
SELECT asked.id FROM orders_order AS told
JOIN stock_stockrequest AS asked ON asked.order_id = coalesce(told.original_id, told.id)
WHERE told.id = ANY(%s)
ORDER BY asked.id FOR UPDATE OF asked
"""
# A correction may have taken the piece off the receipt, or the receipt from the person.
_RECOUNT = f"""
UPDATE stock_stockrequest AS stored SET net_fen = coalesce((
    SELECT piece.net_fen
    FROM stock_stockrequest AS asked
    JOIN orders_order AS sale ON sale.id = asked.order_id
    JOIN members_member AS known ON known.id = asked.member_id
    JOIN members_member AS buyer ON buyer.id = sale.member_id
        AND buyer.survivor_id = known.survivor_id
    CROSS JOIN {_PIECE}
    WHERE asked.id = stored.id
), 0)
WHERE stored.id = ANY(%s)
"""


@transaction.atomic
def withdraw(*, request_id: int, reason: str, actor: Actor, now: datetime) -> StockRequest:
    """The store that asked does not need it any more; what is on its way comes first. Safe to
    repeat. Raises StockReasonMissing, RequestOfOthers, RequestMoved.
    """
    if reason not in WITHDRAWALS:
        raise StockReasonMissing
    row = held(request_id, StockRequest.objects.to_take_back(actor))
    if row.state == State.WITHDRAWN:
        return row
    if row.state == State.SENT:
        raise RequestMoved
    return _take_back(row, reason, actor.label, now)


def _take_back(row: StockRequest, reason: str, actor: str, now: datetime) -> StockRequest:
    move(row, State.WITHDRAWN, reason=reason, actor=actor, now=now)
    news.taken_back(row, now=now)
    return row


@transaction.atomic
def close_with_orders(*, order_ids: Collection[int], now: datetime) -> int:
    """What these sales brought to its end; call it in the transaction that wrote them. Whoever
    bought before the store had said yes, or in another store than the piece lies in, needs no piece
    kept. What was bought is worth what these orders leave of it. Returns how many ended; safe to
    repeat."""
    if not order_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_BOUGHT, [sorted(order_ids)])
        found = cursor.fetchall()
    if found:
        lock_levels([row[0] for row in found])
    ended = sum(_bought(*one, now=now) for one in sorted(found))
    _recount(order_ids)
    return ended


def _bought(request_id: int, order_id: int, net_fen: int, is_it: bool, *, now: datetime) -> bool:
    row = held(request_id)
    if row.is_open and (not is_it or row.state in (State.ASKED, State.AGREED)):
        _take_back(row, Reason.BOUGHT, BY_TILL, now)
    elif not is_it or State.SOLD not in NEXT[row.state]:
        return False
    else:
        move(row, State.SOLD, actor=BY_TILL, now=now, order_id=order_id, net_fen=net_fen)
        news.bought(row, now=now)
    return True


def _recount(order_ids: Collection[int]) -> None:
    """Held first and counted after it: of two returns told at once the later sees the earlier."""
    with connection.cursor() as cursor:
        cursor.execute(_SOLD_WITH, [sorted(order_ids)])
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            cursor.execute(_RECOUNT, [ids])


def lapse_due(*, now: datetime) -> int:
    """End what nobody answered, fetched, sent or received in time, and tell both sides; returns how
    many. Safe to repeat."""
    due = StockRequest.objects.open().filter(due_at__lte=now).order_by("due_at", "pk")
    return sum(_lapse(pk, now) for pk in due.values_list("pk", flat=True)[:LIMIT])


@transaction.atomic
def _lapse(request_id: int, now: datetime) -> bool:
    row = held(request_id)
    if not row.is_open or row.due_at is None or row.due_at > now:
        return False
    before = row.state
    move(row, State.LAPSED, reason=_late(row), actor=SYSTEM.label, now=now)
    news.lapsed(row, before=before, now=now)
    return True


def _late(row: StockRequest) -> str:
    if row.state == State.SENT:
        return Reason.NOT_ARRIVED
    if row.state == State.HELD and row.kind == Kind.SEND:
        return Reason.NOT_SENT
    return Reason.NOT_FETCHED if row.state in (State.HELD, State.ARRIVED) else Reason.NO_ANSWER


@transaction.atomic
def forget_members(*, member_ids: Collection[int], now: datetime) -> int:
    """A person asked to be deleted: what was kept for them goes back on the shelf. Returns how
    many rows there were."""
    rows = StockRequest.objects.of_members(member_ids)
    waiting = list(rows.open().order_by("pk").values_list("pk", flat=True))
    lock_levels(waiting)
    for pk in waiting:
        row = held(pk)
        if row.is_open:
            _take_back(row, Reason.ERASED, SYSTEM.label, now)
    return rows.count()
