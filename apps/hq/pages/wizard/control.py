"""Step 5: how many are held out, and what difference could then be seen."""

import math
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from apps.core import clock
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import pushes
from apps.hq import forms
from apps.hq.access import actor_of
from apps.hq.pages.wizard import frame

SMALL_CONTROL = 200
# 80 % power, 5 % two-sided
MDE_FACTOR = 2.8
ASSUMED_RATE = 0.05


@dataclass(frozen=True, slots=True)
class ControlSize:
    """What a control share means for this push: how many are held out, what could be seen."""

    share_bp: int
    reachable: int
    control: int

    @property
    def percent(self) -> str:
        return f"{self.share_bp / 100:g}%"

    @property
    def is_small(self) -> bool:
        return self.share_bp > 0 and self.control < SMALL_CONTROL

    @property
    def smallest_difference(self) -> float | None:
        """In percentage points of conversion, at 80 % power."""
        treated = self.reachable - self.control
        if not treated or not self.control:
            return None
        spread = ASSUMED_RATE * (1 - ASSUMED_RATE)
        return 100 * MDE_FACTOR * math.sqrt(spread * (1 / treated + 1 / self.control))


def control_size(share_bp: int, reachable: int, control: int | None = None) -> ControlSize:
    expected = round(reachable * share_bp / 10_000) if control is None else control
    return ControlSize(share_bp=share_bp, reachable=reachable, control=expected)


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    actor = actor_of(request)
    if request.method == "POST":
        form = forms.ControlForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor, control_share_bp=form.basis_points)
            pushes.forecast(push=push, now=clock.now())
            return frame.go_on(request, push, frame.CONTROL)
    else:
        form = forms.ControlForm(initial={"share": push.campaign.control_share_bp / 100})
    rail = frame.rail_of(push)
    reachable = rail.reachable if rail else 0
    return frame.page(
        request,
        push,
        frame.CONTROL,
        "hq/wizard/control.html",
        form=form,
        options=[control_size(share, reachable) for share in (0, 500, 1000, 2000, 3000)],
        current=control_size(push.campaign.control_share_bp, reachable),
        assumed=ASSUMED_RATE * 100,
        small=SMALL_CONTROL,
    )
