"""发券: what TA may get, given in one tap; gifts handed over; whose coupons end soon."""

import uuid
from datetime import datetime
from typing import Any, TypedDict

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal import coupons
from apps.guide_portal.customers import get_customer
from apps.guide_portal.forms import CouponForm
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks import services as guide_tasks
from apps.loyalty.models import Coupon, CouponIssue
from apps.members.models import Member


class _Told(TypedDict):
    """What both kinds of message need."""

    member: Member
    page: str
    actor: Actor
    now: datetime
    client_id: uuid.UUID


class Coupons(GuidePage):
    """Every coupon with its button, or why there is none; what TA has stands below."""

    tab = "customers"

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        member = get_customer(actor=self.actor, public_id=public_id)
        context = {
            "page": coupons.coupons_page(member=member, actor=self.actor, now=self.now),
        }
        return self.render("guide_portal/coupons.html", context)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        form = CouponForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        try:
            words = self._act(member, form.cleaned_data)
        except (Coupon.DoesNotExist, CouponIssue.DoesNotExist):
            raise Http404 from None
        messages.success(request, words)
        return redirect("guide_portal:coupons", public_id)

    def _act(self, member: Member, asked: dict[str, Any]) -> str:
        """Do what was tapped; what the guide reads about it."""
        if asked["handed"] is not None:
            guide_tasks.hand_gift_over(
                member=member, issue_id=asked["handed"], actor=self.actor, now=self.now
            )
            return _("Noted: TA has the gift.")
        told: _Told = {
            "member": member,
            "page": reverse("member_portal:coupons"),
            "actor": self.actor,
            "now": self.now,
            "client_id": asked["client_id"],
        }
        if asked["again"] is not None:
            dispatch = guide_tasks.say_again(issue_id=asked["again"], **told)
            if dispatch.not_before > self.now:
                return _("The message goes out when customers may be written to again.")
            return _("Please confirm the sending in WeCom.")
        dispatch = guide_tasks.give_coupon(coupon_id=asked["coupon"], **told).dispatch
        if dispatch.not_before > self.now:
            return _("Given. The message goes out when customers may be written to again.")
        return _("Given. Please confirm the sending in WeCom.")


class ExpiringCoupons(GuidePage):
    """到期提醒: unused coupons and points of one's own customers that end within a week."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "rows": coupons.endings(actor=self.actor, now=self.now),
        }
        return self.render("guide_portal/expiring_coupons.html", context)
