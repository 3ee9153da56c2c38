"""回购率 and 打扰率 by store and by guide, each from rows that move it by one."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.accounts.actor import SYSTEM
from apps.guide_tasks.models import GuideTask, TaskTarget
from apps.members import services as members
from apps.members.models import Member
from apps.orders.models import Order
from apps.reports.places import ENOUGH_ORDERS, Figures, guide_board, store_board
from apps.reports.selectors import push_funnel
from apps.stores.models import Store
from tests.factories.cases import complain
from tests.factories.facts import make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import buy
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def counted(shop):
    cache.clear()
    (store,) = store_board(stores=[shop.store], now=shop.now).rows
    guides = {
        row.guide_id: row.figures for row in guide_board(store_id=shop.store.pk, now=shop.now)
    }
    return store.figures, guides[shop.guide.pk]


def sell(shop, member, days_ago):
    order = buy(member, shop.store, shop.now - days_ago * DAY, now=shop.now)
    Order.objects.filter(pk=order).update(selling_guide=shop.guide)


def test_who_bought_before_and_again_counts_once_in_whatever_store(fixed_clock):
    shop = open_shop(fixed_clock)
    now, (first, second, third) = shop.now, shop.members
    elsewhere = make_store()
    for member in (first, first, second):
        sell(shop, member, 40)
    sell(shop, third, 3)  # not a buyer of before
    assert [(found.again, found.before) for found in counted(shop)] == [(0, 2), (0, 2)]

    for _twice in range(2):
        buy(first, elsewhere, now - 5 * DAY, now=now)

    assert [(found.again, found.before) for found in counted(shop)] == [(1, 2), (1, 2)]
    assert counted(shop)[0].again_rate == 0.5


def test_who_leaves_within_a_week_was_disturbed_for_the_push_and_for_the_place(fixed_clock):
    shop = open_shop(fixed_clock)
    now, (first, second, third) = shop.now, shop.targets
    reached = TaskTarget.objects.filter(pk__in=[first.pk, second.pk])
    reached.update(contact_grade=3, contacted_at=now - 6 * DAY)
    GuideTask.objects.filter(push=shop.push).update(due_at=now - DAY)
    assert [(found.disturbed, found.reached) for found in counted(shop)] == [(0, 2), (0, 2)]

    end = {"corp_id": CORP, "guide_id": shop.guide.pk, "ended_by": "customer"}
    members.end_follow(external_userid=first.external_userid, at=now - DAY, **end)
    members.end_follow(external_userid=third.external_userid, at=now - DAY, **end)  # not reached

    assert [(found.disturbed, found.reached) for found in counted(shop)] == [(1, 2), (1, 2)]
    assert push_funnel(push=shop.push).disturbed == 1

    reached.update(contacted_at=now - 9 * DAY)
    assert counted(shop)[0].disturbed == 0
    members.stop_contact(member_id=second.member_id, source="test", now=now - 3 * DAY, actor=SYSTEM)
    assert counted(shop)[0].disturbed == 1


def together(shop, *others):
    cache.clear()
    return store_board(stores=[shop.store, *others], now=shop.now)


def test_who_bought_in_two_stores_is_one_buyer_of_their_class_and_of_all(fixed_clock):
    shop = open_shop(fixed_clock)
    now, (first, second, third) = shop.now, shop.members
    same, other = make_store(), make_store()
    Store.objects.filter(pk__in=[shop.store.pk, same.pk]).update(store_class="a")
    Store.objects.filter(pk=other.pk).update(store_class="b")
    for store in (shop.store, same, other):
        store.refresh_from_db()
        buy(first, store, now - 40 * DAY, now=now)
    buy(second, same, now - 41 * DAY, now=now)
    Member.objects.filter(pk=third.pk).update(survivor_id=second.pk)
    buy(third, other, now - 41 * DAY, now=now)
    for store in (shop.store, same):
        buy(first, store, now - 5 * DAY, now=now)

    board = together(shop, same, other)

    rows = {row.store_id: row.figures for row in board.rows}
    assert [
        (rows[store.pk].again, rows[store.pk].before) for store in (shop.store, same, other)
    ] == [(1, 1), (1, 2), (1, 2)]
    assert [(found.again, found.before) for found in map(board.total, ("a", "b", ""))] == [
        (1, 2),
        (1, 2),
        (1, 2),
    ]
    assert board.total("c").before == 0
    money = sum(figures.member_fen for figures in rows.values())
    assert board.total().member_fen == money > 0


def test_who_was_reached_from_two_stores_or_twice_is_one_member(fixed_clock):
    shop = open_shop(fixed_clock)
    now, (first, second, third) = shop.now, shop.targets
    TaskTarget.objects.filter(pk__in=[first.pk, second.pk, third.pk]).update(
        contact_grade=3, contacted_at=now - 6 * DAY
    )
    GuideTask.objects.filter(push=shop.push).update(due_at=now - DAY)
    members.stop_contact(member_id=first.member_id, source="test", now=now - 3 * DAY, actor=SYSTEM)
    Member.objects.filter(pk=second.member_id).update(survivor_id=first.member_id)
    elsewhere = make_store()
    TaskTarget.objects.filter(pk=second.pk).update(store=elsewhere)
    board = together(shop, elsewhere)
    stores = {row.store_id: row.figures for row in board.rows}
    assert (stores[shop.store.pk].reached, stores[elsewhere.pk].reached) == (2, 1)

    total = board.total()

    assert (total.disturbed, total.reached) == (1, 2)
    assert total.issued == sum(figures.issued for figures in stores.values())


def test_complaints_stand_beside_the_orders_of_the_same_days(fixed_clock):
    shop = open_shop(fixed_clock)
    now, (first, second, third) = shop.now, shop.members
    for member in (first, second):
        sell(shop, member, 3)
    sell(shop, third, 40)  # before these days
    assert [(found.complaints, found.orders) for found in counted(shop)] == [(0, 2), (0, 2)]

    complain(first, shop.guide, now - 2 * DAY)
    complain(second, shop.guide, now - 40 * DAY)
    complain(third, shop.guide, now)  # today is not over

    assert [(found.complaints, found.orders) for found in counted(shop)] == [(1, 2), (1, 2)]
    assert counted(shop)[0].complaint_rate is None  # too few orders to judge


def test_complaints_are_a_rate_from_enough_orders_on():
    few = Figures(complaints=5, orders=ENOUGH_ORDERS - 1)
    enough = few + Figures(orders=1)

    assert (few.complaint_rate, enough.complaint_rate) == (None, 5 / ENOUGH_ORDERS)
