"""What every step shows: its place among the six, and the summary beside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.guide_tasks.models import PushForecast, PushSeries, TaskPush
from apps.guide_tasks.selectors.series import pattern_of
from apps.guide_tasks.services import places, pushes
from apps.hq.access import show
from apps.outreach import policy

STEPS: list[Promise] = [
    gettext_lazy("Whom"),
    gettext_lazy("What"),
    gettext_lazy("By whom, when"),
    gettext_lazy("What counts as done"),
    gettext_lazy("Control group"),
    gettext_lazy("Check and hand out"),
]
WHOM, WHAT, WHEN, DONE, CONTROL, CHECK = range(1, 7)
# what has a result page instead of a wizard
GONE_OUT = (TaskPush.Status.HANDING_OUT, TaskPush.Status.HANDED_OUT, TaskPush.Status.CLOSED)


@dataclass(frozen=True, slots=True)
class Rail:
    """The summary on the right, from the forecast kept with the draft."""

    planned: int
    refused: list[tuple[str, str, int]]
    control: int
    issued: int
    counted_at: datetime | None

    @property
    def not_issued(self) -> int:
        return sum(count for _code, _words, count in self.refused)

    @property
    def reachable(self) -> int:
        return self.control + self.issued


def rail_of(push: TaskPush) -> Rail | None:
    stored = PushForecast.objects.filter(push=push).first()
    if stored is None or not stored.places:
        return None
    found = {place: len(ids) for place, ids in pushes.unpack(stored.places).items()}
    return Rail(
        planned=sum(found.values()),
        refused=[
            (code.value, policy.sentence(code), found[code.value])
            for code in policy.Refusal
            if code.value in found
        ],
        control=found.get(places.CONTROL, 0),
        issued=found.get(places.ISSUED, 0),
        counted_at=stored.counted_at,
    )


def _frame(push: TaskPush, step: int) -> dict[str, Any]:
    return {
        "push": push,
        "series": pattern_of(push),
        "step": step,
        "steps": [
            (number, word, "now" if number == step else "done" if number < step else "")
            for number, word in enumerate(STEPS, start=1)
        ],
        "back_step": step - 1,
        "rail": rail_of(push),
        "segment_name": segment_name(push),
    }


def segment_name(push: TaskPush) -> str:
    """The chosen segment with its version; an adjusted rule says so."""
    if push.segment_run is None:
        return ""
    version = push.segment_run.version
    if not version.segment.is_active:
        return _("adjusted for this push")
    return _("%(name)s (version %(number)s)") % {
        "name": version.segment.name,
        "number": version.number,
    }


def page(
    request: HttpRequest, push: TaskPush, step: int, template: str, **context: Any
) -> HttpResponse:
    """Show a step inside the wizard's frame."""
    return show(request, template, title=push.title, **_frame(push, step), **context)


def to_series(request: HttpRequest, push: TaskPush) -> HttpResponse:
    """Away from the pattern of a series, to its page."""
    messages.success(request, _("Changed. What was handed out stays as it is."))
    return redirect("hq:series", pk=get_object_or_404(PushSeries, pattern=push).pk)


def go_on(request: HttpRequest, push: TaskPush, step: int) -> HttpResponse:
    """After a step was kept: to the next, or away when it was kept for later."""
    if push.status == TaskPush.Status.PATTERN and "draft" in request.POST:
        return to_series(request, push)
    if "draft" in request.POST:
        messages.success(request, _("The draft is kept."))
        return redirect("hq:pushes")
    return redirect("hq:push_step", pk=push.pk, step=step + 1)
