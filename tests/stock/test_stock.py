"""库存 in by the API in any order, 查货 for guides, low, hot and old for the manager."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.services import create_api_key
from apps.orders.models import Product
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.stock.models import StockLevel
from apps.stock.selectors import shelf_of
from apps.stores.models import ScopeGrant, Store
from tests.factories.facts import make_product, make_store
from tests.guide_portal.conftest import make_manager, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(db):
    return make_store()


@pytest.fixture
def key(db):
    return create_api_key(
        name="till", scopes=["api_write_stock"], created_by=None, chain_wide=True
    )[1]


@pytest.fixture
def manager(store, fixed_clock):
    return make_manager(store, fixed_clock)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def post(key, *items, replay=""):
    headers = {"Authorization": f"Bearer {key}", **({"Idempotency-Key": replay} if replay else {})}
    return Client().post(
        reverse("ingest:stock"), {"items": items}, content_type="application/json", headers=headers
    )


def told(store, product, quantity, at):
    return {
        "store_code": store.code, "sku": product.sku, "quantity": quantity,
        "as_of": at.isoformat(),
    }  # fmt: skip


def words(answer):
    return [one["error"]["code"] if one["error"] else one["status"] for one in answer["results"]]


def levels():
    return list(StockLevel.objects.order_by("product_id").values_list("quantity", flat=True))


def put(store, product, quantity, at):
    return StockLevel.objects.create(store=store, product=product, quantity=quantity, as_of=at)


def sell(store, product, at, *, quantity=1, number, original="", **fields):
    sign = -1 if original else 1
    line = LineRow(
        1, product.sku, Decimal(sign * quantity), sign * 59_900,
        original_line_no=1 if original else None,
    )  # fmt: skip
    row = OrderRow(
        source="pos", external_no=number, store_code=store.code, paid_at=at, net_fen=sign * 59_900,
        lines=[line], kind="return" if original else "sale", original_no=original, **fields,
    )  # fmt: skip
    (result,) = ingest_orders(rows=[row], now=at, actor=SYSTEM)
    assert result.order_id, result


# --- in -------------------------------------------------------------------------------------------


def test_the_latest_count_wins_in_whatever_order_they_arrive(store, key, fixed_clock):
    product, hour = make_product(), timedelta(hours=1)
    late, early = told(store, product, 3, fixed_clock), told(store, product, 9, fixed_clock - hour)
    assert words(post(key, late).json()) == ["created"]
    assert words(post(key, early).json()) == ["unchanged"]
    assert words(post(key, late).json()) == ["unchanged"]
    assert levels() == [3]
    newer = told(store, product, 2, fixed_clock + timedelta(minutes=5))
    assert words(post(key, early, newer, late).json()) == ["unchanged", "updated", "unchanged"]
    assert levels() == [2]


def test_the_same_batch_again_gets_the_same_answer(store, key, fixed_clock):
    item = told(store, make_product(), 3, fixed_clock)
    first, again = post(key, item, replay="b1"), post(key, item, replay="b1")
    assert (first.json(), again["Idempotent-Replay"]) == (again.json(), "true")


def test_a_bad_item_stands_beside_good_ones_with_its_reason(store, key, fixed_clock):
    product = make_product()
    good = told(store, product, 3, fixed_clock)
    answer = post(
        key,
        {**good, "sku": "NONE"},
        {**good, "store_code": "NONE"},
        told(store, product, 3, fixed_clock + timedelta(hours=1)),
        {**good, "quantity": "many"},
        good,
    ).json()
    assert words(answer) == [
        "unknown_product", "unknown_store", "impossible_date", "invalid", "created"
    ]  # fmt: skip
    assert levels() == [3]


def test_a_key_writes_for_its_own_stores_and_with_its_scope_alone(store, fixed_clock):
    own, raw = create_api_key(name="one", scopes=["api_write_stock"], created_by=None)
    ScopeGrant.objects.create(api_key=own, store=store)
    product = make_product()
    items = [told(one, product, 1, fixed_clock) for one in (store, make_store())]
    assert words(post(raw, *items).json()) == ["created", "foreign_store"]
    orders = create_api_key(
        name="o", scopes=["api_write_orders"], created_by=None, chain_wide=True
    )[1]
    assert post(orders, *items).status_code == 403


def test_a_batch_is_written_with_as_many_statements_as_one_row(store, key, fixed_clock):
    products = [make_product() for _n in range(12)]

    def statements(at, *found):
        items = [told(store, product, 1, at) for product in found]
        with CaptureQueriesContext(connection) as asked:
            assert post(key, *items).json()["rejected"] == 0
        return len(asked)

    statements(fixed_clock - timedelta(hours=2), products[0])
    one = statements(fixed_clock - timedelta(hours=1), products[0])
    assert statements(fixed_clock, *products) == one


# --- 查货 -----------------------------------------------------------------------------------------


def test_the_own_store_stands_first_then_the_region_each_with_sizes_and_time(
    store, manager, fixed_clock
):
    small = make_product("BOOT-38", style_no="BOOT", name="短靴", size="38")
    large = make_product("BOOT-39", style_no="BOOT", name="短靴", size="39")
    near, far, shut = make_store(), make_store(region="west"), make_store(region="west")
    for one, name in ((near, "B 近店"), (far, "A 远店"), (shut, "A 关店")):
        Store.objects.filter(pk=one.pk).update(name=name)
    Store.objects.filter(pk=shut.pk).update(closed_on=date(2026, 1, 1))
    put(far, small, 5, fixed_clock - timedelta(days=2))
    put(near, large, 1, fixed_clock)
    put(store, small, 2, fixed_clock)
    put(store, large, 0, fixed_clock)
    put(shut, small, 7, fixed_clock)
    phone = signed_in(manager)

    found = phone.get(url("find_stock"), {"q": "短靴"}).content.decode()
    assert "本店 2 件" in found
    page = phone.get(url("stock_of", large.pk)).content.decode()
    places = [page.index(name) for name in (store.name, "B 近店", "A 远店")]
    assert places == sorted(places)
    assert "A 关店" not in page
    assert "38 码 2 件" in page
    assert "39 码 0 件" not in page
    assert page.count("超过一天") == 1
    assert "no-store" in phone.get(url("stock_of", large.pk))["Cache-Control"]


def test_nothing_found_and_nothing_there_are_said(manager):
    phone = signed_in(manager)
    assert "没有找到" in phone.get(url("find_stock"), {"q": "没有"}).content.decode()
    assert "没有货" in phone.get(url("stock_of", make_product().pk)).content.decode()
    assert phone.get(url("stock_of", 987654)).status_code == 404


# --- 库存 -----------------------------------------------------------------------------------------


def test_the_manager_sees_what_runs_out_sells_well_and_lies_long(store, manager, fixed_clock):
    low, hot, old, new = (make_product(name=name) for name in ("尾货", "爆款", "旧款", "新款"))
    Product.objects.exclude(pk=new.pk).update(listed_at=fixed_clock - timedelta(days=90))
    for product, quantity in ((low, 1), (hot, 30), (old, 8), (new, 8)):
        put(store, product, quantity, fixed_clock)
    Product.objects.filter(pk=new.pk).update(listed_at=fixed_clock - timedelta(days=5))
    put(make_store(), old, 99, fixed_clock)
    sell(store, low, fixed_clock - timedelta(days=3), number="N1")
    sell(store, hot, fixed_clock - timedelta(days=2), quantity=4, number="N2")
    sell(store, old, fixed_clock - timedelta(days=70), number="N3")
    phone = signed_in(manager)

    def shown(which):
        page = phone.get(url("store_stock"), {"show": which}).content.decode()
        return [name for name in ("爆款", "尾货", "旧款", "新款") if name in page]

    assert shown("low") == ["尾货"]
    assert shown("hot") == ["爆款", "尾货"]
    assert shown("old") == ["旧款"]
    assert phone.get(url("store_stock"), {"show": "x"}).status_code == 404


def test_what_came_back_and_what_staff_and_groups_bought_is_not_sold_to_customers(
    store, manager, fixed_clock
):
    names = ("退货", "半退", "内购", "团购")
    back, part, staff, group = (make_product(name=name) for name in names)
    Product.objects.update(listed_at=fixed_clock - timedelta(days=90))
    for product in (back, part, staff, group):
        put(store, product, 1, fixed_clock)
    day = fixed_clock - timedelta(days=3)
    sell(store, back, day, number="K1")
    sell(store, part, day, quantity=5, number="K2")
    sell(store, staff, day, quantity=3, number="K3", is_staff=True)
    sell(store, group, day, quantity=3, number="K4", is_group_buy=True)
    # the other store took it back, a day later
    sell(make_store(), back, fixed_clock - timedelta(days=2), number="K1R", original="K1")
    sell(store, part, fixed_clock - timedelta(days=1), quantity=2, number="K2R", original="K2")

    def shown(which):
        rows = shelf_of(store_id=store.pk, which=which, now=fixed_clock)
        return [(row.name, row.sold) for row in rows]

    assert shown("hot") == shown("low") == [("半退", 3)]
    # staff's and groups' pieces went out all the same: only what came back whole lies long
    assert shown("old") == [("退货", 0)]
    page = signed_in(manager).get(url("store_stock"), {"show": "hot"}).content.decode()
    assert "近 14 天卖出 3 件" in page


def test_the_pages_ask_as_often_for_many_as_for_one(store, manager, fixed_clock):
    phone = signed_in(manager)
    first = make_product("BAG-0", style_no="BAG", name="手袋", size="S")
    put(store, first, 1, fixed_clock)

    def questions():
        counts = []
        for address in (
            url("find_stock") + "?q=手袋", url("stock_of", first.pk), url("store_stock"),
        ):  # fmt: skip
            phone.get(address)
            with CaptureQueriesContext(connection) as asked:
                phone.get(address)
            counts.append(len(asked))
        return counts

    sell(store, first, fixed_clock - timedelta(days=1), number="M0")
    before = questions()
    for number in range(1, 6):
        more = make_product(f"BAG-{number}", style_no="BAG", name="手袋", size=f"S{number}")
        put(store, more, 2, fixed_clock)
        put(make_store(), more, 2, fixed_clock)
        sell(store, more, fixed_clock - timedelta(days=1), number=f"M{number}")
    assert questions() == before
