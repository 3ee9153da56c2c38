"""找导购: who is at work today, in stores that are open and live; nobody else, and no numbers."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.contact_codes.models import ChannelCode
from apps.core import clock
from apps.member_portal import limits
from apps.member_portal.finding import find
from apps.stores.models import DayOff, Guide, Posting, Store, StoreDay
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(fixed_clock):
    cache.clear()
    store = make_store()
    Store.objects.filter(pk=store.pk).update(name="静安寺店", city="上海")
    return Store.objects.get(pk=store.pk)


def guide_named(name, store):
    guide = make_guide(store, corp=CORP)
    Guide.objects.filter(pk=guide.pk).update(name=name)
    return guide


def code_of(**place):
    kind = "guide" if "guide" in place else "store"
    return ChannelCode.objects.create(
        corp_id=CORP, title="码", channel="门店", kind=kind, client_id=uuid4(),
        address="http://sim/qr/1/", **place,
    )  # fmt: skip


def names(words):
    return [one.name for one in find(words=words, now=clock.now()).guides]


def test_a_guide_is_found_by_name_and_their_own_code_leads_to_them(place):
    guide = guide_named("陈静怡", place)
    guide_named("王芳", place)
    to_store = code_of(store=place)
    [found] = find(words="静怡", now=clock.now()).guides
    assert (found.name, found.store, found.slug) == ("陈静怡", "静安寺店", to_store.slug)

    own = code_of(guide=guide)

    assert find(words="陈静怡", now=clock.now()).guides[0].slug == own.slug


def test_a_store_is_found_by_name_or_city_with_how_many_are_there(place):
    for name in ("陈静", "王芳"):
        guide_named(name, place)
    for words in ("静安", "上海"):
        [store] = find(words=words, now=clock.now()).stores
        assert (store.name, store.at_work) == ("静安寺店", 2)


def test_who_is_off_or_gone_is_not_found(place):
    today = clock.business_day(clock.now())
    off, gone, here = (guide_named(f"陈静{n}", place) for n in "甲乙丙")
    DayOff.objects.create(guide=off, day=today)
    Guide.objects.filter(pk=gone.pk).update(status=Guide.Status.LEFT, left_at=clock.now())
    assert names("陈静") == ["陈静丙"]
    assert find(words="静安", now=clock.now()).stores[0].at_work == 1
    assert here.pk


@pytest.mark.parametrize("why", ["closed for good", "closed today", "not live"])
def test_a_store_that_receives_nobody_is_not_found(place, why):
    guide_named("陈静", place)
    today = clock.business_day(clock.now())
    stores = Store.objects.filter(pk=place.pk)
    if why == "closed for good":
        stores.update(closed_on=today - timedelta(days=1))
    elif why == "closed today":
        StoreDay.objects.create(store=place, day=today)
    else:
        stores.update(live_since=None)
    found = find(words="静安", now=clock.now())
    assert (found.stores, names("陈静")) == ([], [])


def test_the_page_asks_for_two_signs_and_has_an_end(place, monkeypatch):
    guide_named("陈静", place)
    address, browser = reverse("member_portal:find"), Client()
    assert "找导购" in browser.get(address).content.decode()
    assert browser.post(address, {"words": "陈"}).status_code == 400
    assert "陈静" in browser.post(address, {"words": "陈静"}).content.decode()
    assert "没有找到" in browser.post(address, {"words": "没有人"}).content.decode()

    monkeypatch.setattr(limits, "FINDS_OF_BROWSER", limits.Limit(2, limits.HOUR))
    refused = browser.post(address, {"words": "陈静"}, follow=True).content.decode()
    assert "陈静" not in refused
    assert "请稍后再试" in refused
    # somebody else in the same shop
    assert "陈静" in Client().post(address, {"words": "陈静"}).content.decode()

    monkeypatch.setattr(limits, "FINDS_OF_ADDRESS", limits.Limit(3, limits.HOUR))
    assert "陈静" not in Client().post(address, {"words": "陈静"}, follow=True).content.decode()


def test_too_many_signs_are_told_as_such(place):
    answer = Client().post(reverse("member_portal:find"), {"words": "陈" * 21})
    assert answer.status_code == 400
    assert "名字太长" in answer.content.decode()
    assert f'value="{"陈" * 21}"' in answer.content.decode()
    assert "至少" not in answer.content.decode()


def test_a_store_counts_its_staff_and_nobody_there_has_words(place):
    address = reverse("member_portal:find")
    assert "今天没有店员在店" in Client().post(address, {"words": "静安"}).content.decode()

    manager = make_guide(place, corp=CORP)
    Posting.objects.filter(guide=manager).update(role="store_manager")

    assert "今天有 1 位店员在店" in Client().post(address, {"words": "静安"}).content.decode()


def test_many_are_found_in_as_many_questions_as_few(place):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            find(words="陈静", now=clock.now())
            find(words="上海", now=clock.now())
        return len(queries)

    guide_named("陈静", place)
    few = asked()
    for n in range(30):
        store = make_store()
        Store.objects.filter(pk=store.pk).update(city="上海")
        guide_named(f"陈静{n}", store)
    assert asked() == few
    found = find(words="陈静", now=clock.now())
    assert (len(found.guides), found.more) == (20, True)
