"""One tap on a card: the next date, a fact of a note, why TA bought or left."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.guide_portal.forms import ActForm, FactForm, FollowUpForm, VisitReasonForm
from apps.guide_portal.hints import is_known_word
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_portal.views.customers import CustomerPage
from apps.members import services as members
from apps.members.models import Member


class CarePage(CustomerPage):
    capability = Capability.EDIT_MEMBERS
    place = ""

    def back(self, member: Member) -> HttpResponse:
        return redirect(reverse("guide_portal:customer", args=[member.public_id]) + self.place)


class FollowUp(CarePage):
    """下次跟进: the day on which the customer comes back into 待跟进."""

    place = "#next"

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = FollowUpForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Choose a day."))
            return self.back(member)
        follow_up = members.set_follow_up(
            member_id=member.pk,
            guide_id=self.guide_id,
            due_on=form.cleaned_data["due_on"],
            client_id=form.cleaned_data["client_id"],
            now=self.now,
        )
        messages.success(
            request, _("You turn to TA again on %(day)s") % {"day": month_day(follow_up.due_on)}
        )
        return self.back(member)


class FollowUpDone(CarePage):
    """Ticked off by hand; a contact does it by itself."""

    place = "#next"

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        now, guide_id = self.now, self.guide_id
        self.once(
            form.cleaned_data["client_id"],
            lambda: members.end_follow_up(member_id=member.pk, guide_id=guide_id, now=now),
        )
        messages.success(request, _("Ticked off"))
        return self.back(member)


class Fact(CarePage):
    """A word of a note becomes a fact, or was none."""

    place = "#notes"

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = FactForm(request.POST)
        data = form.cleaned_data if form.is_valid() else {}
        if not data or not is_known_word(data["kind"], data["word"]):
            return self.bad_form(form)
        if data["drop"]:
            members.drop_fact(member_id=member.pk, kind=data["kind"], word=data["word"])
            messages.success(request, _("Taken away: %(word)s") % {"word": data["word"]})
            return self.back(member)
        members.confirm_fact(
            member_id=member.pk,
            guide_id=self.guide_id,
            kind=data["kind"],
            word=data["word"],
            now=self.now,
        )
        messages.success(request, _("Kept: %(word)s") % {"word": data["word"]})
        return self.back(member)


class VisitReason(CarePage):
    """Why TA bought or left without; asked once after a visit, and never a must."""

    place = "#visit"

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = VisitReasonForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        members.give_visit_reason(
            visit_id=form.cleaned_data["visit"],
            guide_id=self.guide_id,
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, _("Noted"))
        return self.back(member)
