"""Customers who went over in WeCom are put before their successor, who accepts them."""

import pytest

from apps.accounts.actor import SYSTEM
from apps.handovers.models import HandoverItem, Reassignment
from apps.handovers.services import giving
from apps.outreach.models import GuideNotice

pytestmark = pytest.mark.django_db


def test_who_came_over_in_wecom_is_to_be_accepted_by_the_successor_once(shop, after_a_day):
    friends = shop.befriend(shop.leaver, 3)
    shop.leave()
    shop.start()
    assert not Reassignment.objects.exists()

    after_a_day()

    rows = list(Reassignment.objects.order_by("pk"))
    assert {row.guide_id for row in rows} <= {one.pk for one in shop.others}
    assert sum(row.customers for row in rows) == len(friends)
    assert {(row.kind, row.from_guide, row.state) for row in rows} == {
        ("transferred", shop.leaver, "waiting")
    }
    assert HandoverItem.objects.filter(reassignment=None).count() == 0
    for row in rows:
        assert GuideNotice.objects.filter(guide=row.guide, source=str(row)).count() == 1


def test_the_same_news_again_adds_nobody(shop, after_a_day):
    shop.befriend(shop.leaver, 2)
    shop.leave()
    run = shop.start()
    moment = after_a_day()
    before = list(Reassignment.objects.order_by("pk").values_list("pk", "customers"))

    giving.note_transfers(run=run, items=list(run.items.all()), actor=SYSTEM, now=moment)

    assert list(Reassignment.objects.order_by("pk").values_list("pk", "customers")) == before
