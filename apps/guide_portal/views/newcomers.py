"""新人前 30 天: a newcomer's own plan; for managers who is new and how far."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.guide_portal.newcomers import first_days, team_newcomers
from apps.guide_portal.views.base import GuidePage
from apps.newcomers import selectors, services
from apps.newcomers.models import PlanStep


class FirstDays(GuidePage):
    """新人第 N 天: what is next; ticks come by themselves."""

    tab = "today"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "plan": first_days(guide_id=self.guide_id, actor=self.actor, now=self.now),
            "today": reverse("guide_portal:today"),
        }
        return self.render("guide_portal/first_days.html", context)


class TellStep(GuidePage):
    """做完了: where nothing can count it."""

    def post(self, request: HttpRequest, step_id: int) -> HttpResponseBase:
        told = PlanStep.objects.filter(is_active=True, proof=PlanStep.Proof.TOLD)
        step = get_object_or_404(told, pk=step_id)
        services.tell_step(step=step, guide_id=self.guide_id, now=self.now)
        messages.success(request, _("Noted as your own word"))
        return redirect("guide_portal:first_days")


class TeamNewcomers(GuidePage):
    """Who is new in the team, and how far."""

    capability = Capability.MANAGE_TEAM
    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = team_newcomers(actor=self.actor, now=self.now)
        context = {"rows": rows, "has_plan": bool(rows) or selectors.has_plan()}
        return self.render("guide_portal/team_newcomers.html", context)
