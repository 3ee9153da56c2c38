"""For store managers: a leaver's WeCom friends go over, planned first, followed to the end; and the
region's word where owners differ."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.fields import LinesField
from apps.core.ids import row_ids
from apps.guide_portal.forms import ActForm
from apps.guide_portal.handovers import run_page
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.views.people import HandoverOf
from apps.guide_portal.views.region import RegionPage
from apps.handovers import services
from apps.handovers.models import HandoverRun
from apps.stores.models import Guide

BIG = 2**63 - 1


class SuccessorForm(ActForm):
    """Customers of one successor, or the ticked ones, go to another."""

    to = forms.IntegerField(min_value=1, max_value=BIG)
    instead_of = forms.IntegerField(min_value=1, max_value=BIG, required=False)
    item = forms.TypedMultipleChoiceField(coerce=int, required=False)
    group = forms.TypedMultipleChoiceField(coerce=int, required=False)

    def allow(self, name: str, asked: list[str]) -> "SuccessorForm":
        known = self.fields[name]
        assert isinstance(known, forms.TypedMultipleChoiceField)
        known.choices = [(pk, pk) for pk in row_ids(asked)]
        return self


class DecideForm(forms.Form):
    allow = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    word = LinesField(max_length=200, required=False)


class PlanHandover(HandoverOf):
    """Who gets whom: a plan, nothing happens yet."""

    http_method_names = ["post"]
    capability = Capability.HAND_OVER

    def post(self, request: HttpRequest, guide_id: int) -> HttpResponseBase:
        store = self.store()
        guide = self.gone(store, guide_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        run = services.plan_run(guide=guide, store=store, actor=self.actor, now=self.now)
        return redirect("guide_portal:handover_run", run_id=run.pk)


class RunPage(GuidePage):
    """One handover: its plan, then its progress."""

    capability = Capability.HAND_OVER
    tab = "tools"

    def run(self, run_id: int) -> HandoverRun:
        seen = HandoverRun.objects.visible_to(self.actor).exclude(state=HandoverRun.State.DROPPED)
        rows = seen.select_related("guide", "store", "to_store")
        found: HandoverRun = get_object_or_404(rows, pk=run_id)
        return found

    def get(self, request: HttpRequest, run_id: int) -> HttpResponse:
        page = run_page(run=self.run(run_id), now=self.now)
        return self.render("guide_portal/handover_run.html", {"page": page})

    def back(self, run: HandoverRun) -> HttpResponseBase:
        return redirect("guide_portal:handover_run", run_id=run.pk)


class StartHandover(RunPage):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        run, form = self.run(run_id), ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        if request.POST.get("act") == "drop":
            services.drop_run(run=run, actor=self.actor, now=self.now)
            messages.success(request, _("Dropped; nothing has changed for the customers"))
            address = redirect("guide_portal:handover_of", guide_id=run.guide_id)
            address["Location"] += f"?store={run.store_id}"
            return address
        run = services.start_run(run=run, actor=self.actor, now=self.now)
        if run.state == HandoverRun.State.TO_APPROVE:
            messages.success(request, _("The region decides first, because the owners differ"))
        else:
            messages.success(request, _("Started. WeCom tells the customers; it takes 24 hours"))
        return self.back(run)


class ChangeSuccessor(RunPage):
    """Before the start: somebody else takes over. After it: those that are left are tried again."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        run = self.run(run_id)
        form = SuccessorForm(request.POST)
        for name in ("item", "group"):
            form.allow(name, request.POST.getlist(name))
        if not form.is_valid():
            return self.bad_form(form)
        given = form.cleaned_data
        to: Guide = get_object_or_404(Guide, pk=given["to"])
        counted: list[int] = []
        if run.state == HandoverRun.State.DRAFT:
            instead = Guide.objects.filter(pk=given["instead_of"]).first()
            if instead is None and not given["item"] and not given["group"]:
                raise Http404
            counted.append(
                services.change_successor(
                    run=run, to=to, instead_of=instead, item_ids=given["item"],
                    group_ids=given["group"], actor=self.actor, now=self.now,
                )
            )  # fmt: skip
        else:
            self.once(
                given["client_id"],
                lambda: counted.append(
                    services.try_again(
                        run=run, item_ids=given["item"], group_ids=given["group"], to=to,
                        actor=self.actor, now=self.now,
                    )
                ),
            )  # fmt: skip
        if counted:
            words = _("%(n)s go to %(name)s") % {"n": sum(counted), "name": to.name}
            messages.success(request, words)
        return self.back(run)


class DecideHandover(RegionPage):
    """Between owners the region says yes, or no with a word."""

    capability = Capability.LEAD_REGION

    def post(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        run = get_object_or_404(HandoverRun.objects.waiting_for(self.actor), pk=run_id)
        form = DecideForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        allow = form.cleaned_data["allow"] == "yes"
        services.decide_run(
            run=run, allow=allow, word=form.cleaned_data["word"], actor=self.actor, now=self.now
        )
        messages.success(request, _("Allowed; it begins now") if allow else _("Sent back"))
        return redirect("guide_portal:approvals")
