"""The demo's coupons are given and used by the house's own services."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.hq.demo import coupons
from apps.loyalty import services
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.selectors import welcome_coupons
from apps.members.models import Member, ServingPeriod
from apps.stores.models import Posting
from tests.factories.tasks import buy, make_team, members_of

pytestmark = pytest.mark.django_db


def test_some_are_used_and_some_wait(fixed_clock):
    team = make_team(fixed_clock, friends=5)
    members = members_of(team)
    store = Posting.objects.get(guide=team[0][0]).store
    Member.objects.update(joined_at=fixed_clock - timedelta(days=60))
    for member in members[:2]:
        buy(member, store, fixed_clock - timedelta(days=3))

    given = coupons.play(store=store, now=fixed_clock)

    assert ServingPeriod.objects.current().filter(store=store).count() == 5
    assert given == CouponIssue.objects.count() == 9
    assert CouponIssue.objects.filter(order__isnull=False).count() == 2
    assert set(Coupon.objects.values_list("issued", flat=True)) == {1, 2, 4}
    assert welcome_coupons(store_id=store.pk, now=fixed_clock).count() == 2
    (handed,) = CouponIssue.objects.filter(handed_by__isnull=False)
    joined = fixed_clock - timedelta(days=60)
    assert joined < handed.used_at < joined + timedelta(hours=1)
    welcomes = CouponIssue.objects.filter(cause__startswith="welcome:")
    assert set(welcomes.values_list("issued_at", flat=True)) == {joined}


def test_of_those_who_came_back_every_second_showed_the_coupon_of_the_push(fixed_clock):
    ((guide, members),) = make_team(fixed_clock, friends=5)
    store = Posting.objects.get(guide=guide).store
    sent = fixed_clock - timedelta(days=24)
    coupon = coupons.come_back(today=clock.business_day(fixed_clock))
    wanted = [services.Wanted(member.pk, f"target:{member.pk}") for member in members]
    services.issue_many(
        coupon_id=coupon.pk, wanted=wanted, batch="task_push:1", guide_id=guide.pk,
        store_id=store.pk, now=sent, actor=SYSTEM,
    )  # fmt: skip
    buy(members[0], store, sent - timedelta(days=1), fen=90_000)
    buy(members[1], store, sent + timedelta(days=2), fen=20_000)
    for place, member in enumerate(members[2:], 3):
        buy(member, store, sent + timedelta(days=place), fen=90_000)

    assert coupons.use_carried(now=fixed_clock) == 2
    used = CouponIssue.objects.filter(used_at__isnull=False, opened_at__isnull=False)
    assert set(used.values_list("member_id", flat=True)) == {members[2].pk, members[4].pk}
