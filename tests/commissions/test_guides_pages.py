"""佣金 on the guide's phone: the month, lines by day, one line, a question and its answer."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.commissions import errors, selectors, services
from apps.commissions.models import CommissionLine, CommissionQuestion
from apps.core import clock
from apps.core.partitions import month_of, next_month
from apps.outreach.models import GuideNotice
from tests.factories.commissions import make_rule, sell
from tests.guide_portal.conftest import open_shop, signed_in

pytestmark = pytest.mark.django_db
LIST = "guide_portal:commission"


@pytest.fixture
def shop(fixed_clock):
    return open_shop(fixed_clock, friends=1)


@pytest.fixture
def phone(shop):
    return signed_in(shop.guide)


def book(shop, *, guide=None, **fields):
    number = sell(guide or shop.guide, shop.now, store=shop.store, **fields)
    services.book_due(now=shop.now)
    return number


def text_of(client, name, *args, **query):
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def test_me_shows_the_estimate_and_what_returns_took(shop, phone):
    assert "佣金" not in text_of(phone, "guide_portal:me")
    make_rule()
    number = book(shop)
    book(shop, of=number, net=10_000)

    page = text_of(phone, "guide_portal:me")

    # 1.5 % of ¥399.00 is ¥5.99, of the ¥299.00 that stay ¥4.49
    assert "¥4.49" in page
    assert "退货已扣 ¥1.50" in page
    assert "结算以财务为准" in page


def test_last_months_settled_sum_stands_beside_this_months_estimate(shop, phone):
    make_rule()
    before = shop.now - timedelta(days=25)
    sell(shop.guide, before, store=shop.store)
    book(shop, net=20_000)
    services.close_month(month=month_of(before), actor=SYSTEM, now=shop.now)

    page = text_of(phone, "guide_portal:me")

    assert "¥3.00" in page
    assert "2026年2月已结算 ¥5.99" in page
    assert "已结算" in text_of(phone, LIST, month="2026-02")


def test_a_month_further_back_than_the_list_shows_its_sum(shop, phone):
    make_rule()
    months = [next_month(month_of(shop.now), -back) for back in range(14)]
    for month in months[1:]:
        sell(shop.guide, clock.day_start(month), store=shop.store)
    book(shop)
    assert len(selectors.months_of_guide(guide_id=shop.guide.pk)) == 12

    for month in (months[12], months[13]):
        page = text_of(phone, LIST, month=f"{month:%Y-%m}")
        assert page.count("¥5.99") == 3
        assert "预估" in page
    services.close_month(month=months[13], actor=SYSTEM, now=shop.now)
    assert "已结算" in text_of(phone, LIST, month=f"{months[13]:%Y-%m}")
    assert "已结算" not in text_of(phone, LIST, month=f"{months[12]:%Y-%m}")


def test_a_closed_month_in_which_one_earned_nothing_is_settled_too(shop, phone):
    make_rule()
    before = shop.now - timedelta(days=25)
    sell(shop.colleague, before, store=shop.store)
    services.book_due(now=shop.now)
    assert "已结算" not in text_of(phone, LIST, month="2026-02")

    services.close_month(month=month_of(before), actor=SYSTEM, now=shop.now)

    for month in ("2026-02", "2026-01"):
        page = text_of(phone, LIST, month=month)
        assert "已结算" in page
        assert "预估" not in page
        assert "¥0.00" in page
    assert "已结算" not in text_of(phone, LIST, month="2026-03")


def test_a_line_opens_order_rule_percentage_and_what_came_back(shop, phone):
    make_rule(name="秋冬开单")
    number = book(shop)
    book(shop, of=number, net=10_000, number="R-1")
    line = CommissionLine.objects.earliest("pk")

    assert reverse("guide_portal:commission_line", args=[line.pk]) in text_of(phone, LIST)
    page = text_of(phone, "guide_portal:commission_line", line.pk)

    for words in (number, "秋冬开单", "¥399.00 × 1.5%", "开单导购", "R-1", "-¥1.50", "¥4.49"):
        assert words in page


def test_a_colleagues_line_is_not_there_and_a_manager_sees_the_stores_sum_alone(shop, phone):
    make_rule()
    book(shop, guide=shop.colleague)
    line = CommissionLine.objects.get()
    address = reverse("guide_portal:commission_line", args=[line.pk])
    manager = signed_in(shop.manager)

    assert phone.get(address).status_code == 404
    assert manager.get(address).status_code == 404
    assert "你负责的门店合计 ¥5.99" in text_of(manager, LIST)
    assert shop.colleague.name not in text_of(manager, LIST)
    assert "你负责的门店" not in text_of(phone, LIST)


def test_a_question_is_asked_once_and_answered_with_a_card(shop, phone, act):
    make_rule()
    book(shop)
    line = CommissionLine.objects.get()
    address = reverse("guide_portal:commission_line", args=[line.pk])
    fields = act(words="这单是我和同事一起卖的，打 13812345678 问我")

    for _again in range(2):
        assert phone.post(address, fields).status_code == 302
    question = CommissionQuestion.objects.get()
    assert "13812345678" not in question.words
    with pytest.raises(errors.AskedAlready):
        services.ask(line=line, words="再问一次", now=shop.now)

    services.answer_question(
        question_id=question.pk, words="按小票上的导购计算", actor=SYSTEM, now=shop.now
    )
    with pytest.raises(errors.AnsweredAlready):
        services.answer_question(question_id=question.pk, words="x y", actor=SYSTEM, now=shop.now)

    card = GuideNotice.objects.get(source=f"commission_question:{question.pk}")
    assert (card.guide_id, card.path) == (shop.guide.pk, address)
    assert "按小票上的导购计算" in text_of(phone, "guide_portal:commission_line", line.pk)
    # what is answered may be asked about again
    services.ask(line=line, words="还是不明白", now=shop.now)


def test_a_question_of_too_few_words_comes_back_as_it_was_typed(shop, phone, act):
    make_rule()
    book(shop)
    address = reverse("guide_portal:commission_line", args=[CommissionLine.objects.get().pk])

    for typed in ("？", "  "):
        answer = phone.post(address, act(words=typed))
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "请用几个字说明" in page
        assert f"{typed}</textarea>" in page
    assert not CommissionQuestion.objects.exists()


def test_the_list_holds_thirty_and_costs_the_same_for_any_number(shop, phone):
    make_rule()

    def queries():
        text_of(phone, LIST)
        with CaptureQueriesContext(connection) as asked:
            text_of(phone, LIST)
        return len(asked)

    book(shop)
    few = queries()
    for _number in range(33):
        sell(shop.guide, shop.now, store=shop.store)
    services.book_due(now=shop.now)

    assert queries() == few
    assert text_of(phone, LIST).count("/g/me/commission/") == 30
    assert text_of(phone, LIST, page="2").count("/g/me/commission/") == 4
