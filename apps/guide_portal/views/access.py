"""申请查看, and the manager's answer to it; a manager's own request for a number."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.guide_portal.access import ask_for_access, number_page
from apps.guide_portal.cards import person_of
from apps.guide_portal.customers import get_customer
from apps.guide_portal.find import member_of_ticket
from apps.guide_portal.forms import AccessForm, ActForm, NumberForm
from apps.guide_portal.views.base import GuidePage
from apps.members import services as members
from apps.members.models import AccessRequest, Member
from apps.members.selectors import masked_name
from apps.outreach.services import access_news


class AskAccess(GuidePage):
    """Why do you need to see TA? One tap on a reason sends the request."""

    capability = Capability.VIEW_MEMBERS

    def get(self, request: HttpRequest) -> HttpResponse:
        ticket = request.GET.get("ticket", "")
        member = member_of_ticket(ticket=ticket, actor=self.actor)
        context = {
            "name": masked_name(member) or _("Customer without a name"),
            "store": member.home_store.name if member.home_store else "",
            "ticket": ticket,
            "reasons": AccessRequest.Reason.choices,
        }
        return self.render("guide_portal/ask_access.html", context)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = AccessForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        data = form.cleaned_data
        member = member_of_ticket(ticket=data["ticket"], actor=self.actor)
        ask_for_access(
            member=member,
            reason=data["reason"],
            client_id=data["client_id"],
            actor=self.actor,
            now=self.now,
        )
        messages.success(request, _("Asked. Your manager or head office answers; you get a card."))
        return redirect("guide_portal:customers")


class DecideAccess(GuidePage):
    """The manager's word, from 待审批."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        return self.answered(
            AccessRequest.objects.visible_to(self.actor),
            request_id,
            lambda grant: access_news.decide_access(
                request_id=request_id, grant=grant, actor=self.actor, now=self.now
            ),
            granted=_("Granted for a day"),
        )


# what may only be seen for a while goes away by itself, also where no script runs
SHOWN_SECONDS = 60


class CustomerNumber(GuidePage):
    """The number of a customer of the store: asked for with a reason, shown once when granted."""

    capability = Capability.MANAGE_TEAM

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        return self._page(get_customer(actor=self.actor, public_id=public_id))

    def _page(self, member: Member, *, number: str = "") -> HttpResponse:
        context = {
            "person": person_of(member),
            "page": number_page(member=member, actor=self.actor, now=self.now),
            "number": number,
            "seconds": SHOWN_SECONDS,
            "reasons": AccessRequest.Reason.choices,
        }
        return self.render("guide_portal/customer_number.html", context)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        form = NumberForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        ask_for_access(
            member=member,
            what=AccessRequest.What.PHONE,
            reason=form.cleaned_data["reason"],
            client_id=form.cleaned_data["client_id"],
            actor=self.actor,
            now=self.now,
        )
        messages.success(request, _("Asked. Head office answers; you get a card."))
        return redirect("guide_portal:number", member.public_id)


class ShowNumber(CustomerNumber):
    """The one look: in this answer alone, in no address, no session and nothing a phone keeps."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        number = members.see_number(member_id=member.pk, actor=self.actor, now=self.now)
        response = self._page(member, number=number)
        address = reverse("guide_portal:number", args=[member.public_id])
        response.headers["Refresh"] = f"{SHOWN_SECONDS}; url={address}"
        return response
