"""Step 4: which proof counts as done."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.core import clock
from apps.guide_tasks.models import Grade, TaskPush
from apps.guide_tasks.services import pushes
from apps.hq import forms
from apps.hq.access import actor_of
from apps.hq.pages.wizard import frame


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    if request.method == "POST":
        form = forms.DoneForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor_of(request), **form.cleaned_data)
            return frame.go_on(request, push, frame.DONE)
    else:
        form = forms.DoneForm(
            initial={
                "required_grade": push.required_grade,
                "window_days": push.campaign.window_days,
                "follow_up_days": push.follow_up_days,
            }
        )
    counted = pushes.forecast(push=push, now=clock.now())
    return frame.page(
        request,
        push,
        frame.DONE,
        "hq/wizard/done.html",
        form=form,
        grades=grade_sentences(),
        counted=counted,
    )


def grade_sentences() -> list[tuple[int, Any, str]]:
    """The choices with what each means."""
    return [
        (
            int(Grade.DELIVERED),
            Grade.DELIVERED.label,
            _("WeCom reports that the message went out to this customer, or the customer tapped "
              "their own link. What the guide says does not count."),
        ),
        (
            int(Grade.INITIATED),
            Grade.INITIATED.label,
            _("The guide opened the chat or sent from the sidebar. The phone says so, WeCom does "
              "not confirm it."),
        ),
        (
            int(Grade.SELF_REPORTED),
            Grade.SELF_REPORTED.label,
            _("The guide pressed a button. Its share is shown beside the completion rate."),
        ),
    ]  # fmt: skip
