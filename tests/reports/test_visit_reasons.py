"""到店原因: every noted visit counts once, with or without a reason, at the store of its day."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.members.models import Interaction
from apps.reports.visit_reasons import visit_reasons
from apps.stores.models import Region
from tests.guide_portal.conftest import open_shop
from tests.hq.conftest import signed_in as office_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock):
    return open_shop(fixed_clock)


def visit(shop, member, reason="", *, days=1):
    Interaction.objects.create(
        member=member,
        guide=shop.guide,
        kind=Interaction.Kind.VISIT,
        occurred_at=shop.now - timedelta(days=days),
        source=f"visit:{uuid4()}",
        reason=reason,
    )


def found(shop, **terms):
    got = visit_reasons(actor=SYSTEM, now=shop.now, **{"days": 7, **terms})
    return got.visits, got.told, [(row.name, row.visits) for row in got.rows]


def test_visits_with_and_without_a_reason_are_told_apart(shop):
    one, two, three = shop.members
    visit(shop, one, "gift")
    visit(shop, one, "gift", days=3)
    visit(shop, two, "price")
    visit(shop, three)
    visit(shop, three, "gift", days=40)  # long ago

    assert found(shop) == (4, 3, [("送礼", 2), ("觉得贵", 1)])
    assert found(shop, days=90)[0] == 5


def test_a_region_counts_the_visits_of_its_own_stores(shop, fixed_clock):
    visit(shop, shop.members[0], "gift", days=0.01)
    elsewhere = Region.objects.create(code="X9", name="别处")

    assert found(shop, region=shop.store.region)[0] == 1
    assert found(shop, region=elsewhere) == (0, 0, [])


def test_the_page_of_sources_shows_them_with_their_share(shop):
    visit(shop, shop.members[0], "gift")
    visit(shop, shop.members[1])

    page = office_client(Role.HQ_ADMIN).get(reverse("hq:sources")).content.decode()

    assert "为什么买或没买" in page
    assert "共记录到店 2 次，其中 1 次有原因" in page
