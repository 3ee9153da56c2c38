"""Coupons and points of somebody who asked to be deleted: what was given is counted on, nobody uses
it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.loyalty.models import CouponIssue, PointsLot


@transaction.atomic
def forget_members(*, member_ids: Sequence[int], now: datetime) -> int:
    """What they had not used ends now. Returns how many coupons. Entries of points stay, as orders
    do, with a number that leads to nobody."""
    PointsLot.objects.filter(member_id__in=member_ids).delete()
    theirs = CouponIssue.objects.filter(member_id__in=member_ids)
    return theirs.usable(at=now).update(expires_at=now)
