"""差异 by region, on head office's reports page."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.reports.declared import declared_by_region
from apps.wecom_sync.models import GuideDay
from tests.factories.facts import make_guide, make_store
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.clear()
    yield
    cache.clear()


def make_day(store, now, *, declared, chats, ago=1, **fields):
    return GuideDay.objects.create(
        guide=make_guide(store),
        store=store,
        day=now.date() - timedelta(days=ago),
        declared=declared,
        chats=chats,
        **{"counted_at": now, **fields},
    )


def test_each_region_says_which_share_of_its_declared_contacts_has_no_chat(fixed_clock):
    east, west = make_store(region="east"), make_store(region="west")
    make_day(east, fixed_clock, declared=10, chats=2)
    make_day(east, fixed_clock, declared=10, chats=12)
    make_day(west, fixed_clock, declared=8, chats=2, looked_at=fixed_clock)
    make_day(west, fixed_clock, declared=9, chats=0, counted_at=None)  # WeCom has not said yet
    make_day(west, fixed_clock, declared=9, chats=0, ago=40)

    first, second = declared_by_region(actor=SYSTEM, now=fixed_clock)

    assert (first.region, first.missing_share, first.mismatched_share) == (
        west.region.name,
        6 / 8,
        1.0,
    )
    assert (first.mismatched, first.waiting) == (1, 0)
    assert (second.days, second.declared, second.missing) == (2, 20, 8)
    assert (second.mismatched, second.waiting, second.mismatched_share) == (1, 1, 0.5)


def test_the_reports_page_leads_to_the_guides_days_of_the_region(fixed_clock):
    store, other = make_store(region="east"), make_store(region="west")
    day = make_day(store, fixed_clock, declared=10, chats=2)
    make_day(other, fixed_clock, declared=10, chats=2)
    uncounted = make_day(store, fixed_clock, declared=10, chats=0)
    GuideDay.objects.filter(pk=uncounted.pk).update(counted_at=None)
    admin = signed_in("hq_admin")

    page = admin.get(reverse("hq:reports")).content.decode()
    address = reverse("admin:wecom_sync_guideday_changelist")
    query = {"mismatch": "waiting", "store__region__id__exact": store.region_id}
    rows = admin.get(address, query).context["cl"].result_list
    everything = admin.get(address).context["cl"].result_list

    assert uncounted not in everything
    assert f"{address}?mismatch=waiting&amp;store__region__id__exact={store.region_id}" in page
    assert [row.pk for row in rows] == [day.pk]


def test_the_page_asks_as_much_for_one_region_as_for_five(fixed_clock, django_assert_num_queries):
    with django_assert_num_queries(1):
        declared_by_region(actor=SYSTEM, now=fixed_clock)
    cache.clear()
    for number in range(5):
        make_day(make_store(region=f"r{number}"), fixed_clock, declared=4, chats=1)
    with django_assert_num_queries(1):
        assert len(declared_by_region(actor=SYSTEM, now=fixed_clock)) == 5
