"""Step 3: which guide, at what hours, and the minutes it asks of them."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse

from apps.core import clock
from apps.guide_tasks.models import PushForecast, TaskPush
from apps.guide_tasks.selectors import PushCost, push_cost
from apps.guide_tasks.services import pushes
from apps.hq import forms
from apps.hq.access import actor_of
from apps.hq.pages.wizard import frame


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    now = clock.now()
    if request.method == "POST":
        form = forms.WhenForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor_of(request), **form.cleaned_data)
            return frame.go_on(request, push, frame.WHEN)
    else:
        form = forms.WhenForm(initial=forms.initial_when(push, now))
    cost = cost_of(push, now)
    choices = forms.assign_sentences()
    return frame.page(
        request, push, frame.WHEN, "hq/wizard/when.html", form=form, cost=cost, assign=choices
    )


def cost_of(push: TaskPush, now: datetime) -> PushCost | None:
    """What the push asks of its guides, from the counting kept with the draft."""
    loads = PushForecast.objects.filter(push=push).values_list("loads", flat=True).first()
    return push_cost(push=push, loads=loads, now=now) if loads else None
