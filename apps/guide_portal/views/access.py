"""申请查看, and the manager's answer to it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.guide_portal.access import ask_for_access, decide
from apps.guide_portal.find import member_of_ticket
from apps.guide_portal.forms import AccessForm, DecideForm
from apps.guide_portal.views.base import GuidePage
from apps.members.models import AccessRequest
from apps.members.selectors import masked_name


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
        return render(request, "guide_portal/ask_access.html", context)

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
        if not AccessRequest.objects.visible_to(self.actor).filter(pk=request_id).exists():
            raise Http404
        form = DecideForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        grant = form.cleaned_data["grant"]
        decide(request_id=request_id, grant=grant, actor=self.actor, now=self.now)
        messages.success(request, _("Granted for a day") if grant else _("Refused"))
        return redirect("guide_portal:approvals")
