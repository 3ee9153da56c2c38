"""Stores, guides, members, products: made through the services where there is a service."""

import itertools
from datetime import UTC, date, datetime

from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.members import services as members
from apps.members.models import Member
from apps.orders.models import Product
from apps.stores.models import Guide, LegalEntity, Posting, Region, Store

NOW = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_store(code="", *, region="east"):
    code = code or f"S{next(_numbers):04d}"
    area, _made = Region.objects.get_or_create(code=region, defaults={"name": region})
    entity, _made = LegalEntity.objects.get_or_create(
        name="Own", defaults={"basis": "same_handler"}
    )
    return Store.objects.create(
        code=code,
        name=f"Store {code}",
        region=area,
        legal_entity=entity,
        opened_on=date(2020, 1, 1),
    )


def make_guide(store=None, userid="", *, corp="wwtest"):
    userid = userid or f"guide{next(_numbers)}"
    guide = Guide.objects.create(corp_id=corp, wecom_userid=userid, name=f"Guide {userid}")
    if store is not None:
        Posting.objects.create(guide=guide, store=store, during=DateRange(date(2020, 1, 1), None))
    return guide


def make_phone():
    return f"139{next(_numbers):08d}"


def make_members(count=1, **fields):
    rows = [
        members.MemberRow(identities=[("phone", "", make_phone())], name="林晓雯", **fields)
        for _number in range(count)
    ]
    found = members.resolve_members(rows=rows, now=NOW, source="test", actor=SYSTEM)
    by_id = Member.objects.in_bulk([one.member_id for one in found])
    return [by_id[one.member_id] for one in found]


def make_member(**fields):
    return make_members(1, **fields)[0]


def make_product(sku="", **fields):
    sku = sku or f"SKU{next(_numbers):05d}"
    defaults = {
        "style_no": sku[:8], "name": "跑鞋", "category": "鞋", "colour": "白", "size": "38",
        "tag_price_fen": 59900,
    }  # fmt: skip
    return Product.objects.create(sku=sku, **{**defaults, **fields})
