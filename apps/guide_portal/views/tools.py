"""工具: scripts with what became of them, a script of one's own, pages ready to send."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_portal.forms import ActForm, ProposeForm
from apps.guide_portal.library import library, materials, place_of_work
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks.selectors import badge
from apps.outreach import services as outreach
from apps.outreach.models import ScriptProposal


class Tools(GuidePage):
    """Only what there is."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
            "tab": "tools",
            "todo_count": badge(guide_id=self.guide_id, now=self.now),
        }
        return render(request, "guide_portal/tools.html", context)


class Scripts(GuidePage):
    """话术: words to copy, the best first, each under its author's name."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": library(guide_id=self.guide_id, now=self.now),
            "tab": "tools",
            "todo_count": badge(guide_id=self.guide_id, now=self.now),
        }
        return render(request, "guide_portal/scripts.html", context)


class Propose(GuidePage):
    """推一条: a guide's own words, offered to the store."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(ProposeForm())

    def page(self, form: ProposeForm, *, status: int = 200) -> HttpResponse:
        return render(self.request, "guide_portal/propose.html", {"form": form}, status=status)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = ProposeForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=400)
        guide, store = place_of_work(self.guide_id, self.now)
        if store is None:
            return self.bad_form(form)
        outreach.propose_script(
            guide=guide,
            store=store,
            name=form.cleaned_data["name"],
            body=form.cleaned_data["body"],
            client_id=form.cleaned_data["client_id"],
            now=self.now,
        )
        messages.success(request, _("Your manager has it"))
        return redirect("guide_portal:scripts")

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """The reason above what was written: nobody writes it twice."""
        messages.error(request, str(error))
        return self.page(ProposeForm(request.POST), status=409)


class DecideScript(GuidePage):
    """Base of the manager's two answers to what a guide of the store wrote."""

    capability = Capability.MANAGE_TEAM

    def proposal(self, proposal_id: int) -> ScriptProposal:
        return get_object_or_404(ScriptProposal.objects.visible_to(self.actor), pk=proposal_id)


class TakeScript(DecideScript):
    def post(self, request: HttpRequest, proposal_id: int) -> HttpResponseBase:
        proposal = self.proposal(proposal_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: outreach.take_script(proposal=proposal, actor=self.actor, now=self.now),
        )
        if done:
            messages.success(request, _("In the store's library, under the guide's name"))
        return redirect("guide_portal:approvals")


class RefuseScript(DecideScript):
    def post(self, request: HttpRequest, proposal_id: int) -> HttpResponseBase:
        proposal = self.proposal(proposal_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        why = request.POST.get("reason", "")
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: outreach.refuse_script(
                proposal=proposal, why=why, actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, _("The guide reads why"))
        return redirect("guide_portal:approvals")


class Materials(GuidePage):
    """素材: each page with the guide's own link, to be copied into a chat."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "rows": materials(guide_id=self.guide_id, now=self.now),
            "tab": "tools",
            "todo_count": badge(guide_id=self.guide_id, now=self.now),
        }
        return render(request, "guide_portal/materials.html", context)
