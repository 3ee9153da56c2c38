"""For store managers: tasks of the own store, and what waits for the manager's word."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_portal.approvals import approvals
from apps.guide_portal.forms import ActForm, too_long
from apps.guide_portal.item_forms import ANYONE, DUE_CHOICES, NewTaskForm, RefuseForm
from apps.guide_portal.items import store_tasks
from apps.guide_portal.views.base import GuidePage, LeadersPage
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskItem
from apps.stores.models import Store


class StoreTasks(GuidePage):
    """门店任务: what runs besides customers, and who has done it."""

    capability = Capability.MANAGE_TEAM

    def get(self, request: HttpRequest) -> HttpResponse:
        tasks = store_tasks(actor=self.actor, now=self.now)
        return self.render("guide_portal/store_tasks.html", {"tasks": tasks})


class NewTask(GuidePage):
    """新建任务: once for the store, or for every guide of it."""

    capability = Capability.MANAGE_TEAM

    def _stores(self) -> list[Store]:
        stores = list(Store.objects.filter(pk__in=self.actor.store_ids).order_by("code"))
        if not stores:
            raise Http404
        return stores

    def _page(self, form: NewTaskForm, *, status: int = 200, problem: str = "") -> HttpResponse:
        context = {
            "form": form,
            "stores": form.stores if len(form.stores) > 1 else [],
            "dues": DUE_CHOICES,
            "problem": problem,
            "who": form["who"].value() or ANYONE,
            "days": str(form["days"].value() or 1),
        }
        return self.render("guide_portal/new_task.html", context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(NewTaskForm(stores=self._stores()))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = NewTaskForm(request.POST, stores=self._stores())
        if not form.is_valid():
            if form.has_error("client_id"):
                return self.bad_form(form)
            problem = too_long(form) or _("Say what is to be done")
            return self._page(form, status=400, problem=problem)
        now = self.now
        try:
            made = self.once(
                form.cleaned_data["client_id"],
                lambda: guide_tasks.create_item_push(
                    wanted=form.wanted(now=now),
                    actor=self.actor,
                    now=now,
                    client_id=form.cleaned_data["client_id"],
                ),
            )
        except DomainError as error:
            return self._page(form, status=409, problem=str(error))
        if made:
            messages.success(request, _("Handed out; your colleagues see it on their phones"))
        return redirect("guide_portal:store_tasks")


class Approvals(LeadersPage):
    """待审批: everything that waits for the actor's word."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = approvals(actor=self.actor, now=self.now)
        return self.render("guide_portal/approvals.html", {"rows": rows})


class DecideItem(GuidePage):
    capability = Capability.MANAGE_TEAM

    def item(self, item_id: int) -> TaskItem:
        return get_object_or_404(TaskItem.objects.managed_by(self.actor), pk=item_id)


class ApproveItem(DecideItem):
    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.approve_item(item=item, actor=self.actor, now=self.now),
        )
        if done:
            messages.success(request, _("Approved"))
        return redirect("guide_portal:approvals")


class RefuseItem(DecideItem):
    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = RefuseForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if form.has_error("reason"):
            messages.error(request, _("Say what is missing, so that it can be put right."))
            return redirect("guide_portal:approvals")
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.refuse_item(
                item=item, reason=form.cleaned_data["reason"], actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, _("Sent back with your reason"))
        return redirect("guide_portal:approvals")
