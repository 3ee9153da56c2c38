"""Step 3: which guide, at what hours, once or again and again, and the minutes it asks of them."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks.models import PushForecast, PushSeries, TaskPush
from apps.guide_tasks.selectors import PushCost, push_cost
from apps.guide_tasks.selectors.series import pattern_of
from apps.guide_tasks.services import pushes
from apps.guide_tasks.services.series import prepare_series
from apps.hq import forms
from apps.hq.access import actor_of
from apps.hq.pages.wizard import frame
from apps.hq.series_forms import ONCE, RhythmForm, initial_of, initial_rhythm


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    now, series = clock.now(), pattern_of(push)
    may_be_once = push.status != TaskPush.Status.PATTERN
    problem = ""
    if request.method == "POST":
        repeats = request.POST.get("every", ONCE) != ONCE
        form = forms.WhenForm(request.POST, repeats=repeats)
        rhythm = RhythmForm(request.POST, once=may_be_once)
        # both, so that every mistake is shown at once
        if all([form.is_valid(), rhythm.is_valid()]):
            try:
                _keep(request, push, form, rhythm, now)
            except DomainError as error:
                problem = str(error)
            else:
                return frame.go_on(request, push, frame.WHEN)
    else:
        form = forms.WhenForm(initial=forms.initial_when(push, now))
        rhythm = RhythmForm(initial=_initial(push, series, now), once=may_be_once)
    return frame.page(
        request,
        push,
        frame.WHEN,
        "hq/wizard/when.html",
        form=form,
        rhythm=rhythm,
        problem=problem,
        cost=cost_of(push, now),
        assign=forms.assign_sentences(),
    )


def _initial(push: TaskPush, series: PushSeries | None, now: datetime) -> dict[str, Any]:
    if series is not None:
        return initial_of(series)
    return initial_rhythm(push, now) | {"every": ONCE}


@transaction.atomic
def _keep(
    request: HttpRequest, push: TaskPush, form: forms.WhenForm, rhythm: RhythmForm, now: datetime
) -> None:
    actor = actor_of(request)
    changed = pushes.update_push(push=push, actor=actor, **form.cleaned_data)
    prepare_series(push=changed, terms=rhythm.terms, actor=actor, now=now)


def cost_of(push: TaskPush, now: datetime) -> PushCost | None:
    """What the push asks of its guides, from the counting kept with the draft."""
    loads = PushForecast.objects.filter(push=push).values_list("loads", flat=True).first()
    return push_cost(push=push, loads=loads, now=now) if loads else None
