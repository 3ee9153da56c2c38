"""The till's word: a coupon was used by an order, and is its owner's again when all came back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from apps.loyalty.judging import BELOW, NO_SALE, TAKEN, UNKNOWN, USED, clean_code, refusal_of
from apps.loyalty.models import CouponIssue
from apps.loyalty.services.telling import event_of
from apps.orders.models import Order
from apps.timeline import services as timeline
from apps.timeline.models import Kind

# sales of which returns have left nothing
_BACK = """
SELECT sale.id FROM orders_order AS sale
WHERE sale.id = ANY(%s) AND sale.kind = 'sale' AND sale.net_fen + (
    SELECT sum(back.net_fen) FROM orders_order AS back
    WHERE back.original_id = sale.id AND back.kind = 'return'
) <= 0
"""
_SALES = """
SELECT coalesce(original_id, id) FROM orders_order WHERE id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class CouponUse:
    """One code that an order names."""

    order_id: int
    code: str


@transaction.atomic
def redeem(*, uses: Iterable[CouponUse]) -> dict[CouponUse, str]:
    """Mark the coupons as used by their orders: USED (BELOW where the sale is too small), or why
    not, for each. Safe to repeat.

    What the shop says happened has happened: an order is never refused for a coupon.
    """
    wanted = list(dict.fromkeys(uses))
    if not wanted:
        return {}
    ids = [use.order_id for use in wanted]
    orders = Order.objects.select_related("member").in_bulk(ids)
    codes = {clean_code(use.code) for use in wanted}
    # held in one order: of two tills with the same code the second sees the first one's order
    rows = CouponIssue.objects.filter(code__in=codes).select_related("coupon", "member")
    held = rows.prefetch_related("coupon__stores").select_for_update(of=("self",)).order_by("pk")
    issues = {issue.code: issue for issue in held}
    returned = _returned(ids)
    answers, used, off = {}, [], _taken_off(wanted, issues)
    for use in wanted:
        issue, order = issues.get(clean_code(use.code)), orders[use.order_id]
        answer = UNKNOWN if issue is None else _judge(issue, order, off[order.pk])
        is_fresh = issue is not None and answer in (USED, BELOW) and issue.used_at is None
        if issue is not None and is_fresh and order.pk not in returned:
            issue.order, issue.used_at = order, order.paid_at
            used.append(issue)
        answers[use] = answer
    CouponIssue.objects.bulk_update(used, ["order", "used_at"])
    _tell(used, Kind.COUPON_USED)
    return answers


def _taken_off(wanted: Sequence[CouponUse], issues: dict[str, CouponIssue]) -> Counter[int]:
    """By order, what all the coupons that it names took off: none of it is in the net amount."""
    off: Counter[int] = Counter()
    for order_id, code in {(use.order_id, clean_code(use.code)) for use in wanted}:
        off[order_id] += issues[code].coupon.off_fen if code in issues else 0
    return off


def _judge(issue: CouponIssue, order: Order, off_fen: int) -> str:
    if order.kind != Order.Kind.SALE:
        return NO_SALE
    if issue.used_at is not None:
        return _used(issue, order, off_fen) if issue.order_id == order.pk else TAKEN
    survivor_id = None if order.member is None else order.member.survivor_id
    refused = refusal_of(issue, at=order.paid_at, store_id=order.store_id, survivor_id=survivor_id)
    return refused or _used(issue, order, off_fen)


def _used(issue: CouponIssue, order: Order, off_fen: int) -> str:
    """Used all the same: the sale has happened. What coupons took off is no longer in it."""
    return BELOW if order.net_fen + off_fen < issue.coupon.from_fen else USED


@transaction.atomic
def give_back(*, order_ids: Sequence[int], now: datetime) -> int:
    """Of these orders and returns: the coupon of a sale that came back as a whole can be used again
    until its time is over. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_SALES, [list(order_ids)])
        returned = _returned([row[0] for row in cursor.fetchall()])
    if not returned:
        return 0
    rows = CouponIssue.objects.filter(order_id__in=returned)
    held = list(rows.select_for_update(of=("self",)).order_by("pk"))
    _tell(held, Kind.COUPON_BACK, at=now)
    for issue in held:
        issue.order, issue.used_at = None, None
    CouponIssue.objects.bulk_update(held, ["order", "used_at"])
    return len(held)


def _returned(order_ids: Sequence[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_BACK, [list(order_ids)])
        return {row[0] for row in cursor.fetchall()}


def _tell(issues: Sequence[CouponIssue], kind: Kind, *, at: datetime | None = None) -> None:
    timeline.record_events(
        event_of(
            issue,
            kind,
            what=f"{kind}:{issue.order_id}",
            at=at or issue.used_at or issue.issued_at,
            order_id=issue.order_id,
        )
        for issue in issues
    )
