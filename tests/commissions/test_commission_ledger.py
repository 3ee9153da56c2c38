"""Lines are added from orders, never changed: shares, returns, corrections, months, closing."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.commissions import errors, selectors, services
from apps.commissions.models import (
    CommissionLine,
    CommissionMonth,
    CommissionRule,
    CommissionTotal,
    DueOrder,
)
from apps.core import clock
from apps.members.services.relations import set_serving_guide
from apps.orders.models import OrderLine, Product
from apps.orders.services import LineRow, OrderRow, ingest_orders
from tests.factories.facts import make_guide, make_member, make_product, make_store

Party, Kind = CommissionRule.Party, CommissionLine.Kind
FIRST = date(2026, 3, 1)


@pytest.fixture
def shop(db):
    make_product("SKU1", style_no="ST1", category="鞋")
    make_product("SKU2", style_no="ST2", category="裙")
    return make_store("S1")


@pytest.fixture
def seller(shop):
    return make_guide(shop, "seller")


@pytest.fixture
def server(shop):
    return make_guide(shop, "server")


@pytest.fixture
def buyer(shop, server, fixed_clock):
    member = make_member()
    set_serving_guide(
        pairs=[(member.pk, server.pk, shop.pk)],
        reason="assigned",
        now=fixed_clock - timedelta(days=300),
        actor=SYSTEM,
    )
    return member


def rule(rate_bp=150, *, party=Party.SELLING, **fields):
    fields.setdefault("starts_on", date(2025, 1, 1))
    return CommissionRule.objects.create(name="开单", party=party, rate_bp=rate_bp, **fields)


def order(number, now, lines, *, member=None, seller="seller", **fields):
    row = OrderRow(
        source="pos", external_no=number, store_code=fields.pop("store", "S1"),
        paid_at=fields.pop("at", now),
        net_fen=sum(line.net_fen for line in lines), lines=lines,
        member_id=member.pk if member else None, selling_guide_userid=seller, **fields,
    )  # fmt: skip
    with transaction.atomic():
        [stored] = ingest_orders(rows=[row], now=now, actor=SYSTEM)
        assert stored.error_code == ""
        services.note_orders(order_ids=[stored.order_id], now=now)
    return stored.order_id


def sold(net, *, no=1, sku="SKU1"):
    return LineRow(no, sku, Decimal(1), net)


def returned(net, *, no=1, of=1, sku="SKU1"):
    return LineRow(no, sku, Decimal(-1), -net, original_line_no=of)


def back(number, now, lines, *, of, **fields):
    return order(number, now, lines, kind="return", original_no=of, **fields)


def entries():
    rows = CommissionLine.objects.order_by("pk")
    return [(row.guide.wecom_userid, str(row.kind), row.amount_fen) for row in rows]


def net_of(total):
    return total.sales_fen + total.refunds_fen + total.corrections_fen


def totals_agree():
    """The kept sums are the lines' sums."""
    for total in CommissionTotal.objects.all():
        lines = CommissionLine.objects.filter(
            month=total.month, store=total.store, guide=total.guide
        )
        by_kind = {kind: 0 for kind in Kind.values}
        for line in lines:
            by_kind[line.kind] += line.amount_fen
        assert (total.sales_fen, total.refunds_fen, total.corrections_fen) == (
            by_kind["sale"], by_kind["refund"], by_kind["correction"],
        )  # fmt: skip
        assert total.lines == len(lines)
    assert sum(CommissionTotal.objects.values_list("lines", flat=True)) == len(entries())
    return True


# --- shares ---------------------------------------------------------------------------------------


def test_seller_and_serving_guide_get_their_shares_once(seller, buyer, fixed_clock):
    rule(150)
    rule(50, party=Party.SERVING)
    order("A1", fixed_clock, [sold(39_900)], member=buyer)

    assert services.book_due(now=fixed_clock) == 2
    assert entries() == [("seller", "sale", 599), ("server", "sale", 200)]
    assert totals_agree()

    order("A1", fixed_clock, [sold(39_900)], member=buyer)
    assert services.book_due(now=fixed_clock) == 0


def test_of_rules_that_fit_the_highest_priority_then_the_narrowest_counts(seller, fixed_clock):
    rule(100)
    category = rule(200, scope="category", category="鞋")
    style = rule(300, scope="style", style_no="ST1")
    first = rule(400, scope="category", category="裙", priority=1)
    rule(900, scope="style", style_no="ST2")
    rule(1_000, ends_on=date(2026, 1, 31), priority=9)
    order("A1", fixed_clock, [sold(10_000), sold(10_000, no=2, sku="SKU2")])
    services.book_due(now=fixed_clock)

    found = list(CommissionLine.objects.order_by("line_no").values_list("rule_id", "amount_fen"))
    assert found == [(style.pk, 300), (first.pk, 400)]
    assert category.pk not in dict(found)


@pytest.mark.parametrize("flag", ["is_staff", "is_group_buy", "is_stored_value"])
def test_orders_that_count_in_no_figure_earn_nothing(seller, fixed_clock, flag):
    rule()
    order("A1", fixed_clock, [sold(10_000)], **{flag: True})

    assert services.book_due(now=fixed_clock) == 0


def test_where_no_rule_was_there_nothing_waits(seller, fixed_clock):
    order("A1", fixed_clock, [sold(10_000)])
    rule(starts_on=clock.business_day(fixed_clock) + timedelta(days=1))
    order("A2", fixed_clock, [sold(10_000)])

    assert not DueOrder.objects.exists()


# --- what comes back ------------------------------------------------------------------------------


def test_parts_that_come_back_add_up_to_the_share_of_the_whole(seller, fixed_clock):
    rule(150)
    sale = order("A1", fixed_clock, [sold(10_100)])
    services.book_due(now=fixed_clock)
    for number, net in enumerate([3_367, 3_367, 3_366]):
        back(f"R{number}", fixed_clock, [returned(net)], of="A1")
        services.book_due(now=fixed_clock)

    amounts = [amount for _guide, _kind, amount in entries()]
    assert amounts[0] == 152
    assert sum(amounts) == 0
    assert set(CommissionLine.objects.values_list("sale_id", "sale_line_no")) == {(sale, 1)}
    assert totals_agree()


def test_sale_and_return_of_one_batch_are_two_lines(seller, fixed_clock):
    rule(150)
    order("A1", fixed_clock, [sold(20_000), sold(10_000, no=2)])
    back("R1", fixed_clock, [returned(10_000, of=2)], of="A1")
    services.book_due(now=fixed_clock)

    assert entries() == [
        ("seller", "sale", 300), ("seller", "sale", 150), ("seller", "refund", -150),
    ]  # fmt: skip


def test_a_return_is_taken_off_whoever_sold_even_by_another_hand(seller, shop, fixed_clock):
    make_guide(shop, "other")
    rule(150)
    order("A1", fixed_clock, [sold(20_000)])
    back("R1", fixed_clock, [returned(20_000)], of="A1", seller="other")
    services.book_due(now=fixed_clock)

    assert entries() == [("seller", "sale", 300), ("seller", "refund", -300)]


def test_a_return_that_names_another_sale_by_now_is_taken_off_that_one(seller, shop, fixed_clock):
    make_guide(shop, "other")
    rule(150)
    order("A1", fixed_clock, [sold(20_000)])
    order("A2", fixed_clock, [sold(20_000)], seller="other")
    back("R1", fixed_clock, [returned(8_000)], of="A1")
    services.book_due(now=fixed_clock)

    back("R1", fixed_clock, [returned(8_000)], of="A2")
    services.book_due(now=fixed_clock)

    assert entries()[3:] == [("seller", "correction", 120), ("other", "refund", -120)]
    # and back again, with another amount
    back("R1", fixed_clock, [returned(4_000)], of="A1")
    services.book_due(now=fixed_clock)
    assert entries()[5:] == [("seller", "correction", -60), ("other", "correction", 120)]
    assert totals_agree()


def test_two_sales_of_one_guide_do_not_share_the_entries_of_a_return(seller, fixed_clock):
    rule(150)
    first = order("A1", fixed_clock, [sold(20_000), sold(20_000, no=2)])
    second = order("A2", fixed_clock, [sold(20_000)])
    back("R1", fixed_clock, [returned(8_000)], of="A1")
    services.book_due(now=fixed_clock)

    def left():
        rows = CommissionLine.objects.values_list("sale_id", "sale_line_no", "amount_fen")
        sums = dict.fromkeys([(first, 1), (first, 2), (second, 1)], 0)
        for sale, line, amount in rows:
            sums[sale, line] += amount
        return list(sums.values())

    assert left() == [180, 300, 300]
    back("R1", fixed_clock, [returned(8_000, of=2)], of="A1")
    services.book_due(now=fixed_clock)
    assert left() == [300, 180, 300]
    back("R1", fixed_clock, [returned(8_000)], of="A2")
    services.book_due(now=fixed_clock)
    assert left() == [300, 300, 180]
    assert totals_agree()


def test_a_corrected_seller_moves_the_share_by_new_lines(seller, shop, fixed_clock):
    make_guide(shop, "other")
    rule(150)
    order("A1", fixed_clock, [sold(20_000)])
    back("R1", fixed_clock, [returned(8_000)], of="A1")
    services.book_due(now=fixed_clock)
    before = list(CommissionLine.objects.order_by("pk").values())

    order("A1", fixed_clock, [sold(20_000)], seller="other")
    services.book_due(now=fixed_clock)

    assert list(CommissionLine.objects.order_by("pk")[:2].values()) == before
    assert sorted(entries()[2:]) == [
        ("other", "refund", -120), ("other", "sale", 300),
        ("seller", "correction", -300), ("seller", "correction", 120),
    ]  # fmt: skip
    assert totals_agree()


def test_a_corrected_store_moves_the_share_from_sum_to_sum(seller, shop, fixed_clock):
    other = make_store("S2")
    rule(150)
    order("A1", fixed_clock, [sold(20_000)])
    back("R1", fixed_clock, [returned(8_000)], of="A1")
    services.book_due(now=fixed_clock)

    order("A1", fixed_clock, [sold(20_000)], store="S2")
    services.book_due(now=fixed_clock)

    net = {total.store_id: net_of(total) for total in CommissionTotal.objects.all()}
    assert net == {shop.pk: 0, other.pk: 180}
    assert len(entries()) == 6
    assert totals_agree()
    # the same again adds nothing; where it was first is a correction by now
    order("A1", fixed_clock, [sold(20_000)], store="S1")
    services.book_due(now=fixed_clock)
    net = {total.store_id: net_of(total) for total in CommissionTotal.objects.all()}
    assert net == {shop.pk: 180, other.pk: 0}
    assert sum(amount for _guide, _kind, amount in entries()) == 180
    assert totals_agree()


def test_a_corrected_product_has_a_line_of_its_own(seller, fixed_clock):
    rule(150)
    order("A1", fixed_clock, [sold(20_000)])
    services.book_due(now=fixed_clock)
    order("A1", fixed_clock, [sold(20_000, sku="SKU2")])
    services.book_due(now=fixed_clock)

    lines = CommissionLine.objects.order_by("pk").values_list("product__sku", "amount_fen")
    assert list(lines) == [("SKU1", 300), ("SKU1", -300), ("SKU2", 300)]
    assert totals_agree()


def test_a_line_without_a_product_is_entered_once_and_corrected_like_others(seller, fixed_clock):
    rule(150)
    sale = order("A1", fixed_clock, [sold(20_000)])
    OrderLine.objects.filter(order_id=sale).update(product=None)
    services.book_due(now=fixed_clock)
    services.note_orders(order_ids=[sale], now=fixed_clock)
    assert services.book_due(now=fixed_clock) == 0

    order("A1", fixed_clock, [sold(30_000)])
    services.book_due(now=fixed_clock)

    lines = CommissionLine.objects.order_by("pk").values_list("product__sku", "amount_fen")
    assert list(lines) == [(None, 300), (None, -300), ("SKU1", 450)]
    assert totals_agree()


def test_a_line_keeps_its_rule_when_the_catalogue_changes(seller, fixed_clock):
    rule(200, scope="category", category="鞋")
    rule(100)
    order("A1", fixed_clock, [sold(10_000)])
    services.book_due(now=fixed_clock)
    Product.objects.update(category="靴")
    back("R1", fixed_clock, [returned(5_000)], of="A1")
    services.book_due(now=fixed_clock)

    assert entries() == [("seller", "sale", 200), ("seller", "refund", -100)]


# --- rules do not rewrite the past ----------------------------------------------------------------


def test_a_rule_that_began_changes_only_its_name_and_its_end(db, fixed_clock):
    with clock.at(fixed_clock):
        begun = rule()
        begun.rate_bp = 300
        with pytest.raises(ValidationError, match="已在计算"):
            begun.full_clean()
        begun.rate_bp = 150
        begun.ends_on = clock.today() - timedelta(days=1)
        with pytest.raises(ValidationError) as refused:
            begun.full_clean()
        assert list(refused.value.message_dict) == ["ends_on"]
        begun.ends_on, begun.name = clock.today(), "新名"
        begun.full_clean()

        late = CommissionRule(name="x", party="selling", rate_bp=1, starts_on=clock.today())
        with pytest.raises(ValidationError) as refused:
            late.full_clean()
        assert list(refused.value.message_dict) == ["starts_on"]


def test_the_database_refuses_a_share_without_bounds(db):
    with pytest.raises(IntegrityError):
        rule(6_000)


# --- months ---------------------------------------------------------------------------------------


def test_a_closed_month_stays_and_what_comes_later_is_in_the_next(seller, fixed_clock):
    rule(150)
    february = fixed_clock - timedelta(days=25)
    order("A1", february, [sold(20_000)])
    services.book_due(now=february)
    month = date(2026, 2, 1)
    kept = list(CommissionLine.objects.values())

    closed = services.close_month(month=month, actor=SYSTEM, now=fixed_clock)
    again = services.close_month(month=month, actor=SYSTEM, now=fixed_clock)

    assert (closed.pk, closed.lines, closed.amount_fen) == (again.pk, 1, 300)
    # the till corrects the sale of the closed month, and says its return late
    order("A1", fixed_clock, [sold(30_000)], at=february)
    back("R1", fixed_clock, [returned(30_000)], of="A1", at=february)
    services.book_due(now=fixed_clock)
    assert list(CommissionLine.objects.filter(month=month).values()) == kept
    later = CommissionLine.objects.filter(month=FIRST).order_by("pk")
    assert [row.amount_fen for row in later] == [150, -450]
    found = {one.month: one for one in selectors.months_of_guide(guide_id=seller.pk)}
    assert found[month].is_settled
    assert found[month].net_fen == 300
    assert not found[FIRST].is_settled
    assert totals_agree()


def test_a_month_is_closed_after_its_days_for_returns_and_after_the_earlier_ones(
    seller, fixed_clock
):
    rule(150)
    for number, days in enumerate([25, 50]):
        at = fixed_clock - timedelta(days=days)
        order(f"A{number}", at, [sold(20_000)])
    with pytest.raises(errors.MonthNotCounted):
        services.close_month(month=date(2026, 2, 1), actor=SYSTEM, now=fixed_clock)
    services.book_due(now=fixed_clock)

    early = clock.day_start(date(2026, 3, 7))
    with pytest.raises(errors.MonthNotOver, match="8"):
        services.close_month(month=date(2026, 2, 1), actor=SYSTEM, now=early)
    with pytest.raises(errors.EarlierMonthOpen, match="2026-01"):
        services.close_month(month=date(2026, 2, 1), actor=SYSTEM, now=fixed_clock)
    with pytest.raises(errors.NothingToClose):
        services.close_month(month=date(2025, 12, 1), actor=SYSTEM, now=fixed_clock)

    for month in (date(2026, 1, 1), date(2026, 2, 1)):
        services.close_month(month=month, actor=SYSTEM, now=fixed_clock)
    assert CommissionMonth.objects.count() == 2


def by_month():
    rows = CommissionTotal.objects.order_by("month", "guide__wecom_userid")
    found = [(row.month.month, row.guide.wecom_userid, net_of(row)) for row in rows]
    return [one for one in found if one[2]]


@pytest.mark.parametrize(
    ("hour", "month"),
    [("2026-02-28T15:59:59+00:00", 2), ("2026-02-28T16:00:00+00:00", 3)],
)
def test_what_moves_to_another_guide_moves_within_the_month_of_the_sale(
    seller, shop, fixed_clock, hour, month
):
    make_guide(shop, "other")
    rule(150)
    at = datetime.fromisoformat(hour)
    order("A1", at, [sold(20_000)])
    services.book_due(now=at)
    order("A1", fixed_clock, [sold(20_000)], seller="other", at=at)
    services.book_due(now=fixed_clock)

    assert by_month() == [(month, "other", 300)]
    days = set(CommissionLine.objects.values_list("business_on", flat=True))
    assert days == {clock.business_day(at)}
    assert totals_agree()


def test_both_halves_of_a_closed_months_correction_are_in_the_next(seller, shop, fixed_clock):
    make_guide(shop, "other")
    rule(150)
    at = datetime.fromisoformat("2026-02-28T15:59:59+00:00")
    order("A1", at, [sold(20_000)])
    services.book_due(now=at)
    services.close_month(month=date(2026, 2, 1), actor=SYSTEM, now=fixed_clock)
    order("A1", fixed_clock, [sold(20_000)], seller="other", at=at)
    services.book_due(now=fixed_clock)

    assert by_month() == [(2, "seller", 300), (3, "other", 300), (3, "seller", -300)]
    assert totals_agree()


def test_a_returns_correction_is_in_the_month_of_the_return(seller, shop, fixed_clock):
    make_guide(shop, "other")
    rule(150)
    at = fixed_clock - timedelta(days=25)
    order("A1", at, [sold(20_000)])
    back("R1", fixed_clock, [returned(8_000)], of="A1")
    services.book_due(now=fixed_clock)
    later = fixed_clock + timedelta(days=20)
    order("A1", later, [sold(20_000)], seller="other", at=at)
    services.book_due(now=later)

    assert by_month() == [(2, "other", 300), (3, "other", -120)]
    assert totals_agree()


# --- cost -----------------------------------------------------------------------------------------


def test_counting_costs_the_same_statements_for_any_number_of_orders(seller, fixed_clock):
    rule(150)

    def queries(count, name):
        for number in range(count):
            order(f"{name}{number}", fixed_clock, [sold(10_000), sold(5_000, no=2)])
        with CaptureQueriesContext(connection) as asked:
            assert services.book_due(now=fixed_clock) == 2 * count
        return len(asked)

    assert queries(1, "few") == queries(12, "many")
