"""The demo's start page: doors, and a tour whose links open the right phone on the right page."""

import re
from datetime import date
from urllib.parse import parse_qs, urlparse

import pytest
from django.urls import reverse
from psycopg.types.range import DateRange

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.stores.models import Posting
from apps.stores.services import connect_region_manager
from tests.factories.facts import make_guide, make_store

LINK = re.compile(r'href="([^"]*/open\?[^"]+)"')


@pytest.fixture
def demo(settings):
    settings.DEMO = True


def opened(page):
    """Who opens which page, link by link."""
    links = [urlparse(link.replace("&amp;", "&")).query for link in LINK.findall(page)]
    words = [parse_qs(query) for query in links]
    found = {}
    for word in words:
        sign_in = urlparse(word["url"][0])
        # by way of the sign-in: the browser may still be somebody else
        assert sign_in.path == reverse("guide_portal:sign_in")
        found[parse_qs(sign_in.query)["next"][0]] = word["as"][0]
    return found


def test_the_tour_follows_one_store_with_its_manager(db, client, demo):
    store = make_store()
    guide = make_guide(store)
    manager = make_guide()
    Posting.objects.create(
        guide=manager,
        store=store,
        role=Posting.PostingRole.STORE_MANAGER,
        during=DateRange(date(2020, 1, 1), None),
    )

    page = client.get("/").content.decode()

    assert 5 <= page.count('class="see"') <= 10
    assert opened(page) == {
        reverse("guide_portal:today"): f"guide:{guide.wecom_userid}",
        reverse("guide_portal:enrol"): f"guide:{guide.wecom_userid}",
        reverse("guide_portal:morning"): f"guide:{manager.wecom_userid}",
        reverse("guide_portal:team"): f"guide:{manager.wecom_userid}",
        reverse("guide_portal:duty"): f"guide:{manager.wecom_userid}",
        reverse("guide_portal:approvals"): f"guide:{manager.wecom_userid}",
    }
    assert "/m/join/" in page


def test_the_regional_managers_phone_opens_the_board(db, client, demo):
    make_guide(make_store())
    user = User.objects.create(username="region", role=Role.REGION_MANAGER, last_name="沈")
    connect_region_manager(user=user, corp_id="wwtest", wecom_userid="hd_lead")

    found = opened(client.get("/").content.decode())

    assert found[reverse("guide_portal:region")] == "guide:hd_lead"
    assert found[reverse("guide_portal:region_pushes")] == "guide:hd_lead"


def test_a_chain_without_people_has_a_tour_without_phones(db, client, demo):
    page = client.get("/")

    assert page.status_code == 200
    assert opened(page.content.decode()) == {}


def test_elsewhere_the_address_is_the_way_to_head_office(db, client):
    assert client.get("/").url == reverse("admin:index")
