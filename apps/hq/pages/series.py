"""任务下发 › 周期下发: what repeats, what its last times brought, and how it goes on."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import uuid7
from apps.guide_tasks.models import PushSeries, SeriesOccurrence, TaskPush
from apps.guide_tasks.rhythm import Rhythm
from apps.guide_tasks.selectors import series as selectors
from apps.guide_tasks.services import series as services
from apps.guide_tasks.services.series import SeriesTerms
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.pages.wizard import segment_name
from apps.hq.series_forms import (
    RepeatForm,
    RhythmForm,
    coming_days,
    initial_of,
    initial_rhythm,
    terms_of,
)

LIST_PAGE = 30
DAYS_PAGE = 12
_BAD_REQUEST = 422
Status = PushSeries.Status
TONES = {Status.RUNNING: "on", Status.PAUSED: "warn", Status.ENDED: ""}
_ACTS = {
    "pause": services.pause_series,
    "resume": services.resume_series,
    "end": services.end_series,
    "noted": services.note_skipped,
}


@hq_page(Capability.VIEW_PUSHES)
def series_list(request: HttpRequest) -> HttpResponse:
    """Everything that repeats, what comes next on top."""
    actor = actor_of(request)
    page = Paginator(selectors.series_list(actor=actor), LIST_PAGE).get_page(
        request.GET.get("page")
    )
    rows = [
        (row, segment_name(row.series.pattern), TONES[Status(row.series.status)])
        for row in selectors.series_rows(page)
    ]
    return show(
        request,
        "hq/series_list.html",
        title=_("Repeating pushes"),
        page=page,
        rows=rows,
        unread=sum(row.unread for row, *_rest in rows),
        may_push=actor.can(Capability.PUSH_TASKS),
    )


def _visible(request: HttpRequest, pk: int) -> PushSeries:
    rows = selectors.series_list(actor=actor_of(request)).select_related("pattern__campaign")
    return get_object_or_404(rows, pk=pk)


@hq_page(Capability.VIEW_PUSHES)
def series_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A series: when next, in whose name, its days side by side."""
    series, actor, now = _visible(request, pk), actor_of(request), clock.now()
    days = SeriesOccurrence.objects.filter(series=series).select_related("push").order_by("-on")
    page = Paginator(days, DAYS_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/series.html",
        title=series.pattern.title,
        series=series,
        pattern=series.pattern,
        tone=TONES[Status(series.status)],
        control=series.pattern.campaign.control_share_bp / 10_000,
        rhythm=series.rhythm.words,
        segment=segment_name(series.pattern),
        newer=selectors.newer_version(series),
        page=page,
        rows=selectors.with_figures(page),
        unread=list(SeriesOccurrence.objects.filter(series=series).unread().order_by("-on")[:5]),
        warnings=selectors.series_warnings(series=series, now=now)
        if series.status != Status.ENDED
        else [],
        may_push=actor.can(Capability.PUSH_TASKS),
    )


def _warnings_of(
    terms: SeriesTerms, push: TaskPush, now: datetime, but: PushSeries | None = None
) -> list[str]:
    """What to know before a push repeats on these terms."""
    return selectors.rhythm_warnings(
        kind=push.kind,
        rhythm=Rhythm(terms.every, terms.number, terms.starts_on),
        due_days=terms.due_days,
        now=now,
        until=terms.until,
        times=terms.times,
        but=but,
    )


@hq_action(Capability.PUSH_TASKS)
def series_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause, resume, end, or: read why days were left out."""
    series, name = _visible(request, pk), request.POST.get("act", "")
    if name not in _ACTS:
        raise Http404
    said = {
        "pause": _("Paused: nothing goes out until somebody resumes it."),
        "resume": _("It goes on with its next day, in your name."),
        "end": _("Ended. What was handed out runs on."),
        "noted": _("Noted."),
    }
    try:
        _ACTS[name](series=series, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said[name])
    return redirect("hq:series", pk=pk)


# --- the rhythm -----------------------------------------------------------------------------------


def _form_page(
    request: HttpRequest,
    push: TaskPush,
    form: RhythmForm,
    terms: SeriesTerms | None,
    *,
    series: PushSeries | None = None,
    problem: str = "",
    must_confirm: bool = False,
) -> HttpResponse:
    now = clock.now()
    context: dict[str, Any] = {
        "push": push,
        "form": form,
        "series": series,
        "problem": problem,
        "must_confirm": must_confirm,
        "coming": coming_days(terms, now) if terms else [],
        "warnings": _warnings_of(terms, push, now, series) if terms else [],
    }
    return show(
        request,
        "hq/push_repeat.html",
        title=push.title,
        status=_BAD_REQUEST if problem or form.errors else 200,
        **context,
    )


@hq_page(Capability.PUSH_TASKS)
def push_repeat(request: HttpRequest, pk: int) -> HttpResponse:
    """A push that was handed out is to go out again and again: how often."""
    now, actor = clock.now(), actor_of(request)
    push = get_object_or_404(
        TaskPush.objects.visible_to(actor).filter(rule=None, handed_out_at__isnull=False), pk=pk
    )
    if request.method != "POST":
        initial = initial_rhythm(push, now) | {"client_id": uuid7()}
        return _form_page(request, push, RepeatForm(initial=initial), terms_of(initial))
    form = RepeatForm(request.POST)
    if not form.is_valid() or (terms := form.terms) is None:
        return _form_page(request, push, form, None)
    if _warnings_of(terms, push, now) and request.POST.get("confirmed") != "1":
        return _form_page(request, push, form, terms, must_confirm=True)
    try:
        series = services.repeat_push(
            push=push,
            terms=terms,
            actor=actor,
            now=now,
            client_id=form.cleaned_data["client_id"],
        )
    except DomainError as error:
        return _form_page(request, push, form, terms, problem=str(error))
    messages.success(request, _("From now on this push repeats."))
    return redirect("hq:series", pk=series.pk)


@hq_page(Capability.PUSH_TASKS)
def series_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Another rhythm, hour or end."""
    series, now = _visible(request, pk), clock.now()
    push = series.pattern
    if request.method != "POST":
        initial = initial_of(series)
        form = RhythmForm(initial=initial)
        return _form_page(request, push, form, terms_of(initial), series=series)
    form = RhythmForm(request.POST)
    if not form.is_valid() or (terms := form.terms) is None:
        return _form_page(request, push, form, None, series=series)
    if _warnings_of(terms, push, now, series) and request.POST.get("confirmed") != "1":
        return _form_page(request, push, form, terms, series=series, must_confirm=True)
    try:
        services.change_series(series=series, terms=terms, actor=actor_of(request), now=now)
    except DomainError as error:
        return _form_page(request, push, form, terms, series=series, problem=str(error))
    messages.success(request, _("Changed. What was handed out stays as it is."))
    return redirect("hq:series", pk=pk)
