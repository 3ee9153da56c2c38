"""WeCom's own list of leavers' customers beside our handovers, and leavers with friends alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.handovers import services
from apps.handovers.models import HandoverItem, UnassignedLeaver
from apps.handovers.selectors import (
    leavers_without_run,
    unassigned_differences,
    unassigned_total,
)
from apps.handovers.services import hold_against_ours
from apps.members.models import ServingPeriod
from apps.wecom.shapes import Unassigned
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import sync_kind


def look(corp, **fields):
    return sync_kind(corp=corp, kind=SyncRun.Kind.UNASSIGNED, now=clock.now(), **fields)


def figures(corp):
    row = UnassignedLeaver.objects.get(corp_id=corp.corp_id)
    return row.customers, row.done_here, row.on_way, row.unknown_here


def test_a_leavers_customers_are_counted_as_wecom_lists_them(shop, corp):
    shop.befriend(shop.leaver, 3)
    shop.leave()

    run = look(corp)

    assert (run.state, run.seen, run.drift) == ("done", 3, 0)
    assert figures(corp) == (3, 0, 0, 0)
    (leaver,) = leavers_without_run(actor=SYSTEM)
    assert (leaver.served, leaver.in_wecom) == (3, 3)


def test_who_goes_over_leaves_the_list_and_the_report(shop, corp, after_a_day):
    shop.befriend(shop.leaver, 2)
    shop.leave()
    look(corp)
    shop.start()
    after_a_day()

    look(corp)

    assert not UnassignedLeaver.objects.exists()
    assert unassigned_total(actor=SYSTEM).customers == 0


def test_who_is_done_here_and_nobodys_in_wecom_is_named(shop, corp, after_a_day):
    """Somebody gave the customer back to the leaver's account, or our report is wrong."""
    shop.befriend(shop.leaver, 2)
    shop.leave()
    shop.start()
    HandoverItem.objects.update(
        state="done", is_current=True, ended_at=clock.now() - timedelta(hours=2)
    )

    run = look(corp)

    assert (run.differing, run.healed) == (2, 0)
    assert HandoverItem.objects.exclude(unassigned_at=None).count() == 2
    (found,) = unassigned_differences(actor=SYSTEM)
    assert (found.row.done_here, found.run.guide_id) == (2, shop.leaver.pk)

    HandoverItem.objects.update(ended_at=clock.now())  # WeCom's list may lag for a while
    look(corp)
    assert not HandoverItem.objects.exclude(unassigned_at=None).exists()


def test_a_listed_customer_without_a_friendship_here_is_a_difference(shop, corp):
    shop.befriend(shop.leaver, 1)
    shop.leave()
    shop.simulator.post(
        "/sim/seed",
        customers=[
            {"external_userid": "wmOnlyThere01", "name": "微信用户",
             "follows": [{"userid": shop.leaver.wecom_userid, "createtime": 1767225600}]}
        ],
    )  # fmt: skip

    run = look(corp)

    assert run.missing_here == 1
    assert figures(corp) == (2, 0, 0, 1)


def test_a_dry_run_names_them_and_writes_nothing(shop, corp):
    shop.befriend(shop.leaver, 1)
    shop.leave()
    shop.start()
    HandoverItem.objects.update(state="done", ended_at=clock.now() - timedelta(hours=2))

    run = look(corp, dry=True)

    assert run.examples == [
        {"what": "unassigned_done", "userid": shop.leaver.wecom_userid,
         "name": shop.leaver.name, "number": 1}
    ]  # fmt: skip
    assert not UnassignedLeaver.objects.exists()
    assert not HandoverItem.objects.exclude(unassigned_at=None).exists()


def test_a_list_that_breaks_off_leaves_the_last_look_alone(shop, corp):
    shop.befriend(shop.leaver, 2)
    shop.leave()
    look(corp)
    path = "externalcontact/get_unassigned_list"
    shop.simulator.post("/sim/faults", path=path, errcode=48002, times=1)

    run = look(corp)

    assert run.state == "failed"
    assert figures(corp) == (2, 0, 0, 0)


def test_a_leaver_with_friends_alone_is_listed_and_can_be_planned(shop, corp):
    friends = shop.befriend(shop.leaver, 2, serving=False)
    served_by = ServingPeriod.objects.filter(guide=shop.leaver)
    assert not served_by.exists()
    shop.leave()

    (leaver,) = leavers_without_run(actor=SYSTEM)
    assert (leaver.served, leaver.friends, leaver.alone) == (0, 0, 2)
    assert leaver.store == shop.store

    run = services.plan_run(guide=shop.leaver, store=leaver.store, actor=SYSTEM, now=clock.now())
    assert run.items.count() == len(friends)
    assert leavers_without_run(actor=SYSTEM) == []


def test_a_friend_who_refused_is_not_listed_anew(shop, corp):
    shop.befriend(shop.leaver, 1, serving=False)
    shop.leave()
    shop.start()
    HandoverItem.objects.update(state="refused")
    shop.leaver.refresh_from_db()
    run = HandoverItem.objects.get().run
    type(run).objects.update(state="done", finished_at=clock.now())

    assert leavers_without_run(actor=SYSTEM) == []


@pytest.mark.parametrize("customers", [3, 300])
def test_the_list_is_held_against_ours_in_three_queries(shop, corp, customers):
    listed = [
        Unassigned(shop.leaver.wecom_userid, f"wmListed{n:06d}", None) for n in range(customers)
    ]

    with CaptureQueriesContext(
        connection,
    ) as asked:
        held = hold_against_ours(corp_id=corp.corp_id, listed=listed, now=clock.now())

    assert len(asked) == 3
    assert held.rows[0].customers == customers
