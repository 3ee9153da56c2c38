"""The till's word: a coupon was used by an order, and is its owner's again when all came back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from apps.loyalty.models import CouponIssue
from apps.orders.models import Order
from apps.timeline import services as timeline
from apps.timeline.models import Kind

# what became of one code of one order
USED = "used"
UNKNOWN, TAKEN, FOREIGN = "unknown_coupon", "coupon_used", "foreign_coupon"
EARLY, LATE, ELSEWHERE = "coupon_not_yet", "coupon_expired", "coupon_other_store"
NO_SALE = "coupon_without_sale"

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


def clean_code(code: str) -> str:
    """As it is kept: people type the gaps they see."""
    return "".join(code.split())


@transaction.atomic
def redeem(*, uses: Iterable[CouponUse]) -> dict[CouponUse, str]:
    """Mark the coupons as used by their orders: USED, or why not, for each. Safe to repeat.

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
    answers, used = {}, []
    for use in wanted:
        issue, order = issues.get(clean_code(use.code)), orders[use.order_id]
        answer = UNKNOWN if issue is None else _judge(issue, order)
        is_fresh = issue is not None and answer == USED and issue.order_id is None
        if issue is not None and is_fresh and order.pk not in returned:
            issue.order, issue.used_at = order, order.paid_at
            used.append(issue)
        answers[use] = answer
    CouponIssue.objects.bulk_update(used, ["order", "used_at"])
    _tell(used, Kind.COUPON_USED)
    return answers


def _judge(issue: CouponIssue, order: Order) -> str:
    if order.kind != Order.Kind.SALE:
        return NO_SALE
    if issue.order_id is not None:
        return USED if issue.order_id == order.pk else TAKEN
    # who shows the code without being named is taken for its owner: nobody can guess it
    if order.member is not None and order.member.survivor_id != issue.member.survivor_id:
        return FOREIGN
    if order.paid_at < issue.starts_at:
        return EARLY
    if order.paid_at >= issue.expires_at:
        return LATE
    stores = {store.pk for store in issue.coupon.stores.all()}
    return ELSEWHERE if stores and order.store_id not in stores else USED


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
        timeline.NewEvent(
            member_id=issue.member_id,
            kind=kind,
            source=issue.source,
            key=f"{issue.source}:{kind}:{issue.order_id}",
            occurred_at=at or issue.used_at or issue.issued_at,
            payload={
                "coupon_id": issue.coupon_id,
                "guide_id": issue.guide_id,
                "order_id": issue.order_id,
            },
        )
        for issue in issues
    )
