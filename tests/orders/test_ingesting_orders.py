"""Orders in: checked one by one, written in sets, safe to send again."""

import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM, Actor
from apps.members import selectors as member_selectors
from apps.members import services as members
from apps.orders import selectors
from apps.orders.models import Order, OrderLine
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.timeline.models import MemberEvent
from tests.factories.facts import (
    NOW,
    make_guide,
    make_member,
    make_members,
    make_product,
    make_store,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def store(db):
    return make_store("S1")


@pytest.fixture
def product(db):
    return make_product("SKU1")


def sale(number="A1", *, net=10000, lines=None, **fields):
    lines = lines or [LineRow(1, "SKU1", Decimal(1), net)]
    fields = {"store_code": "S1", "paid_at": NOW - DAY, **fields}
    return OrderRow(source="pos", external_no=number, net_fen=net, lines=lines, **fields)


def back(number="R1", *, original="A1", net=-10000, line=1, **fields):
    lines = [LineRow(1, "SKU1", Decimal(-1), net, original_line_no=line)]
    return sale(number, net=net, lines=lines, kind="return", original_no=original, **fields)


def ingest(*rows, actor=SYSTEM):
    return ingest_orders(rows=list(rows), now=NOW, actor=actor)


def test_an_order_and_its_lines_are_kept_with_buyer_seller_and_server(store, product):
    member, guide, other = make_member(), make_guide(store), make_guide(store)
    members.set_serving_guide(
        pairs=[(member.pk, other.pk, store.pk)], reason="test", now=NOW - 2 * DAY, actor=SYSTEM
    )

    [answer] = ingest(sale(member_id=member.pk, selling_guide_userid=guide.wecom_userid))

    order = Order.objects.get(pk=answer.order_id)
    assert (answer.status, answer.member_ids) == ("created", (member.pk,))
    assert (order.member_id, order.selling_guide_id, order.serving_guide_id) == (
        member.pk,
        guide.pk,
        other.pk,
    )
    assert OrderLine.objects.get().member_id == member.pk
    event = MemberEvent.objects.get(kind="order.placed")
    assert (event.member_id, event.payload["order_id"]) == (member.pk, order.pk)


def test_the_buyer_is_found_by_an_identifier(store, product):
    member = make_member()
    phone = member_selectors.identity_values(member_id=member.pk, kind="phone")[0][1]

    known, unknown, nobody = ingest(
        sale("A1", member_identity=("phone", "", phone)),
        sale("A2", member_identity=("phone", "", "13700000000")),
        sale("A3"),
    )

    assert Order.objects.get(pk=known.order_id).identity_id is not None
    assert unknown.error_code == "unknown_member"
    assert Order.objects.get(pk=nobody.order_id).member_id is None


def test_the_same_order_again_is_unchanged_and_other_content_corrects_it(store, product):
    member = make_member()
    first = ingest(sale(member_id=member.pk))[0]
    again = ingest(sale(member_id=member.pk))[0]
    other = ingest(sale(member_id=member.pk, net=12000))[0]

    assert [one.status for one in (first, again, other)] == ["created", "unchanged", "updated"]
    assert {one.order_id for one in (first, again, other)} == {first.order_id}
    order = Order.objects.get()
    assert (order.net_fen, order.version) == (12000, 2)
    assert OrderLine.objects.get().net_fen == 12000
    assert MemberEvent.objects.filter(kind="order.placed").count() == 1


def test_a_corrected_time_moves_the_lines_to_their_month(store, product):
    ingest(sale(paid_at=NOW - DAY))
    ingest(sale(paid_at=NOW - 70 * DAY))

    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, paid_at FROM orders_orderline")
        assert cursor.fetchall() == [("orders_orderline_y2026m01", NOW - 70 * DAY)]


def test_a_buyer_corrected_is_named_with_the_one_before(store, product):
    first, second = make_members(2)
    ingest(sale(member_id=first.pk), back(net=-4000))

    [answer] = ingest(sale(member_id=second.pk))

    assert answer.member_ids == tuple(sorted([first.pk, second.pk]))
    assert set(Order.objects.values_list("member_id", flat=True)) == {second.pk}
    assert set(OrderLine.objects.values_list("member_id", flat=True)) == {second.pk}


def test_a_return_is_booked_back_to_the_original_and_its_day(store, product):
    member = make_member()
    ingest(sale(member_id=member.pk, paid_at=NOW - 40 * DAY))

    [answer] = ingest(back(net=-10000))

    sales = selectors.net_sales_by_member(
        member_ids=[member.pk], start=NOW - 41 * DAY, end=NOW - 39 * DAY
    )
    assert answer.status == "created"
    assert Order.objects.get(pk=answer.order_id).member_id == member.pk
    assert sales == {member.pk: 0}
    assert selectors.last_purchases(member_ids=[member.pk]) == {}


def test_a_return_may_name_a_sale_of_the_same_batch_in_any_order(store, product):
    answers = ingest(back(), sale())

    assert [one.status for one in answers] == ["created", "created"]
    assert sum(Order.objects.values_list("net_fen", flat=True)) == 0


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (sale(store_code="S9"), "unknown_store"),
        (sale(lines=[LineRow(1, "X", Decimal(1), 10000)]), "unknown_sku"),
        (sale(selling_guide_userid="nobody"), "unknown_guide"),
        (sale(lines=[LineRow(1, "SKU1", Decimal(1), 9999)]), "lines_do_not_sum"),
        (sale(discount_fen=5), "discounts_do_not_sum"),
        (sale(lines=[LineRow(1, "SKU1", Decimal(-1), 10000)]), "wrong_sign"),
        (sale(lines=[LineRow(1, "SKU1", Decimal(1), 5000)] * 2), "line_twice"),
        (sale(paid_at=NOW + 3 * DAY), "paid_in_future"),
        (sale(paid_at=NOW - 5000 * DAY), "paid_too_long_ago"),
        (sale(kind="gift"), "unknown_kind"),
        (sale(member_id=999_999), "unknown_member"),
        (back(original="nothing"), "unknown_original"),
        (back(line=7), "unknown_original_line"),
    ],
)
def test_a_bad_row_is_refused_alone_with_a_sentence(store, product, row, code):
    good, bad = ingest(sale("GOOD"), row)
    if code == "unknown_original_line":
        ingest(sale("A1"))
        [bad] = ingest(row)

    assert good.status == "created"
    assert (bad.status, bad.error_code) == ("rejected", code)
    assert bad.message
    assert not Order.objects.filter(external_no__in=["R1"]).exists()


def test_the_same_row_twice_in_a_batch_counts_once(store, product):
    answers = ingest(sale(), sale(), sale(net=1))

    assert [one.status for one in answers] == ["created", "unchanged", "rejected"]
    assert answers[2].error_code == "duplicate_in_batch"
    assert Order.objects.count() == 1


def test_a_key_of_one_store_writes_for_no_other(store, product):
    foreign = make_store("S2")
    ingest(sale("THEIRS", store_code="S2"))
    actor = Actor(api_key_id=1, store_ids=frozenset({store.pk}))

    own, other, taken = ingest(
        sale("A1"), sale("A2", store_code="S2"), sale("THEIRS", net=1), actor=actor
    )

    assert own.status == "created"
    assert (other.error_code, taken.error_code) == ("foreign_store", "foreign_store")
    assert Order.objects.get(external_no="THEIRS").store_id == foreign.pk


def test_the_last_purchase_is_the_dearest_thing_kept(store, product):
    make_product("BAG", name="挎包", category="包", colour="棕", size="")
    make_product("GIFT")
    member = make_member()
    ingest(
        sale("OLD", member_id=member.pk, paid_at=NOW - 30 * DAY),
        sale(
            "NEW", net=30000, member_id=member.pk,
            lines=[
                LineRow(1, "SKU1", Decimal(1), 10000),
                LineRow(2, "BAG", Decimal(1), 20000),
                LineRow(3, "GIFT", Decimal(1), 0, is_gift=True),
            ],
        ),
        sale("STAFF", member_id=member.pk, is_staff=True, paid_at=NOW),
    )  # fmt: skip

    assert selectors.last_purchases(member_ids=[member.pk])[member.pk].product == "挎包"
    ingest(back("R1", original="NEW", net=-20000, line=2))
    last = selectors.last_purchases(member_ids=[member.pk])[member.pk]
    assert (last.product, last.size, last.store_name) == ("跑鞋", "38", store.name)


def test_a_batch_and_the_reads_cost_the_same_queries_at_any_size(store, product):
    def queries(count):
        found = make_members(count)
        rows = [sale(f"{count}-{one.pk}", member_id=one.pk) for one in found]
        with CaptureQueriesContext(connection) as writing:
            ingest(*rows)
        with CaptureQueriesContext(connection) as reading:
            assert len(selectors.last_purchases(member_ids=[one.pk for one in found])) == count
            selectors.orders_of(member_ids=[one.pk for one in found], limit=1000)
        return len(writing), len(reading)

    queries(1)
    assert queries(5) == queries(100)


@pytest.mark.slow
def test_a_thousand_orders_take_seconds(store, product):
    found = make_members(200)
    rows = [sale(f"N{n}", member_id=found[n % 200].pk) for n in range(1000)]
    begun = time.process_time()
    answers = ingest(*rows)

    assert {one.status for one in answers} == {"created"}
    assert time.process_time() - begun < 5


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_deliveries_of_one_batch_at_once_keep_each_order_once():
    make_store("S1")
    make_product("SKU1")
    rows = [sale(f"A{number}") for number in range(40)]
    barrier, answers = threading.Barrier(2), []

    def work(batch):
        barrier.wait()
        try:
            answers.extend(ingest(*batch))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(batch,)) for batch in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.status for one in answers) == ["created"] * 40 + ["unchanged"] * 40
    assert Order.objects.count() == OrderLine.objects.count() == 40
