"""回购率 on 我的: the board's own number, with both periods."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.orders.models import Order
from apps.reports import places
from apps.reports.places import guide_again, guide_board
from tests.factories.facts import make_store
from tests.factories.tasks import buy

DAY = timedelta(days=1)
ME = reverse("guide_portal:me")


@pytest.fixture
def me(phone):
    def read():
        cache.clear()
        return phone.get(ME).content.decode()

    return read


def sell(shop, member, days_ago, guide=None):
    order = buy(member, shop.store, shop.now - days_ago * DAY, now=shop.now)
    Order.objects.filter(pk=order).update(selling_guide=guide or shop.guide)


def test_it_is_the_boards_number_with_both_periods(shop, me):
    first, second, third = shop.members
    for member in (first, second):
        sell(shop, member, 40)
    sell(shop, third, 40, guide=shop.colleague)
    buy(first, make_store(), shop.now - 5 * DAY, now=shop.now)

    page = me()

    board = {row.guide_id: row.figures for row in guide_board(store_id=shop.store.pk, now=shop.now)}
    again = guide_again(guide_id=shop.guide.pk, store_id=shop.store.pk, now=shop.now)
    figures = board[shop.guide.pk]
    assert (again.again, again.before) == (figures.again, figures.before) == (1, 2)
    assert "50%" in page.partition('id="again"')[2].partition("</section>")[0]
    last, before = again.period.last, again.period.before
    for day in (again.period.first, last, *before):
        assert f"{day.month}月{day.day}日" in page
    assert "又买了的有 1 位（不限门店和导购）" in page


def test_without_buyers_before_there_is_no_rate(shop, me):
    sell(shop, shop.members[0], 3)
    found = me().partition('id="again"')[2].partition("</section>")[0]
    assert "–</span>" in found
    assert "没有会员在本店从你这里买过" in found


def test_the_page_asks_as_often_for_many_as_for_few(shop, phone, monkeypatch):
    monkeypatch.setattr(places, "_KEPT_SECONDS", 0)  # so that it is counted each time

    def me():
        assert phone.get(ME).status_code == 200

    me()
    with CaptureQueriesContext(connection) as few:
        me()
    for days_ago in range(31, 50):
        for member in (*shop.members, *shop.others_members):
            sell(shop, member, days_ago)
    with CaptureQueriesContext(connection) as many:
        me()
    assert len(many) == len(few) <= 12
