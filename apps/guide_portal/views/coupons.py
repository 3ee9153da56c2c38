"""发券: what TA may get, given in one tap; and whose coupons end soon."""

import uuid
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.guide_portal import coupons
from apps.guide_portal.customers import get_customer
from apps.guide_portal.forms import CouponForm, SayAgainForm
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.selectors import badge
from apps.loyalty.models import Coupon, CouponIssue
from apps.members.models import Member


class Coupons(GuidePage):
    """Every coupon with its button, or why there is none; what TA has stands below."""

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        member = get_customer(actor=self.actor, public_id=public_id)
        page = coupons.coupons_page(member=member, actor=self.actor, now=self.now)
        return render(request, "guide_portal/coupons.html", {"page": page})

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        if "again" in request.POST:
            return self._say_again(member)
        form = CouponForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        try:
            given = guide_tasks.give_coupon(
                member=member,
                coupon_id=form.cleaned_data["coupon"],
                page=reverse("member_portal:coupons"),
                actor=self.actor,
                now=self.now,
                client_id=form.cleaned_data["client_id"],
            )
        except Coupon.DoesNotExist:
            raise Http404 from None
        messages.success(request, _given_words(given, self.now))
        return redirect("guide_portal:coupons", public_id)

    def _say_again(self, member: Member) -> HttpResponseBase:
        form = SayAgainForm(self.request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        try:
            dispatch = guide_tasks.say_again(
                member=member,
                issue_id=form.cleaned_data["again"],
                page=reverse("member_portal:coupons"),
                actor=self.actor,
                now=self.now,
                client_id=form.cleaned_data["client_id"],
            )
        except CouponIssue.DoesNotExist:
            raise Http404 from None
        words = _("Please confirm the sending in WeCom.")
        if dispatch.not_before > self.now:
            words = _("The message goes out when customers may be written to again.")
        messages.success(self.request, words)
        return redirect("guide_portal:coupons", member.public_id)


def _given_words(given: guide_tasks.Given, now: datetime) -> str:
    if given.dispatch.not_before > now:
        return _("Given. The message goes out when customers may be written to again.")
    return _("Given. Please confirm the sending in WeCom.")


class ExpiringCoupons(GuidePage):
    """到期提醒: unused coupons of one's own customers that end within a week."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "rows": coupons.endings(actor=self.actor, now=self.now),
            "tab": "tools",
            "todo_count": badge(guide_id=self.guide_id, now=self.now),
        }
        return render(request, "guide_portal/expiring_coupons.html", context)
