"""Coupons of the demo: one that guides give, a gift, one that a push carries, and the welcome:
money off and a gift that the guide hands over.

Given and used through the services: what was bought lately used a coupon given two days before.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import QuerySet

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.loyalty import services
from apps.loyalty.models import Coupon, CouponIssue
from apps.members.models import ServingPeriod
from apps.orders.models import Order
from apps.stores.models import Store

_USED, _UNUSED, _JOINED = 4, 8, 2
_LATELY = timedelta(days=21)
_BEFORE = timedelta(days=2)
_SOON = timedelta(minutes=20)
_COME_BACK = "好久不见满 500 减 60"


@dataclass(frozen=True)
class _Given:
    member_id: int
    guide_id: int
    store_id: int
    at: datetime


def play(*, store: Store, now: datetime) -> int:
    """Returns how many were given."""
    back, gift = _coupons(now)
    issues = [_use(back, order) for order in _bought(store, now)]
    yesterday = now - timedelta(days=1)
    periods = (
        ServingPeriod.objects.current()
        .filter(store=store, member__joined_at__isnull=False, since__lt=yesterday)
        .exclude(member_id__in=[issue.member_id for issue in issues])
    )
    for number, period in enumerate(periods.order_by("pk")[:_UNUSED]):
        given = _Given(period.member_id, period.guide_id, store.pk, yesterday)
        issues.append(_give(gift if number % 2 else back, given))
    return len(issues) + _welcome(store, now)


def come_back(*, today: date) -> Coupon:
    """What the push to those who fell silent carries."""
    return Coupon.objects.create(
        name=_COME_BACK, off_fen=6_000, from_fen=50_000, stock=3_000, for_guides=False,
        ends_on=today + timedelta(days=12), terms="正价商品可用",
    )  # fmt: skip


def use_carried(*, now: datetime) -> int:
    """Every second of those who then bought for enough showed it at the till. Returns how many."""
    issues = {
        issue.member_id: issue
        for issue in CouponIssue.objects.filter(coupon__name=_COME_BACK).select_related("coupon")
    }
    first: dict[int, Order] = {}
    for order in _without_coupon(list(issues), now):
        issue = issues[order.member_id or 0]
        enough = issue.coupon.from_fen - issue.coupon.off_fen
        if order.paid_at > issue.issued_at and order.net_fen >= enough:
            first.setdefault(issue.member_id, order)
    uses = []
    for member_id, order in list(first.items())[::2]:
        services.note_opened(member_ids=[member_id], now=order.paid_at)
        uses.append(services.CouponUse(order.pk, issues[member_id].code))
    services.redeem(uses=uses)
    return len(uses)


def _without_coupon(member_ids: list[int], now: datetime) -> QuerySet[Order]:
    used = CouponIssue.objects.filter(order__isnull=False).values("order_id")
    sales = Order.objects.filter(kind=Order.Kind.SALE, member_id__in=member_ids, paid_at__lt=now)
    return sales.exclude(pk__in=used).order_by("paid_at", "pk")


def _welcome(store: Store, now: datetime) -> int:
    """The latest to join have what joining gives, from that moment on; one of them has the gift in
    their hands."""
    joined = ServingPeriod.objects.current().filter(store=store, member__joined_at__lte=now)
    latest = list(joined.select_related("member").order_by("-member__joined_at", "-pk")[:_JOINED])
    given = 0
    for period in latest:
        at = _joined_at(period)
        with clock.at(at):
            issues = services.give_welcome(
                member_id=period.member_id, store_id=store.pk, now=at, actor=SYSTEM
            )
        given += len(issues)
    if latest:
        gift = CouponIssue.objects.filter(member_id=latest[-1].member_id, coupon__by_hand=True)
        at = _joined_at(latest[-1]) + _SOON
        with clock.at(at):
            services.hand_over(
                issue_id=gift.get().pk,
                member_id=latest[-1].member_id,
                guide_id=latest[-1].guide_id,
                store_id=store.pk,
                now=at,
                actor=SYSTEM,
            )
    return given


def _joined_at(period: ServingPeriod) -> datetime:
    assert period.member.joined_at is not None
    return period.member.joined_at


def _coupons(now: datetime) -> tuple[Coupon, Coupon]:
    today = clock.business_day(now)
    Coupon.objects.create(
        name="新会员满 299 减 30", off_fen=3_000, from_fen=29_900, valid_days=30, stock=5_000,
        for_guides=False, for_welcome=True, terms="正价商品可用",
    )  # fmt: skip
    Coupon.objects.create(
        name="新会员擦鞋布", benefit=Coupon.Benefit.GIFT, gift="擦鞋布一块", by_hand=True,
        valid_days=90, stock=2_000, for_guides=False, for_welcome=True, terms="到店由导购交给你",
    )  # fmt: skip
    back = Coupon.objects.create(
        name="老客回店满 300 减 50", off_fen=5_000, from_fen=30_000, stock=500,
        ends_on=today + timedelta(days=5), terms="正价商品可用",
    )  # fmt: skip
    gift = Coupon.objects.create(
        name="鞋护理礼", benefit=Coupon.Benefit.GIFT, gift="鞋油一支", stock=200, valid_days=14
    )
    return back, gift


def _bought(store: Store, now: datetime) -> list[Order]:
    """The latest sales to members of the shown store, one of each member."""
    sales = Order.objects.filter(
        store=store,
        kind=Order.Kind.SALE,
        member__isnull=False,
        serving_guide__isnull=False,
        paid_at__gt=now - _LATELY,
        net_fen__gt=0,
    )
    first = {order.member_id: order for order in sales.order_by("paid_at")}
    return list(first.values())[-_USED:]


def _use(coupon: Coupon, order: Order) -> CouponIssue:
    assert order.member_id is not None
    assert order.serving_guide_id is not None
    given = _Given(order.member_id, order.serving_guide_id, order.store_id, order.paid_at - _BEFORE)
    issue = _give(coupon, given)
    services.note_opened(member_ids=[order.member_id], now=order.paid_at)
    services.redeem(uses=[services.CouponUse(order.pk, issue.code)])
    return issue


def _give(coupon: Coupon, given: _Given) -> CouponIssue:
    with clock.at(given.at):
        return services.issue_coupon(
            coupon_id=coupon.pk,
            member_id=given.member_id,
            cause=f"guide:{given.guide_id}:{given.member_id}:demo",
            guide_id=given.guide_id,
            store_id=given.store_id,
            now=given.at,
            actor=SYSTEM,
        )
