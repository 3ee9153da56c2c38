import uuid
from datetime import time, timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse
from psycopg.types.range import DateRange

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.stores.models import Posting, ScopeGrant
from apps.stores.services import user_of_guide
from apps.tagging.models import Tag, TagGroup
from tests.conftest import MOMENT
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, make_asset, seed
from tests.factories.tasks import hand_out, make_team, members_of, target_of
from tests.worlds import World


def signed_in(guide):
    """A browser in which this guide is signed in."""
    client = Client(HTTP_REFERER="http://testserver/g/")
    client.force_login(user_of_guide(guide=guide))
    client.guide = guide
    return client


def make_manager(store, now):
    guide = make_guide(None, corp=CORP)
    Posting.objects.create(
        guide=guide, store=store, role="store_manager", during=DateRange(now.date(), None)
    )
    return guide


def open_shop(now, *, friends=3, guides=2, **push):
    store = make_store()
    team = make_team(now, guides=guides, friends=friends, store=store)
    fields = {"asset": make_asset(), **push}
    handed = hand_out(members_of(team), now, **fields)
    (guide, members), *others = team
    return SimpleNamespace(
        now=now,
        store=store,
        team=team,
        guide=guide,
        members=members,
        colleague=others[0][0] if others else None,
        others_members=others[0][1] if others else [],
        manager=make_manager(store, now),
        push=handed,
        targets=[target_of(handed, member) for member in members],
        foreign=[target_of(handed, member) for member in (others[0][1] if others else [])],
    )


def _shop():
    with clock.at(MOMENT):
        return open_shop(MOMENT)


@pytest.fixture(scope="session")
def shop_world():
    return World(_shop)


@pytest.fixture
def shop(shop_world, db, fixed_clock):
    """A store, two guides with three friends each, a manager, and a push handed out an hour ago."""
    return shop_world.begin()


@pytest.fixture
def phone(shop):
    return signed_in(shop.guide)


@pytest.fixture
def managers_phone(shop):
    return signed_in(shop.manager)


@pytest.fixture
def tag(db):
    group = TagGroup.objects.create(name="偏好")
    return Tag.objects.create(group=group, name="通勤")


@pytest.fixture
def act():
    """POST fields of a form as a page makes it: with a client id of its own."""

    def fields(**more):
        return {"client_id": str(uuid.uuid4()), **more}

    return fields


@pytest.fixture
def lead(shop):
    """The regional manager of the shop."""
    user = User.objects.create(username="region", role=Role.REGION_MANAGER, last_name="沈")
    ScopeGrant.objects.create(user=user, region=shop.store.region)
    return user


@pytest.fixture
def board(lead):
    """Their phone."""
    client = Client(HTTP_REFERER="http://testserver/g/region/")
    client.force_login(lead)
    return client


# --- in a real browser ---------------------------------------------------------------------------


@pytest.fixture
def browser_context_args(browser_context_args):
    return {
        **browser_context_args,
        "viewport": {"width": 360, "height": 712},
        "locale": "zh-CN",
        "permissions": ["clipboard-read", "clipboard-write"],
    }


@pytest.fixture
def street(transactional_db, live_server, simulator, settings):
    """A shop whose guide holds a simulated phone; the pages and the simulator know each other."""
    # the same site as the simulator's, as trusted domains and cookies want it
    url = live_server.url.replace("localhost", "127.0.0.1")
    settings.PUBLIC_BASE_URL = url
    settings.FRAME_ANCESTORS = [simulator.url]
    simulator.post("/sim/corp", sidebar_url=url + reverse("guide_portal:sidebar"))
    shop = open_shop(
        clock.now() - timedelta(hours=1), contact_from=time(0, 0), contact_until=time(0, 0)
    )
    seed(simulator, shop.guide, [target.external_userid for target in shop.targets])
    shop.url, shop.simulator = url, simulator
    return shop


@pytest.fixture
def screen(page, street):
    """The guide's phone; a test fails on any console error or report of the content policy."""
    complaints = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.goto("about:blank")  # a page that asks again would hold the database
    assert complaints == []


def open_page(screen, street, path):
    """A tap on a card in the guide's WeCom: lands on the page, signed in."""
    who, url = quote(f"guide:{street.guide.wecom_userid}"), quote(street.url + path, safe="")
    screen.goto(f"{street.simulator.url}/open?as={who}&url={url}")
