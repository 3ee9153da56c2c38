"""A regional manager's tasks: handed out after a look at what runs, and other times for a push."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_portal import region, region_tasks
from apps.guide_portal.forms import too_long
from apps.guide_portal.item_forms import DUE_CHOICES
from apps.guide_portal.region_forms import MINUTES, RegionTaskForm, TimingForm, kinds_on
from apps.guide_portal.views.region import RegionPage
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services.timing import retime_push
from apps.stores.models import Region, Store


class NewRegionTask(RegionPage):
    """Work without customers for stores of the own regions. The first answer is what runs there
    already; the second hands it out."""

    capability = Capability.LEAD_REGION

    def _form(self, *data: Any) -> RegionTaskForm:
        seen = Store.objects.visible_to(self.actor).open_on(clock.business_day(self.now))
        return RegionTaskForm(*data, seen=seen.select_related("region").order_by("code"))

    def _page(
        self,
        form: RegionTaskForm,
        *,
        status: int = 200,
        problem: str = "",
        check: region_tasks.Check | None = None,
    ) -> HttpResponse:
        kinds, chosen = kinds_on(), {str(pk) for pk in form["stores"].value() or []}
        field = form.fields["stores"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        assert field.queryset is not None
        context = {
            "form": form,
            "problem": problem,
            "check": check,
            "kinds": kinds,
            "kind": form["kind"].value() or (kinds[0][0] if kinds else ""),
            "quotas": TaskPush.QuotaOf.choices,
            "quota_of": form["quota_of"].value() or TaskPush.QuotaOf.MEMBERS,
            "minutes": [(n, str(n) == str(form["minutes"].value())) for n in MINUTES],
            "dues": DUE_CHOICES,
            "days": str(form["days"].value() or 1),
            "stores": [(one, not form.is_bound or str(one.pk) in chosen) for one in field.queryset],
        }
        name = "guide_portal/region_task_check.html" if check else "guide_portal/region_task.html"
        return self.render(name, context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(self._form())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = self._form(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            return self._page(form, status=400, problem=_problem(form))
        now, wanted = self.now, form.wanted(now=self.now)
        if "change" in request.POST:
            return self._page(form)
        if not form.cleaned_data["sure"]:
            found = region_tasks.check(
                stores=wanted.stores,
                minutes=wanted.minutes,
                due_at=wanted.due_at,
                now=now,
            )
            return self._page(form, check=found)
        try:
            guide_tasks.create_item_push(
                wanted=wanted,
                actor=self.actor,
                now=now,
                client_id=form.cleaned_data["client_id"],
            )
        except DomainError as error:
            return self._page(form, status=409, problem=str(error))
        messages.success(request, _("Handed out; the stores see it on their phones"))
        return redirect("guide_portal:region_pushes")


def _problem(form: RegionTaskForm) -> str:
    if form.has_error("stores"):
        return _("Choose at least one store")
    if form.has_error("quota"):
        return str(form.errors["quota"][0])
    return too_long(form) or _("Say what is to be done")


class RegionPush(RegionPage):
    """A running push in the own regions: what is open, other times for it, who changed what."""

    capability = Capability.LEAD_REGION

    def push(self, push_id: int) -> TaskPush:
        running = TaskPush.objects.visible_to(self.actor).filter(handed_out_at__isnull=False)
        found: TaskPush = get_object_or_404(running, pk=push_id)
        return found

    def _page(self, push: TaskPush, *, status: int = 200, problem: str = "") -> HttpResponse:
        page = region_tasks.push_page(push=push, actor=self.actor, now=self.now)
        context = {"page": page, "problem": problem, "given": self.request.POST}
        return self.render("guide_portal/region_push.html", context, status=status)

    def get(self, request: HttpRequest, push_id: int) -> HttpResponse:
        return self._page(self.push(push_id))

    def post(self, request: HttpRequest, push_id: int) -> HttpResponseBase:
        push, form = self.push(push_id), TimingForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        found = form.cleaned_data
        opens_at, more_days = form.opens_at(now=self.now), found["more_days"] or 0
        seen = region.seen_stores(self.actor).values("region_id")
        place: Region = get_object_or_404(Region.objects.filter(pk__in=seen), pk=found["region"])
        if opens_at is None and not more_days:
            return self._page(push, status=400, problem=_("Choose a later hour or more days"))
        try:
            retime_push(
                push=push,
                region=place,
                reason=found["reason"],
                opens_at=opens_at,
                more_days=more_days,
                actor=self.actor,
                now=self.now,
                client_id=found["client_id"],
            )
        except DomainError as error:
            return self._page(push, status=409, problem=str(error))
        messages.success(request, _("Changed; head office sees it with your reason"))
        return redirect("guide_portal:region_push", push_id=push.pk)
