"""佣金 at head office: rules, a month with its sums, closing, export, questions."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.commissions import services
from apps.commissions.models import (
    CommissionLine,
    CommissionMonth,
    CommissionQuestion,
    CommissionRule,
)
from apps.core import clock
from apps.core.partitions import month_of
from tests.factories.commissions import commission_question, make_rule, sell
from tests.factories.facts import make_guide, make_store

pytestmark = pytest.mark.django_db
MONTH = "hq:commissions"


@pytest.fixture
def store(fixed_clock):
    return make_store("S1")


@pytest.fixture
def guide(store):
    return make_guide(store, "wang")


def text_of(client, name, *args, **query):
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def rule_fields(**more):
    tomorrow = clock.today() + timedelta(days=1)
    return {
        "name": "秋冬开单", "party": "selling", "percent": "1.50", "scope": "all", "category": "",
        "style_no": "", "priority": "0", "starts_on": tomorrow.isoformat(), "ends_on": "", **more,
    }  # fmt: skip


def test_a_rule_is_added_in_percent_and_one_that_counts_keeps_its_rate(
    admin_client,
    fixed_clock,
):
    add = reverse("admin:commissions_commissionrule_add")
    late = admin_client.post(add, rule_fields(starts_on=clock.today().isoformat()))
    assert "规则最早从明天开始" in late.content.decode()
    assert admin_client.post(add, rule_fields()).status_code == 302
    rule = CommissionRule.objects.get()
    assert (rule.rate_bp, rule.percent) == (150, "1.5%")

    begun = make_rule(name="旧规则")
    change = reverse("admin:commissions_commissionrule_change", args=[begun.pk])
    fields = rule_fields(name="旧规则（到今天）", percent="9.00", ends_on=clock.today().isoformat())
    assert admin_client.post(change, fields).status_code == 302
    begun.refresh_from_db()
    assert (begun.rate_bp, begun.ends_on, begun.name) == (150, clock.today(), "旧规则（到今天）")


def test_a_month_by_store_and_guide_is_closed_once_and_exported(
    admin_client,
    guide,
    store,
    fixed_clock,
):
    make_rule()
    before = fixed_clock - timedelta(days=25)
    number = sell(guide, before, store=store)
    sell(guide, before, store=store, of=number, net=10_000)
    services.book_due(now=before)
    asked = f"{month_of(before):%Y-%m}"

    page = text_of(admin_client, MONTH, month=asked)
    for words in ("¥5.99", "-¥1.50", "¥4.49", guide.name, "结算本月"):
        assert words in page
    lines = text_of(admin_client, "hq:commission_guide", guide.pk, month=asked)
    assert "¥399.00" in lines
    assert "月 · ¥4.49" in lines  # what the lines come to

    for _again in range(2):
        admin_client.post(reverse("hq:close_commission"), {"month": asked})
    assert CommissionMonth.objects.get().amount_fen == 449
    assert AuditEntry.objects.filter(action="commission.closed").count() == 1
    assert "已结算" in text_of(admin_client, MONTH, month=asked)

    sheet = text_of(admin_client, "hq:commission_export", month=asked)
    assert f"{asked},S1,Store S1,Guide wang,wang,5.99,-1.50,0.00,4.49,2,已结算" in sheet
    assert AuditEntry.objects.filter(action="commission.exported").count() == 1


def test_this_month_is_not_closed_and_says_when_it_may_be(
    admin_client,
    guide,
    fixed_clock,
):
    make_rule()
    sell(guide, fixed_clock)
    services.book_due(now=fixed_clock)
    asked = f"{month_of(fixed_clock):%Y-%m}"

    assert "结算本月" not in text_of(admin_client, MONTH)
    answer = admin_client.post(reverse("hq:close_commission"), {"month": asked}, follow=True)

    assert "还可能有退货" in answer.content.decode()
    assert not CommissionMonth.objects.exists()


def test_a_question_is_answered_by_who_settles_and_read_by_operators(
    admin_client,
    operator_client,
    guide,
    fixed_clock,
):
    question = commission_question(guide, fixed_clock)
    answer = reverse("hq:answer_commission", args=[question.pk])

    assert "这单算错了吗" in text_of(operator_client, "hq:commission_questions")
    assert operator_client.post(answer, {"words": "没有"}).status_code == 403
    assert admin_client.post(answer, {"words": " "}).status_code == 422
    assert "1 个佣金疑问待回复" in text_of(admin_client, "admin:index")
    assert admin_client.post(answer, {"words": "按小票计算"}).status_code == 302

    assert CommissionQuestion.objects.get().answer == "按小票计算"
    assert "没有待回复的疑问" in text_of(admin_client, "hq:commission_questions")
    answered = text_of(admin_client, "hq:commission_questions", answered="yes")
    assert "按小票计算" in answered


def test_pages_cost_the_same_for_many_guides_and_lines(
    admin_client,
    guide,
    store,
    fixed_clock,
):
    make_rule()
    addresses = [
        reverse(MONTH),
        reverse("hq:commission_guide", args=[guide.pk]),
        reverse("hq:commission_questions"),
    ]

    def queries():
        for address in addresses:
            admin_client.get(address)
        with CaptureQueriesContext(connection) as asked:
            for address in addresses:
                assert admin_client.get(address).status_code == 200
        return len(asked)

    commission_question(guide, fixed_clock)
    few = queries()
    for _number in range(4):
        other = make_guide(store)
        sell(other, fixed_clock, store=store)
        sell(guide, fixed_clock, store=store)
        services.book_due(now=fixed_clock)
        commission_question(other, fixed_clock)

    assert CommissionLine.objects.count() == 9
    assert queries() == few
