"""Points of the demo: what the till of the shown store told in a year; some end this week."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.loyalty.models import PointsEntry, PointsTerms
from apps.loyalty.services import PointsRow, record_points
from apps.members.models import ServingPeriod
from apps.orders.models import Order
from apps.stores.models import Store

_TILL = "pos"
_YEAR = timedelta(days=365)
_OLD, _ENDS_IN = 400, timedelta(days=4)
_EVERY = 5


def play(*, store: Store, now: datetime) -> int:
    """Returns how many entries were told."""
    PointsTerms.objects.create(welcome_points=100)
    sales = Order.objects.filter(
        store=store, kind=Order.Kind.SALE, member__isnull=False, net_fen__gte=100,
        paid_at__gt=now - _YEAR, paid_at__lte=now,
    )  # fmt: skip
    rows = [_of_sale(order) for order in sales.order_by("paid_at", "pk")]
    served = ServingPeriod.objects.current().filter(store=store, since__lte=now).order_by("pk")
    members = served.values_list("member_id", flat=True)
    rows += [_left_over(member_id, store, now) for member_id in members[::_EVERY]]
    record_points(rows=rows, now=now)
    return len(rows)


def _of_sale(order: Order) -> PointsRow:
    """One for each yuan, for a year."""
    assert order.member_id is not None
    return PointsRow(
        source=_TILL,
        external_no=f"{order.external_no}-P",
        member_id=order.member_id,
        kind=PointsEntry.Kind.EARNED,
        points=order.net_fen // 100,
        occurred_at=order.paid_at,
        expires_on=clock.business_day(order.paid_at) + _YEAR,
        store_id=order.store_id,
    )


def _left_over(member_id: int, store: Store, now: datetime) -> PointsRow:
    return PointsRow(
        source=_TILL,
        external_no=f"old-{member_id}",
        member_id=member_id,
        kind=PointsEntry.Kind.ADJUSTED,
        points=_OLD + member_id % 7 * 50,
        occurred_at=now - timedelta(days=300),
        expires_on=clock.business_day(now) + _ENDS_IN,
        store_id=store.pk,
    )
