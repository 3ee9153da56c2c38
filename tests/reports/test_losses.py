"""流失: who deleted whom is kept apart, a transfer is no loss, and the manager is told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.handovers.models import HandoverItem, HandoverRun
from apps.members import services as members
from apps.reports.losses import losses
from tests.factories.outreach import CORP, make_friends
from tests.guide_portal.conftest import open_shop, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock):
    return open_shop(fixed_clock)


def end(guide, friends, by, at):
    for _member, external in friends:
        members.end_follow(
            corp_id=CORP, guide_id=guide.pk, external_userid=external, at=at, ended_by=by
        )


def test_customers_and_guides_deletions_are_counted_apart_and_transfers_not(shop):
    yesterday = shop.now - timedelta(days=1)
    friends = make_friends(shop.guide, 7, since=shop.now - timedelta(days=60))
    end(shop.guide, friends[:3], "customer", yesterday)
    end(shop.guide, friends[3:4], "guide", shop.now - timedelta(hours=1))
    end(shop.guide, friends[4:5], "transfer", yesterday)
    end(shop.guide, friends[5:6], "reconciled", yesterday)
    end(shop.guide, friends[6:], "customer", shop.now - timedelta(days=20))

    found = losses(actor=SYSTEM, now=shop.now, days=7)

    assert (found.total.by_customer, found.total.by_guide) == (3, 1)
    assert [(one.store, one.loss.total, one.guides) for one in found.stores] == [(shop.store, 4, 1)]
    by_day = {day: (loss.by_customer, loss.by_guide) for day, loss in found.days}
    assert len(by_day) == 7
    assert by_day[clock.business_day(yesterday)] == (3, 0)
    assert by_day[clock.business_day(shop.now)] == (0, 1)


def test_a_transfer_told_as_a_deletion_is_no_loss_while_its_result_is_waited_for(shop):
    [(member, external)] = make_friends(shop.guide, 1, since=shop.now - timedelta(days=60))
    run = HandoverRun.objects.create(
        corp_id=CORP, kind="on_job", guide=shop.guide, store=shop.store, to_store=shop.store,
        state="running", planned_by="test", planned_at=shop.now, started_at=shop.now,
    )  # fmt: skip
    HandoverItem.objects.create(
        run=run, guide=shop.guide, takeover=shop.colleague, member=member,
        external_userid=external, state="waiting", called_at=shop.now - timedelta(hours=25),
    )  # fmt: skip
    end(shop.guide, [(member, external)], "guide", shop.now - timedelta(hours=1))

    assert losses(actor=SYSTEM, now=shop.now, days=7).total.total == 0


def test_the_manager_is_told_of_a_guide_whom_many_deleted(shop):
    client = signed_in(shop.manager)
    friends = make_friends(shop.guide, 4, since=shop.now - timedelta(days=60))
    end(shop.guide, friends[:2], "customer", shop.now - timedelta(days=1))
    address = reverse("guide_portal:alerts")
    assert "近 7 天删除" not in client.get(address).content.decode()

    end(shop.guide, friends[2:3], "customer", shop.now - timedelta(days=1))
    page = client.get(address).content.decode()
    assert "3 位客户删除了" in page

    end(shop.guide, friends[3:], "guide", shop.now - timedelta(hours=1))
    assert "删除了 1 位客户" in client.get(address).content.decode()


def test_more_losses_ask_no_more(shop):
    counts = []
    for _more in range(2):
        friends = make_friends(shop.guide, 5, since=shop.now - timedelta(days=60))
        end(shop.guide, friends, "customer", shop.now - timedelta(days=1))
        friends = make_friends(shop.colleague, 5, since=shop.now - timedelta(days=60))
        end(shop.colleague, friends, "customer", shop.now - timedelta(days=1))
        with CaptureQueriesContext(connection) as queries:
            losses(actor=SYSTEM, now=shop.now, days=7)
        counts.append(len(queries))
    assert counts == [2, 2]
