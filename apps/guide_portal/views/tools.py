"""工具: scripts with what became of them, a script of one's own, pages ready to send."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_portal.forms import ActForm, ProposeForm, WordingForm
from apps.guide_portal.item_forms import RefuseForm
from apps.guide_portal.library import library, materials, place_of_work, wording_page
from apps.guide_portal.shelves import shelves
from apps.guide_portal.views.base import GuidePage
from apps.outreach import services as outreach
from apps.outreach.models import MessageTemplate, ScriptProposal, ScriptVariant
from apps.stores.models import Store


class Tools(GuidePage):
    """Only what there is."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "shelves": shelves(is_manager=self.actor.can(Capability.MANAGE_TEAM)),
        }
        return self.render("guide_portal/tools.html", context)


class Scripts(GuidePage):
    """话术: words to copy, the best first, each under its author's name."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": library(guide_id=self.guide_id, now=self.now),
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
        }
        return self.render("guide_portal/scripts.html", context)


class Propose(GuidePage):
    """推一条: a guide's own words, offered to the store."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(ProposeForm())

    def page(self, form: ProposeForm, *, status: int = 200) -> HttpResponse:
        return self.render("guide_portal/propose.html", {"form": form}, status=status)

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
        form = RefuseForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form, _("Say why, in at most 200 signs: the guide reads it."))
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: outreach.refuse_script(
                proposal=proposal,
                why=form.cleaned_data["reason"],
                actor=self.actor,
                now=self.now,
            ),
        )
        if done:
            messages.success(request, _("The guide reads why"))
        return redirect("guide_portal:approvals")


class WordScript(GuidePage):
    """本店说法: the manager says head office's script in the store's own words."""

    capability = Capability.MANAGE_TEAM

    def script(self, script_id: int) -> tuple[MessageTemplate, Store]:
        """A script that stores may word, and the manager's own store; else 404."""
        _guide, store = place_of_work(self.guide_id, self.now)
        if store is None or store.pk not in self.actor.store_ids:
            raise Http404
        open_ones = MessageTemplate.objects.of_chain().filter(is_active=True, stores_may_edit=True)
        return get_object_or_404(open_ones, pk=script_id), store

    def get(self, request: HttpRequest, script_id: int) -> HttpResponse:
        return self.page(script_id)

    def page(
        self, script_id: int, *, status: int = 200, typed: tuple[str, str] | None = None
    ) -> HttpResponse:
        script, store = self.script(script_id)
        page = wording_page(script=script, store=store, now=self.now)
        if typed is not None:
            page = replace(page, body=typed[0], generic_body=typed[1])
        return self.render("guide_portal/word_script.html", {"page": page}, status=status)

    def post(self, request: HttpRequest, script_id: int) -> HttpResponseBase:
        script, store = self.script(script_id)
        form = WordingForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form, _("At most 1,000 signs; make it shorter"))
        words = form.cleaned_data
        done = self.once(
            words["client_id"],
            lambda: outreach.word_script(
                script=script,
                store=store,
                body=words["body"],
                generic_body=words["generic_body"],
                seen=words["seen"],
                actor=self.actor,
                now=self.now,
            ),
        )
        if done:
            messages.success(request, _("Your store says it this way from now on"))
        return redirect("guide_portal:scripts")

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """The reason above what was written: nobody writes it twice."""
        messages.error(request, str(error))
        typed = request.POST.get("body", ""), request.POST.get("generic_body", "")
        return self.page(self.kwargs["script_id"], status=409, typed=typed)


class DropWording(WordScript):
    """Back to head office's words."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, script_id: int) -> HttpResponseBase:
        script, store = self.script(script_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        variant = get_object_or_404(ScriptVariant.objects.at(script.pk, store.pk))
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: outreach.withdraw_variant(
                variant=variant, why="", actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, _("Head office's words again"))
        return redirect("guide_portal:scripts")

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        messages.error(request, str(error))
        return redirect("guide_portal:scripts")


class Materials(GuidePage):
    """素材: each page with the guide's own link, to be copied into a chat."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "rows": materials(guide_id=self.guide_id, now=self.now),
        }
        return self.render("guide_portal/materials.html", context)
