"""找门店 in a browser: with a place the nearest stands first, without one the list stays usable."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.contact_codes.models import ChannelCode
from apps.stores.models import Store
from tests.contact_codes.conftest import made
from tests.factories import outreach as make
from tests.factories.facts import make_guide, make_store

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PLACES = {"上海": (31.23, 121.47), "北京": (39.90, 116.40)}


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 360, "height": 640}, "locale": "zh-CN"}


@pytest.fixture
def address(transactional_db, live_server):
    """The page of a signpost to one store in each city."""
    make.connect_corp()
    for city, (latitude, longitude) in PLACES.items():
        store = make_store()
        make_guide(store, corp=make.CORP)
        Store.objects.filter(pk=store.pk).update(city=city, latitude=latitude, longitude=longitude)
        ChannelCode.objects.filter(pk=made(store).pk).update(address="http://sim/qr/1/")
    return live_server.url + reverse(
        "contact_codes:scan", args=[made(kind="nearest", title="找门店").slug]
    )


def cities(page):
    return [one.split()[0] for one in page.locator("details summary").all_inner_texts()]


def test_with_a_place_the_nearest_city_stands_first_and_open(address, page, context):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"latitude": 31.0, "longitude": 121.4})
    page.goto(address)
    before = len(asked)

    page.locator("[data-near]").click()

    expect(page.locator("[data-near-said]")).to_contain_text("最近的")
    assert cities(page) == ["上海", "北京"]
    expect(page.locator("details[open] [data-far]")).to_contain_text("26.4 km")
    assert len(asked) == before  # the place was told to nobody


def test_without_a_place_the_cities_can_be_chosen(address, page):
    page.goto(address)
    order = cities(page)

    page.locator("[data-near]").click()

    expect(page.locator("[data-near-said]")).to_contain_text("城市")
    assert cities(page) == order
    page.locator("summary", has_text="北京").click()
    expect(page.locator("details[open] a")).to_be_visible()
