import uuid
from types import SimpleNamespace

import pytest
from django.test import Client
from psycopg.types.range import DateRange

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.stores.models import Posting, ScopeGrant
from apps.stores.services import user_of_guide
from apps.tagging.models import Tag, TagGroup
from tests.conftest import MOMENT
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, make_asset
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
