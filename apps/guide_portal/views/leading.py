"""For store managers: one piece of work gets a reminder or more time, or is taken back."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.capabilities import Capability
from apps.core.ids import row_ids
from apps.guide_portal.cards import due_chip, person_of
from apps.guide_portal.item_forms import ChaseItemsForm, MoreTimeForm, TakeBackForm
from apps.guide_portal.leading import reasons_to_take_back, why_of
from apps.guide_portal.views.base import GuidePage, referring_page
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import OVER_STATES, GuideTask, TaskItem, TaskTarget
from apps.guide_tasks.services import recalling
from apps.guide_tasks.services.items import leading

MORE_TIME = gettext_lazy("More time given; your colleague is told")
NO_SUCH_DAY = gettext_lazy("Choose one of the days that are offered")
OPENED = gettext_lazy("Open again; your colleague is told")


class LeadPage(GuidePage):
    capability = Capability.MANAGE_TEAM

    def item(self, item_id: int) -> TaskItem:
        return get_object_or_404(TaskItem.objects.managed_by(self.actor), pk=item_id)

    def work_of(self, row: GuideTask | TaskTarget) -> HttpResponse:
        """Back to the guide's work in that store."""
        address = reverse("guide_portal:work", args=[row.guide_id])
        return redirect(f"{address}?store={row.store_id}")

    def why_missing(self) -> HttpResponse:
        messages.error(self.request, _("Say in a few words why."))
        return redirect(referring_page(self.request))


# --- customers of a guide -------------------------------------------------------------------------


class ExtendTask(LeadPage):
    """More time for one guide's share of a push, or what was over in it is open again."""

    def post(self, request: HttpRequest, task_id: int) -> HttpResponseBase:
        mine = GuideTask.objects.managed_by(self.actor).select_related("push")
        task = get_object_or_404(mine, pk=task_id)
        form = MoreTimeForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form, str(NO_SUCH_DAY))
        if form.cleaned_data["over"]:
            self.open_again(task, form)
            return self.work_of(task)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: recalling.extend_task(
                task=task, due_at=form.due_at, actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, MORE_TIME)
        return self.work_of(task)

    def open_again(self, task: GuideTask, form: MoreTimeForm) -> None:
        """Says beside it for how many customers nothing was opened, and why."""
        came: list[recalling.Reopened] = []
        self.once(
            form.cleaned_data["client_id"],
            lambda: came.append(
                recalling.reopen_task(task=task, due_at=form.due_at, actor=self.actor, now=self.now)
            ),
        )
        for result in came:
            if result.opened or not (result.elsewhere or result.refused):
                messages.success(self.request, OPENED)
            if result.elsewhere:
                words = _("%(n)s customers stay closed: another task for them is running.")
                messages.warning(self.request, words % {"n": result.elsewhere})
            if result.refused:
                words = _("%(n)s customers took their consent back: nothing to do for them.")
                messages.warning(self.request, words % {"n": result.refused})


class WithdrawTarget(LeadPage):
    """撤回 of one customer: one tap on the reason, which the guide reads."""

    def target(self, target_id: int) -> TaskTarget:
        rows = TaskTarget.objects.managed_by(self.actor).opened_by(self.now)
        return get_object_or_404(rows.select_related("push", "member", "guide"), pk=target_id)

    def get(self, request: HttpRequest, target_id: int) -> HttpResponse:
        target = self.target(target_id)
        work = reverse("guide_portal:work", args=[target.guide_id])
        context: dict[str, Any] = {
            "target": target,
            "person": person_of(target.member),
            "guide": target.guide.name,
            "due": due_chip(target.due_at, now=self.now),
            "reasons": reasons_to_take_back(customers=True),
            "action": reverse("guide_portal:withdraw_target", args=[target.pk]),
            "back": f"{work}?store={target.store_id}",
        }
        return self.render("guide_portal/take_back.html", context)

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = TakeBackForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        why = why_of(form.cleaned_data["reason"], form.cleaned_data["words"], customers=True)
        if not why:
            return self.why_missing()
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.withdraw_target(
                target=target, why=why, actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, _("Taken back; your colleague is told"))
        return self.work_of(target)


# --- work without customers -----------------------------------------------------------------------


class ChaseItems(LeadPage):
    """催办 of all that is not done of a push, or of one item: at most three a day."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        items = TaskItem.objects.managed_by(self.actor).filter(
            pk__in=row_ids(request.POST.getlist("item"))
        )
        mine = list(items.values_list("pk", flat=True))
        if not mine:
            raise Http404
        form = ChaseItemsForm(request.POST, items=mine)
        if not form.is_valid():
            return self.bad_form(form)
        told: list[int] = []
        self.once(
            form.cleaned_data["client_id"],
            lambda: told.append(
                guide_tasks.chase_items(
                    item_ids=form.cleaned_data["item"], actor=self.actor, now=self.now
                )
            ),
        )
        if any(told):
            messages.success(request, _("Reminded; their list shows it first"))
        elif told:
            messages.info(request, _("Nothing of it is open any more"))
        return redirect("guide_portal:store_tasks")


class ExtendItem(LeadPage):
    """More time for one item; one that was over is open again."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = MoreTimeForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form, str(NO_SUCH_DAY))
        is_over = item.state in OVER_STATES
        act = leading.reopen_item if is_over else leading.extend_item
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: act(item=item, due_at=form.due_at, actor=self.actor, now=self.now),
        )
        if done:
            messages.success(request, OPENED if is_over else MORE_TIME)
        return redirect("guide_portal:item", item.pk)


class WithdrawItem(LeadPage):
    """撤回 of one item: one tap on the reason, which its guide reads."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = TakeBackForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        why = why_of(form.cleaned_data["reason"], form.cleaned_data["words"], customers=False)
        if not why:
            return self.why_missing()
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.withdraw_item(item=item, why=why, actor=self.actor, now=self.now),
        )
        if done:
            messages.success(request, _("Taken back; your colleague is told"))
        return redirect("guide_portal:store_tasks")
