"""Writes of the coupons' room."""

from apps.loyalty.services.erasure import forget_members
from apps.loyalty.services.issuing import give_welcome, issue_coupon, note_opened
from apps.loyalty.services.redeeming import CouponUse, give_back, redeem

__all__ = [
    "CouponUse",
    "forget_members",
    "give_back",
    "give_welcome",
    "issue_coupon",
    "note_opened",
    "redeem",
]
