"""接手: the list, one of them, yes or what is wrong; the manager's answer."""

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_portal import reassignments
from apps.guide_portal.forms import ActForm, too_long
from apps.guide_portal.reassignment_forms import QuestionForm, SettleForm
from apps.guide_portal.views.base import GuidePage
from apps.handovers import services
from apps.handovers.models import Reassignment
from apps.stores.models import Guide, Posting


class Reassignments(GuidePage):
    """What came to this guide, to be accepted or lately answered."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "lines": reassignments.lines_of(guide_id=self.guide_id, now=self.now),
            "empty_to": reverse("guide_portal:customers"),
        }
        return self.render("guide_portal/reassignments.html", context)


class OneReassignment(GuidePage):
    def row(self, reassignment_id: int) -> Reassignment:
        """One's own, or one of the store for its manager; any other is 404."""
        rows = Reassignment.objects.visible_to(self.actor)
        found = rows.select_related("guide", "from_guide", "store", "run")
        return get_object_or_404(found, pk=reassignment_id)

    def get(self, request: HttpRequest, reassignment_id: int) -> HttpResponse:
        return self.page(self.row(reassignment_id))

    def page(
        self,
        row: Reassignment,
        *,
        form: Form | None = None,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        sent = form.data if form else {}
        context = {
            "page": reassignments.page_of(row, actor=self.actor, now=self.now),
            "words": sent.get("words", ""),
            "word": sent.get("word", ""),
            "to": sent.get("to", ""),
            "problem": problem,
        }
        return self.render("guide_portal/reassignment.html", context, status=status)


class Accept(OneReassignment):
    """我来接手."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, reassignment_id: int) -> HttpResponseBase:
        row, form = self.row(reassignment_id), ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        services.accept(reassignment_id=row.pk, actor=self.actor, now=self.now)
        messages.success(request, _("Accepted. Below is what comes next with each of them"))
        return redirect("guide_portal:reassignment", row.pk)


class Question(OneReassignment):
    """有问题: a sentence for the manager."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, reassignment_id: int) -> HttpResponseBase:
        row, form = self.row(reassignment_id), QuestionForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Write in a sentence what is wrong, or what you answer.")
            return self.page(row, form=form, problem=problem, status=400)
        try:
            services.question(
                reassignment_id=row.pk,
                words=form.cleaned_data["words"],
                actor=self.actor,
                now=self.now,
            )
        except DomainError as error:
            return self.page(row, form=form, problem=str(error), status=409)
        messages.success(request, _("Your manager has a card about it and answers"))
        return redirect("guide_portal:reassignment", row.pk)


class Settle(OneReassignment):
    """The manager's word: they stay, or a colleague takes them."""

    http_method_names = ["post"]
    capability = Capability.MANAGE_TEAM

    def row(self, reassignment_id: int) -> Reassignment:
        rows = Reassignment.objects.of_others(self.actor)
        found = rows.select_related("guide", "from_guide", "store", "run")
        return get_object_or_404(found, pk=reassignment_id)

    def post(self, request: HttpRequest, reassignment_id: int) -> HttpResponseBase:
        row, form = self.row(reassignment_id), SettleForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            said = next(iter(form.non_field_errors()), "")
            problem = too_long(form) or said or _("Choose what you decide.")
            return self.page(row, form=form, problem=str(problem), status=400)
        given = form.cleaned_data
        to = self._colleague(row, given["to"]) if given["act"] == "give" else None
        try:
            services.settle(
                reassignment_id=row.pk, word=given["word"], to=to, actor=self.actor, now=self.now
            )
        except DomainError as error:
            return self.page(row, form=form, problem=str(error), status=409)
        words = _("They go to %(name)s") % {"name": to.name} if to else _("Answered")
        messages.success(request, words)
        return redirect("guide_portal:approvals")

    def _colleague(self, row: Reassignment, guide_id: int) -> Guide:
        here = Posting.objects.on(self.actor.on).filter(store=row.store).values("guide_id")
        return get_object_or_404(Guide.objects.exclude(pk=row.guide_id), pk__in=here, pk=guide_id)
