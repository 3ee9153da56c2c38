"""Writes of the room of coupons and points."""

from apps.loyalty.services.batches import Handed, Wanted, issue_many, promise_again, take_back
from apps.loyalty.services.erasure import forget_members
from apps.loyalty.services.handing import hand_over
from apps.loyalty.services.issuing import give_welcome, issue_coupon, note_opened
from apps.loyalty.services.points import (
    CHANGED,
    CREATED,
    UNCHANGED,
    PointsRow,
    give_welcome_points,
    record_points,
    work_out_points,
)
from apps.loyalty.services.redeeming import CouponUse, give_back, redeem

__all__ = [
    "CHANGED",
    "CREATED",
    "UNCHANGED",
    "CouponUse",
    "Handed",
    "PointsRow",
    "Wanted",
    "forget_members",
    "give_back",
    "give_welcome",
    "give_welcome_points",
    "hand_over",
    "issue_coupon",
    "issue_many",
    "note_opened",
    "promise_again",
    "record_points",
    "redeem",
    "take_back",
    "work_out_points",
]
