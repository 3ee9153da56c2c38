"""加微率 moves by exactly one member when one customer scans, by store and by guide."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.members import services as members
from apps.profiles.services import refresh_profiles
from apps.reports.places import guide_board, store_board
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import buy
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db


def counted(shop):
    """(buyers, of them friends) of the store and of the guide, counted anew."""
    cache.clear()
    (store,) = store_board(stores=[shop.store], now=shop.now).rows
    guides = {row.guide_id: row for row in guide_board(store_id=shop.store.pk, now=shop.now)}
    return [
        (found.figures.buyers, found.figures.friends) for found in (store, guides[shop.guide.pk])
    ]


def test_one_scan_moves_the_rate_by_one(fixed_clock):
    shop = open_shop(fixed_clock)
    friends = make_friends(shop.guide, 3, since=shop.now - timedelta(days=60))
    for member, _external in friends:
        buy(member, shop.store, shop.now - timedelta(days=9), now=shop.now)
    refresh_profiles(member_ids=[member.pk for member, _external in friends], now=shop.now)
    customer, external = friends[0]
    members.end_follow(
        corp_id=CORP, guide_id=shop.guide.pk, external_userid=external,
        at=shop.now - timedelta(days=2), ended_by="customer",
    )  # fmt: skip
    assert counted(shop) == [(3, 2), (3, 2)]

    scanned = members.FollowRow(CORP, shop.guide.pk, customer.pk, external, shop.now)
    members.start_follows(rows=[scanned], now=shop.now)

    assert counted(shop) == [(3, 3), (3, 3)]
