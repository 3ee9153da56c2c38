"""Coupons, and some given."""

import itertools
import uuid
from datetime import timedelta

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.loyalty import services
from apps.loyalty.models import Coupon, PointsEntry

_numbers = itertools.count(1)


def make_coupon(now=None, *, stores=(), **fields):
    today = clock.business_day(now or clock.now())
    defaults = {
        "name": f"满 300 减 50 · {next(_numbers)}",
        "off_fen": 5_000,
        "from_fen": 30_000,
        "starts_on": None,
        "stock": 100,
    }
    if "valid_days" not in fields:
        defaults["ends_on"] = today + timedelta(days=30)
    coupon = Coupon(**{**defaults, **fields})
    coupon.full_clean()
    coupon.save()
    coupon.stores.set(stores)
    return coupon


def give(coupon, member, now, *, guide, store=None, cause=""):
    return services.issue_coupon(
        coupon_id=coupon.pk,
        member_id=member.pk,
        cause=cause or f"guide:{guide.pk}:{member.pk}:{uuid.uuid4()}",
        guide_id=guide.pk,
        store_id=store.pk if store else None,
        now=now,
        actor=SYSTEM,
    )


def tell_points(member, points, *, now=None, days=0, ends=None, number="", kind=""):
    now = now or clock.now()
    row = services.PointsRow(
        source="pos",
        external_no=number or uuid.uuid4().hex,
        member_id=member.pk,
        kind=kind or ("earned" if points > 0 else "spent"),
        points=points,
        occurred_at=now - timedelta(days=days),
        expires_on=None if ends is None else clock.business_day(now) + timedelta(days=ends),
    )
    services.record_points(rows=[row], now=now)
    return PointsEntry.objects.get(source=row.source, external_no=row.external_no)
