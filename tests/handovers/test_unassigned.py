"""WeCom's own list of leavers' customers beside our handovers, and leavers with friends alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import User
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
from apps.stores.models import Guide, ScopeGrant
from apps.wecom.shapes import Unassigned
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import sync_kind


def look(corp, *, after=timedelta(0), **fields):
    now = clock.now() + after
    return sync_kind(corp=corp, kind=SyncRun.Kind.UNASSIGNED, now=now, **fields)


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
    HandoverItem.objects.update(state="done", is_current=True, ended_at=clock.now())

    run = look(corp, after=timedelta(hours=2))

    assert (run.differing, run.healed) == (2, 0)
    assert HandoverItem.objects.exclude(unassigned_at=None).count() == 2
    (found,) = unassigned_differences(actor=SYSTEM)
    assert (found.row.done_here, found.run.guide_id) == (2, shop.leaver.pk)

    look(corp, after=timedelta(minutes=5))  # WeCom's list may lag for a while
    assert not HandoverItem.objects.exclude(unassigned_at=None).exists()


def test_a_handover_of_an_earlier_time_says_nothing_about_who_is_listed_now(shop, corp):
    """Handed over while the guide was here, TA's friend again since, and now left behind."""
    shop.befriend(shop.leaver, 2)
    shop.leave()
    shop.start()
    HandoverItem.objects.update(
        state="done", is_current=True, ended_at=clock.now() - timedelta(days=40)
    )

    run = look(corp)

    assert run.drift == 0
    assert figures(corp) == (2, 0, 0, 0)
    assert unassigned_differences(actor=SYSTEM) == []


def test_accounts_that_were_never_a_guide_are_one_number(shop, corp, admin_client):
    shop.simulator.post(
        "/sim/seed",
        users=[{"userid": "office_lady", "name": "前台", "department": [1]}],
        customers=[
            {"external_userid": "wmOffice01", "name": "访客",
             "follows": [{"userid": "office_lady", "createtime": 1767225600}]}
        ],
    )  # fmt: skip
    shop.simulator.post("/sim/users/leave", userid="office_lady")

    look(corp)

    assert unassigned_differences(actor=SYSTEM) == []
    total = unassigned_total(actor=SYSTEM)
    assert (total.strangers, total.strangers_customers) == (1, 1)
    said = admin_client.get(reverse("hq:handovers")).content.decode()
    assert "其中 1 个账号从未在这里做过导购，名下有 1 位客户" in said


def test_the_way_to_the_comparison_is_shown_to_who_may_go_it(shop, corp, client, admin_client):
    UnassignedLeaver.objects.create(
        corp_id=corp.corp_id, userid=shop.leaver.wecom_userid, guide=shop.leaver, customers=1,
        done_here=0, on_way=0, unknown_here=1, left_at=clock.now(), read_at=clock.now(),
    )  # fmt: skip
    region = User.objects.create(username="region", role=Role.REGION_MANAGER)
    ScopeGrant.objects.create(user=region, region=shop.store.region)
    client.force_login(region)
    page, link = reverse("hq:handovers"), f'class="hq-link" href="{reverse("hq:sync")}"'

    theirs = client.get(page).content.decode()
    assert shop.leaver.name in theirs
    assert link not in theirs
    assert "总部比对好友关系后" in theirs
    assert link in admin_client.get(page).content.decode()


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


def test_whom_the_store_keeps_is_no_difference(shop, corp):
    """WeCom goes on listing them: the friendship here is over, the handover was tried."""
    shop.befriend(shop.leaver, 2)
    shop.leave()
    run = shop.start()
    HandoverItem.objects.update(state="refused", ended_at=clock.now())
    services.keep_in_store(
        run=run, to=shop.others[0], item_ids=list(run.items.values_list("pk", flat=True)),
        actor=SYSTEM, now=clock.now(),
    )  # fmt: skip

    looked = look(corp)

    assert looked.drift == 0
    assert figures(corp) == (2, 0, 0, 0)
    assert unassigned_differences(actor=SYSTEM) == []


def test_a_dry_run_names_them_and_writes_nothing(shop, corp):
    shop.befriend(shop.leaver, 1)
    shop.leave()
    shop.start()
    HandoverItem.objects.update(state="done", ended_at=clock.now())

    run = look(corp, after=timedelta(hours=2), dry=True)

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


def test_the_latest_leavers_with_friends_alone_come_first(shop, corp):
    """Whoever has nobody left takes no place from those who have."""
    now = clock.now()
    for days, guide in enumerate([*shop.others, shop.leaver]):
        if days:  # the very latest has nobody
            shop.befriend(guide, days, serving=False)
        shop.leave(guide)
        Guide.objects.filter(pk=guide.pk).update(left_at=now - timedelta(days=days))

    found = leavers_without_run(actor=SYSTEM, limit=2)

    assert [(one.guide.pk, one.alone) for one in found] == [
        (shop.others[1].pk, 1), (shop.others[2].pk, 2),
    ]  # fmt: skip
    assert len(leavers_without_run(actor=SYSTEM)) == 3


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
