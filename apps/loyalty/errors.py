"""Why a coupon is not given: each says what to do instead."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class CouponRefused(DomainError):
    """Base of every no to giving a coupon."""

    code = "coupon_refused"


class CouponStopped(CouponRefused):
    code = "coupon_stopped"
    message = _("Head office stopped this coupon. Choose another one.")


class CouponOver(CouponRefused):
    code = "coupon_over"
    message = _("This coupon's time is over. Choose another one.")


class NoneLeft(CouponRefused):
    code = "coupon_none_left"
    message = _("All of these are given away. Choose another one.")


class HasEnough(CouponRefused):
    code = "coupon_has_enough"
    message = _("TA has as many of these as one person may get (%(n)s).")


class OtherStores(CouponRefused):
    code = "coupon_other_stores"
    message = _("This coupon does not count in your store. Choose another one.")


class NotYours(CouponRefused):
    code = "coupon_not_yours"
    message = _("Guides do not give this coupon. Choose another one.")


class HandOverRefused(DomainError):
    """Base of every no to handing a gift over."""

    code = "hand_over_refused"


class TillsGift(HandOverRefused):
    code = "gift_of_the_till"
    message = _("TA shows the code of this coupon at the till. Nothing is to be tapped here.")


class AlreadyHanded(HandOverRefused):
    code = "gift_handed_already"
    message = _("TA has this gift already. Look at the card again.")


class NotNow(HandOverRefused):
    code = "gift_not_now"
    message = _("This gift does not count today. Look at its dates.")
