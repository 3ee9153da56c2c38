"""For store managers: 早会, 预警, and the differences somebody should ask about."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.guide_portal.alerts import alerts_page
from apps.guide_portal.forms import ActForm
from apps.guide_portal.morning import morning_page
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.views.people import StorePage
from apps.guide_portal.visits import open_lines
from apps.guide_tasks.models import GuideTask, TaskItem
from apps.guide_tasks.services import excuse_share
from apps.guide_tasks.services.items.excuse_share import decide_items
from apps.wecom_sync import services as wecom_sync
from apps.wecom_sync.models import GuideDay


class MorningMeeting(StorePage):
    def get(self, request: HttpRequest) -> HttpResponse:
        store = self.store()
        context = {
            "page": morning_page(store=store, now=self.now),
            "to_follow": open_lines(store=store, actor=self.actor, now=self.now),
        }
        return render(request, "guide_portal/morning.html", context)


class Alerts(StorePage):
    def get(self, request: HttpRequest) -> HttpResponse:
        page = alerts_page(store=self.store(), actor=self.actor, now=self.now)
        return render(request, "guide_portal/alerts.html", {"page": page})


class LookAtMismatch(GuidePage):
    """The manager has asked: the row leaves 待审批, the figures stay."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, day_id: int) -> HttpResponseBase:
        mine = GuideDay.objects.visible_to(self.actor).exclude(guide_id=self.guide_id)
        day = get_object_or_404(mine, pk=day_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: wecom_sync.look_at_mismatch(day=day, actor=self.actor, now=self.now),
        )
        if done:
            messages.success(request, _("Noted that you asked"))
        return redirect("guide_portal:approvals")


class DecideExcuses(GuidePage):
    """The share of 不适用 of one guide's task: it stands, or the customers go back to the guide."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, task_id: int) -> HttpResponseBase:
        mine = GuideTask.objects.visible_to(self.actor).exclude(guide_id=self.guide_id)
        task = get_object_or_404(mine, pk=task_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        give_back = request.POST.get("decision") == "return"
        returned: list[int] = []
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: returned.append(
                excuse_share.decide(task=task, give_back=give_back, actor=self.actor, now=self.now)
            ),
        )
        if done and give_back:
            words = _("%(n)s customers are back with the guide") % {"n": sum(returned)}
            messages.success(request, words)
        elif done:
            messages.success(request, _("Confirmed, it stands"))
        return redirect("guide_portal:approvals")


class DecideItemExcuses(GuidePage):
    """What a store calls 不适用 of work without customers: it stands, or is to be done."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        led = TaskItem.objects.managed_by(self.actor).exclude(guide_id=self.guide_id)
        item = get_object_or_404(led, pk=item_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        give_back = request.POST.get("decision") == "return"
        returned: list[int] = []
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: returned.append(
                decide_items(item=item, give_back=give_back, actor=self.actor, now=self.now)
            ),
        )
        if done and give_back:
            messages.success(request, _("%(n)s are to be done again") % {"n": sum(returned)})
        elif done:
            messages.success(request, _("Confirmed, it stands"))
        return redirect("guide_portal:approvals")
