"""The addresses of the wizard: a new draft, its steps, its end."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import row_id
from apps.guide_tasks.errors import CampaignShared, PushBeingHandedOut
from apps.guide_tasks.models import PushForecast, TaskPush
from apps.guide_tasks.services import pushes
from apps.hq import forms
from apps.hq.access import actor_of, hq_action, hq_page
from apps.hq.pages.wizard import control, frame, proof, summary, what, who_when, whom
from apps.reports import selectors as reports
from apps.segments import services as segments
from apps.segments.models import Segment, SegmentVersion

TITLE_LENGTH = 40
STEP_VIEWS = {
    frame.WHOM: whom.page,
    frame.WHAT: what.page,
    frame.WHEN: who_when.page,
    frame.DONE: proof.page,
    frame.CONTROL: control.page,
    frame.CHECK: summary.page,
}


def draft_or_404(pk: int) -> TaskPush:
    return get_object_or_404(
        TaskPush.objects.select_related(
            "campaign", "segment_run__version__segment", "template", "asset", "coupon"
        ),
        pk=pk,
        kind=TaskPush.Kind.CONTACT,
    )


def _draft_of(request: HttpRequest, name: str, version: SegmentVersion | None) -> HttpResponse:
    """Make the draft at once and open the first step."""
    now, actor = clock.now(), actor_of(request)
    run = segments.run_segment(version=version, now=now, cause="push") if version else None
    day = clock.business_day(now)
    push = pushes.create_push(
        title=f"{name[: TITLE_LENGTH - 8]} · {day:%m-%d}",
        actor=actor,
        now=now,
        segment_run=run,
        due_at=forms.default_due(now),
    )
    if run is not None:
        pushes.forecast(push=push, now=now)
    return redirect("hq:push_step", pk=push.pk, step=frame.WHOM)


@hq_page(Capability.PUSH_TASKS)
def push_new(request: HttpRequest) -> HttpResponse:
    """A draft: of a segment when one was chosen, else empty. Who comes without a form chooses."""
    if request.method != "POST":
        return redirect("hq:push_kinds")
    wanted, chosen = row_id(request.POST.get("segment", "")), None
    if wanted:
        chosen = get_object_or_404(Segment, pk=wanted, is_active=True)
    version = chosen.versions.order_by("-number").first() if chosen else None
    return _draft_of(request, chosen.name if chosen else _("New push"), version)


@hq_action(Capability.PUSH_TASKS)
def push_next(request: HttpRequest) -> HttpResponse:
    """The draft behind the home page's sentence; its rule is kept as a segment."""
    best = reports.next_push(actor=actor_of(request), now=clock.now())
    if best is None:
        return _draft_of(request, _("New push"), None)
    name = _("%(region)s, silent, spent 500 or more") % {"region": best.region_name}
    version = segments.save_segment(name=name, definition=best.definition, actor=actor_of(request))
    return _draft_of(request, name, version)


@hq_page(Capability.PUSH_TASKS)
def push_step(request: HttpRequest, pk: int, step: int) -> HttpResponse:
    """One step of the wizard; what was handed out has a result page instead."""
    push = draft_or_404(pk)
    if push.status in frame.GONE_OUT or (push.is_starting and not push.is_stuck):
        return redirect("hq:push", pk=push.pk)
    if step not in STEP_VIEWS:
        return redirect("hq:push_step", pk=push.pk, step=frame.WHOM)
    if step > frame.WHOM and push.segment_run_id is None:
        messages.warning(request, _("First choose whom the push goes to."))
        return redirect("hq:push_step", pk=push.pk, step=frame.WHOM)
    if push.segment_run_id and not PushForecast.objects.filter(push=push).exists():
        # a changed share or window took the old counting with it
        pushes.forecast(push=push, now=clock.now())
    try:
        return STEP_VIEWS[step](request, push)
    except PushBeingHandedOut:  # decided while this page was being made
        return redirect("hq:push", pk=push.pk)
    except CampaignShared as error:
        messages.error(request, str(error))
        return redirect("hq:push_step", pk=push.pk, step=step)


@hq_action(Capability.PUSH_TASKS)
def push_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    try:
        push = get_object_or_404(TaskPush, pk=pk, rule=None)
        pushes.delete_draft(push=push, actor=actor_of(request))
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The draft is gone."))
    return redirect("hq:pushes")
