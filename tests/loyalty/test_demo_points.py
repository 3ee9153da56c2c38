"""The demo's points are told by the house's own service."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.hq.demo import points
from apps.loyalty.models import PointsEntry, PointsLot
from apps.stores.models import Posting
from tests.factories.tasks import buy, make_team, members_of


@pytest.mark.django_db
def test_sales_earn_points_and_some_end_this_week(fixed_clock):
    team = make_team(fixed_clock, friends=5)
    members = members_of(team)
    store = Posting.objects.get(guide=team[0][0]).store
    buy(members[1], store, fixed_clock - timedelta(days=3))

    told = points.play(store=store, now=fixed_clock)

    assert told == PointsEntry.objects.count() == 2
    soon = clock.business_day(fixed_clock) + timedelta(days=4)
    assert PointsLot.objects.filter(expires_on=soon).count() == 1
