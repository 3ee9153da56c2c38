"""For store managers: 早会, 预警, and the differences somebody should ask about."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
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
        return self.render("guide_portal/morning.html", context)


class Alerts(StorePage):
    def get(self, request: HttpRequest) -> HttpResponse:
        page = alerts_page(store=self.store(), actor=self.actor, now=self.now)
        return self.render("guide_portal/alerts.html", {"page": page})


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


class DecideShare(GuidePage):
    """A share of 不适用 over the limit: it stands, or the work goes back."""

    capability = Capability.MANAGE_TEAM

    def decided(
        self, request: HttpRequest, decide: Callable[[bool], int], back: str
    ) -> HttpResponseBase:
        """Decide once; `back` says how many went back."""
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        give_back = request.POST.get("decision") == "return"
        returned: list[int] = []
        done = self.once(form.cleaned_data["client_id"], lambda: returned.append(decide(give_back)))
        if done:
            words = back % {"n": sum(returned)} if give_back else _("Confirmed, it stands")
            messages.success(request, words)
        return redirect("guide_portal:approvals")


class DecideExcuses(DecideShare):
    """Of one guide's task: the customers go back to the guide."""

    def post(self, request: HttpRequest, task_id: int) -> HttpResponseBase:
        mine = GuideTask.objects.visible_to(self.actor).exclude(guide_id=self.guide_id)
        task = get_object_or_404(mine, pk=task_id)
        return self.decided(
            request,
            lambda back: excuse_share.decide(
                task=task, give_back=back, actor=self.actor, now=self.now
            ),
            _("%(n)s customers are back with the guide"),
        )


class DecideItemExcuses(DecideShare):
    """Of a store's work without customers: it is to be done."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        led = TaskItem.objects.managed_by(self.actor).exclude(guide_id=self.guide_id)
        item = get_object_or_404(led, pk=item_id)
        return self.decided(
            request,
            lambda back: decide_items(item=item, give_back=back, actor=self.actor, now=self.now),
            _("%(n)s are to be done again"),
        )
