"""Two stores, a piece in one of them, and a guide of the other one who asks for it."""

import uuid
from decimal import Decimal
from types import SimpleNamespace

from apps.accounts.actor import SYSTEM
from apps.ingest.services import OrderItem, take_orders
from apps.orders.services import LineRow, OrderRow
from apps.stock import services
from apps.stock.models import StockLevel, StockTerms
from tests.factories.facts import make_guide, make_product, make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import guide_actor, make_team, manager_actor
from tests.guide_portal.conftest import make_manager


def make_pair(now, *, pieces=1):
    """The store `here` asks; `there` has so many pieces of the product."""
    here, there = make_store(), make_store()
    for store, name in ((here, "静安店"), (there, "徐汇店")):
        store.name = name
        store.save(update_fields=["name"])
    ((guide, members),) = make_team(now, friends=3, store=here)
    product = make_product(name="短靴", size="38")
    StockLevel.objects.create(store=there, product=product, quantity=pieces, as_of=now)
    pair = SimpleNamespace(
        now=now,
        here=here,
        there=there,
        product=product,
        member=members[0],
        members=members,
        guide=guide,
        colleague=make_guide(here, corp=CORP),
        giver=make_guide(there, corp=CORP),
        manager=make_manager(there, now),
        own_manager=make_manager(here, now),
    )
    pair.asker = guide_actor(pair.guide, now)
    pair.giving = guide_actor(pair.giver, now)
    pair.leading = manager_actor(pair.manager, there, now)
    return pair


def make_request(pair, now=None, *, member=None, product=None, **fields):
    now = now or pair.now
    values = {
        "member_id": (member or pair.member).pk,
        "product_id": (product or pair.product).pk,
        "giving_store_id": pair.there.pk,
        "kind": "hold",
        "guide_id": pair.guide.pk,
        "client_id": uuid.uuid4(),
        "actor": guide_actor(pair.guide, now),
        **fields,
    }
    values.setdefault("percent", StockTerms.current().giver_percent(values["kind"]))
    return services.ask(now=now, **values)


def buy(pair, at, *, number, store=None, now=None, pieces=1, member=None, product=None):
    """The till tells of pieces sold to the customer, as the API does."""
    sku, net_fen = (product or pair.product).sku, 50_000 * pieces
    row = OrderRow(
        source="pos",
        external_no=number,
        store_code=(store or pair.there).code,
        paid_at=at,
        net_fen=net_fen,
        lines=[LineRow(1, sku, Decimal(pieces), net_fen)],
        kind="sale",
        original_no="",
    )
    _tell(OrderItem(row=row, member=(member or pair.member).public_id), now or at)


def bring_back(pair, at, *, number, pieces=1):
    """The till tells that pieces of the sale `number` came back."""
    line = LineRow(1, pair.product.sku, Decimal(-pieces), -50_000 * pieces, original_line_no=1)
    row = OrderRow(
        source="pos",
        external_no=f"{number}-back",
        store_code=pair.there.code,
        paid_at=at,
        net_fen=line.net_fen,
        lines=[line],
        kind="return",
        original_no=number,
    )
    _tell(OrderItem(row=row), at)


def _tell(item, now):
    (result,) = take_orders(items=[item], now=now, actor=SYSTEM)
    assert result.status != "rejected", result
