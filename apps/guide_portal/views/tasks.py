"""今日 and 任务详情."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from apps.guide_portal.forms import ActForm
from apps.guide_portal.tasks import task_page
from apps.guide_portal.today import today_of
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import GuideTask
from apps.guide_tasks.selectors import own_task


class Today(GuidePage):
    """今日: what to do now, most urgent first, with an end."""

    tab = "today"
    template = "guide_portal/today.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        guide_tasks.open_tasks(guide_id=self.guide_id, now=self.now)
        today = today_of(guide_id=self.guide_id, actor=self.actor, now=self.now)
        if today.items.unseen:
            guide_tasks.open_items(guide_id=self.guide_id, now=self.now)
        self.todo_count = today.day.to_contact
        return self.render(self.template, {"today": today})


class TodayLive(GuidePage):
    """The same list, asked for again while something waits for WeCom."""

    def get(self, request: HttpRequest) -> HttpResponse:
        today = today_of(guide_id=self.guide_id, actor=self.actor, now=self.now)
        self.todo_count = today.day.to_contact
        context = {"today": today, "swap": True}
        return self.render("guide_portal/partials/_today.html", context)


class TaskBase(GuidePage):
    def task(self, task_id: int) -> GuideTask:
        """This guide's own task; a colleague's is 404."""
        task = own_task(task_id=task_id, guide_id=self.guide_id, actor=self.actor)
        if task is None:
            raise Http404
        return task


class Task(TaskBase):
    template = "guide_portal/task.html"

    def get(self, request: HttpRequest, task_id: int) -> HttpResponse:
        task = guide_tasks.open_task(task=self.task(task_id), now=self.now, actor=self.actor)
        page = task_page(task=task, way=request.GET.get("way", ""), now=self.now)
        return self.render(self.template, {"page": page})


class TaskLive(Task):
    template = "guide_portal/partials/_task.html"


class SendTask(TaskBase):
    """发给全部: one text, one mass-send task, one confirmation on the phone."""

    def post(self, request: HttpRequest, task_id: int) -> HttpResponseBase:
        task = self.task(task_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        guide_tasks.send_to_task(
            task=task,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        return redirect("guide_portal:task", task.pk)
