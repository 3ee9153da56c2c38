"""未入会原因: each person counts once with the last answer, at the store where it was given."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.members.models import JoinRefusal, Member
from apps.reports.not_joined import not_joined
from apps.stores.models import Posting, Region
from tests.guide_portal.conftest import open_shop
from tests.hq.conftest import signed_in as office_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock):
    found = open_shop(fixed_clock)
    Member.objects.update(joined_at=None)
    return found


def answer(shop, member, reason, *, days=1):
    at = shop.now - timedelta(days=days)
    JoinRefusal.objects.create(
        member=member,
        guide=shop.guide,
        store=shop.store,
        reason=reason,
        client_id=uuid4(),
        at=at,
    )


def found(shop, **terms):
    rows = not_joined(actor=SYSTEM, now=shop.now, **{"days": 7, **terms})
    return [(one.name, one.people, one.joined) for one in rows]


def test_each_person_counts_once_with_the_last_answer(shop):
    one, two, three = shop.members
    answer(shop, one, "later", days=3)
    answer(shop, one, "number", days=1)
    answer(shop, two, "number")
    answer(shop, three, "hurry")
    answer(shop, three, "later", days=40)  # long ago
    Member.objects.filter(pk=two.pk).update(joined_at=shop.now)

    assert found(shop) == [("不想留手机号", 2, 1), ("现在没时间", 1, 0)]


def test_a_region_counts_its_own_stores(shop):
    answer(shop, shop.members[0], "later")
    elsewhere = Region.objects.create(code="X9", name="别处")
    assert found(shop, region=shop.store.region) == [("想再考虑", 1, 0)]
    assert found(shop, region=elsewhere) == []
    Posting.objects.filter(guide=shop.guide).delete()  # who moves leaves the answers behind
    assert found(shop, region=shop.store.region) == [("想再考虑", 1, 0)]


def test_the_page_of_sources_shows_the_answers(shop):
    answer(shop, shop.members[0], "messages")
    page = office_client(Role.HQ_ADMIN).get(reverse("hq:sources")).content.decode()
    assert "未入会原因" in page
    assert "怕消息太多" in page
