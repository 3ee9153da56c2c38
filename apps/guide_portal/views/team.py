"""团队任务, for store managers: progress by guide, and 催办."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.ids import row_ids
from apps.guide_portal.chats import team_chats
from apps.guide_portal.forms import ChaseForm
from apps.guide_portal.news import team_waiting
from apps.guide_portal.stock_requests import waiting_for
from apps.guide_portal.team import team_page
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import GuideTask
from apps.guide_tasks.selectors import pushes_to_help, running_pushes


class Team(GuidePage):
    capability = Capability.MANAGE_TEAM

    def get(self, request: HttpRequest) -> HttpResponse:
        pushes = running_pushes(actor=self.actor)
        more = {
            "chats": team_chats(actor=self.actor, now=self.now),
            "pieces_waiting": waiting_for(actor=self.actor),
            "news_waiting": team_waiting(actor=self.actor, now=self.now),
        }
        if not pushes:
            empty = {
                "page": None,
                **more,
                "empty_head": _("No task in your store now"),
                "empty_words": _("Progress appears here as soon as head office hands out a task."),
                "empty_action": _("Back to today"),
                "empty_to": reverse("guide_portal:today"),
            }
            return self.render("guide_portal/team.html", empty)
        asked = request.GET.get("push", "")
        chosen = [pk for pk, _title in pushes if not asked or str(pk) == asked]
        page = None
        if chosen:
            push_id = self._first_to_help(chosen)
            page = team_page(actor=self.actor, push_id=push_id, pushes=pushes, now=self.now)
        if page is None:
            raise Http404
        return self.render("guide_portal/team.html", {"page": page, **more})

    def _first_to_help(self, push_ids: list[int]) -> int:
        """The latest push in which somebody needs a hand; else simply the latest."""
        if len(push_ids) == 1:
            return push_ids[0]
        stuck = pushes_to_help(actor=self.actor, now=self.now)
        return next((pk for pk in push_ids if pk in stuck), push_ids[0])


class Chase(GuidePage):
    """催办: at most three a day for each guide."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest) -> HttpResponseBase:
        tasks = GuideTask.objects.visible_to(self.actor).filter(
            pk__in=row_ids(request.POST.getlist("task"))
        )
        mine = list(tasks.values_list("pk", flat=True))
        form = ChaseForm(request.POST, tasks=mine)
        if not mine:
            raise Http404
        if not form.is_valid():
            return self.bad_form(form)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.chase(
                task_ids=form.cleaned_data["task"], actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, _("Reminded; their list shows it first"))
        return redirect(f"{reverse('guide_portal:team')}?push={form.cleaned_data['push']}")
