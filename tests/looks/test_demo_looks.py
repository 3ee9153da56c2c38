"""The demo's looks are put together, taken over, sent and opened by the house's own services."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.hq.demo import looks
from apps.hq.demo.catalogue import load_products
from apps.hq.demo.phones import Phones
from apps.looks.models import Look
from apps.looks.selectors import results_of
from apps.profiles.services import refresh_profiles
from tests.factories import outreach as make
from tests.factories.facts import make_guide, make_store
from tests.factories.tasks import buy

pytestmark = pytest.mark.django_db


def test_looks_are_sent_confirmed_and_opened_on_a_day_of_the_past(simulator):
    today = clock.today()
    when = clock.day_start(looks.day(today))
    make.connect_corp()
    store = make_store()
    guides = [make_guide(store, corp=make.CORP) for _place in range(4)]
    load_products(listed_at=when - timedelta(days=300))
    long_ago = when - timedelta(days=30)
    with clock.at(long_ago):
        friends = {
            guide.pk: make.make_friends(guide, 2, simulator=simulator, since=long_ago)
            for guide in guides[1:3]
        }
        members = [member for found in friends.values() for member, _external in found]
        for member in members:
            buy(member, store, long_ago)
        refresh_profiles(member_ids=[member.pk for member in members], now=long_ago)

    assert looks.play(guides, phones=Phones(simulator.url), today=today) == 4
    simulator.post("/sim/clock", reset=True)

    found = Look.objects.order_by("pk")
    assert [look.copied_from_id for look in found] == [None, None, None, found[2].pk]
    assert all(clock.business_day(look.created_at) == looks.day(today) for look in found)
    results = results_of(look_ids=[look.pk for look in found])
    sent = [results[look.pk] for look in found[:2]]
    assert len(results) == 2
    assert [(one.asked, one.delivered) for one in sent] == [(2, 2), (2, 1)]
    assert 0 < sum(one.opened for one in sent) <= 3
