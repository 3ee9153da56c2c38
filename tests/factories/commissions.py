"""Commission: a rule, and lines counted from an order as the job counts them."""

import itertools
from datetime import date
from decimal import Decimal

from apps.accounts.actor import SYSTEM
from apps.commissions import services
from apps.commissions.models import CommissionLine, CommissionQuestion, CommissionRule
from apps.orders.models import Product
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.stores.models import Store
from tests.factories.facts import make_product, make_store

_numbers = itertools.count(1)


def make_rule(**fields):
    """1.5 % for whoever sold, since long ago."""
    given = {"name": "开单提成", "party": "selling", "rate_bp": 150, **fields}
    return CommissionRule.objects.create(**{"starts_on": date(2020, 1, 1), **given})


def sell(guide, now, *, net=39_900, store=None, member=None, number="", of=""):
    """An order of one line through the services; `of` makes it a return of that number."""
    product = Product.objects.first() or make_product()
    sign = -1 if of else 1
    line = LineRow(1, product.sku, Decimal(sign), sign * net, original_line_no=1 if of else None)
    store = store or Store.objects.first() or make_store()
    row = OrderRow(
        source="pos", external_no=number or f"C{next(_numbers):05d}", store_code=store.code,
        paid_at=now, net_fen=line.net_fen, lines=[line],
        member_id=member.pk if member else None, selling_guide_userid=guide.wecom_userid,
        kind="return" if of else "sale", original_no=of,
    )  # fmt: skip
    [stored] = ingest_orders(rows=[row], now=now, actor=SYSTEM)
    assert stored.error_code == ""
    services.note_orders(order_ids=[stored.order_id], now=now)
    return row.external_no


def commission_line(guide, now):
    """The first line of this guide; an order makes it where there is none."""
    if not CommissionLine.objects.filter(guide=guide).exists():
        if not CommissionRule.objects.exists():
            make_rule()
        sell(guide, now)
        services.book_due(now=now)
    return CommissionLine.objects.filter(guide=guide).earliest("pk")


def commission_question(guide, now, words="这单算错了吗"):
    """One about the guide's first line that nobody has answered."""
    line = commission_line(guide, now)
    asked = CommissionQuestion.objects.filter(line=line).waiting().first()
    return asked or services.ask(line=line, words=words, now=now)
