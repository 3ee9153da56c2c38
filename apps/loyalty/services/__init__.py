"""Writes of the coupons' room."""

from apps.loyalty.services.batches import Handed, Wanted, issue_many, promise_again, take_back
from apps.loyalty.services.erasure import forget_members
from apps.loyalty.services.handing import hand_over
from apps.loyalty.services.issuing import give_welcome, issue_coupon, note_opened
from apps.loyalty.services.redeeming import CouponUse, give_back, redeem

__all__ = [
    "CouponUse",
    "Handed",
    "Wanted",
    "forget_members",
    "give_back",
    "give_welcome",
    "hand_over",
    "issue_coupon",
    "issue_many",
    "note_opened",
    "promise_again",
    "redeem",
    "take_back",
]
