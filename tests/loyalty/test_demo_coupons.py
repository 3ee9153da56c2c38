"""The demo's coupons are given and used by the house's own services."""

from datetime import timedelta

import pytest

from apps.hq.demo import coupons
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
    assert given == CouponIssue.objects.count() == 5
    assert CouponIssue.objects.filter(used_at__isnull=False).count() == 2
    assert set(Coupon.objects.values_list("issued", flat=True)) == {0, 1, 4}
    assert welcome_coupons(store_id=store.pk, now=fixed_clock).count() == 1
