"""Coupons, and each one that a member got; points, as tills tell them."""

from apps.loyalty.models.coupons import ALREADY_GIVEN, Coupon, CouponIssue, new_code
from apps.loyalty.models.points import PointsEntry, PointsLot, PointsTerms

__all__ = [
    "ALREADY_GIVEN",
    "Coupon",
    "CouponIssue",
    "PointsEntry",
    "PointsLot",
    "PointsTerms",
    "new_code",
]
