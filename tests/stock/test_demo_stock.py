"""The demo's stock is told as tills tell it, and every list of a store's stock has something."""

from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.hq.demo import pieces, stock
from apps.hq.demo.catalogue import load_products
from apps.orders.models import Product
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.stock.models import State, StockLevel, StockRequest, StockTerms
from apps.stock.selectors import HOT, LOW, OLD, shelf_of
from apps.stores.models import Posting
from tests.factories.facts import make_product, make_store
from tests.factories.stock import make_pair
from tests.factories.tasks import make_team

pytestmark = pytest.mark.django_db


def test_a_store_has_most_sizes_some_run_out_and_some_lie_long(fixed_clock):
    now, store = fixed_clock, make_store()
    goods = load_products(listed_at=now - timedelta(days=600))
    sold = Product.objects.order_by("pk")[:40]
    row = OrderRow(
        source="pos", external_no="S1", store_code=store.code, paid_at=now - timedelta(days=2),
        net_fen=40 * 10_000,
        lines=[LineRow(place, one.sku, Decimal(2), 10_000) for place, one in enumerate(sold, 1)],
    )  # fmt: skip
    assert ingest_orders(rows=[row], now=now, actor=SYSTEM)[0].order_id

    told = stock.count([store], now=now)

    levels = StockLevel.objects.filter(store=store)
    assert goods * 0.3 < told == levels.count() <= goods
    assert told * 0.5 < levels.filter(quantity__gt=0).count() < told
    assert not levels.filter(quantity__lt=0).exists()
    assert all(level.as_of < clock.day_start(clock.business_day(now)) for level in levels)
    for which in (LOW, HOT, OLD):
        assert shelf_of(store_id=store.pk, which=which, now=now), which
    assert stock.count([store], now=now) == told == levels.count()


def test_pieces_are_asked_for_in_every_state(fixed_clock):
    now = fixed_clock
    pair = make_pair(now)
    make_team(now, friends=2, store=pair.there)
    make_team(now, friends=2, store=pair.here)
    for store in (pair.here, pair.there):
        for _number in range(8):
            StockLevel.objects.create(store=store, product=make_product(), quantity=3, as_of=now)
    row = OrderRow(
        source="pos", external_no="D1", store_code=pair.here.code, paid_at=now - timedelta(days=2),
        net_fen=50_000, lines=[LineRow(1, pair.product.sku, Decimal(1), 50_000)],
        member_id=pair.member.pk,
    )  # fmt: skip
    assert ingest_orders(rows=[row], now=now, actor=SYSTEM)[0].order_id
    told = pieces.play(store=pair.here, now=now)
    states = set(StockRequest.objects.values_list("state", flat=True))
    assert states == set(State.values) - {State.AGREED}
    assert told == StockRequest.objects.count()
    waiting = StockRequest.objects.filter(state="asked")
    assert waiting.filter(giving_store=pair.here).exists()
    # they are there for whoever looks hours later, and the terms are the usual ones
    assert not waiting.filter(due_at__lt=now + timedelta(hours=20)).exists()
    assert StockTerms.current().answer_minutes == 30


def test_who_came_these_weeks_asked_for_nothing_before(fixed_clock):
    now, today = fixed_clock, clock.business_day(fixed_clock)
    pair = make_pair(now, pieces=5)
    make_team(now, friends=2, store=pair.there)
    came = DateRange(today - timedelta(days=3), None)
    Posting.objects.filter(store=pair.here).update(during=came)
    row = OrderRow(
        source="pos", external_no="D2", store_code=pair.here.code, paid_at=now - timedelta(days=5),
        net_fen=50_000, lines=[LineRow(1, pair.product.sku, Decimal(1), 50_000)],
        member_id=pair.member.pk,
    )  # fmt: skip
    assert ingest_orders(rows=[row], now=now, actor=SYSTEM)[0].order_id

    assert pieces.play(store=pair.here, now=now)

    first = StockRequest.objects.order_by("asked_at")[0]
    assert clock.business_day(first.asked_at) > today - timedelta(days=3)


def test_a_region_without_another_store_has_nothing_to_ask_for(fixed_clock):
    store = make_store()
    make_team(fixed_clock, friends=2, store=store)
    assert pieces.play(store=store, now=fixed_clock) == 0
