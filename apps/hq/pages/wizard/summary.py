"""Step 6: everything once more, counted anew, and the hand-out."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks import hours
from apps.guide_tasks.models import PushForecast, PushSeries, TaskPush, TaskTarget
from apps.guide_tasks.selectors.series import pattern_of, series_warnings
from apps.guide_tasks.services import places, push_coupons, pushes
from apps.guide_tasks.services.places import PushPlaces
from apps.guide_tasks.services.series import keep_ahead, start_series
from apps.hq import forms
from apps.hq.access import actor_of
from apps.hq.pages.wizard import frame
from apps.hq.pages.wizard.control import ASSUMED_RATE, SMALL_CONTROL, control_size
from apps.hq.pages.wizard.proof import grade_sentences
from apps.hq.pages.wizard.who_when import cost_of
from apps.hq.places import place_words
from apps.loyalty.selectors import worth_words
from apps.outreach import policy
from apps.outreach.services.asking import time_to_know
from apps.stores.models import Store

BETTER_SHARE_BP = 3000


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    now = clock.now()
    if request.method == "POST" and "share" in request.POST:
        return _change_share(request, push, now)
    series = pattern_of(push)
    gaps = _gaps(push, series, now)
    goes = request.method == "POST" and not gaps
    confirmed = goes and request.POST.get("confirmed") == "1"
    gone: HttpResponse | None = None
    problem = ""
    if confirmed and (seen := _seen(push)) > settings.HAND_OUT_PART:
        # counting everybody takes long, and who confirms has just looked at it: whoever changes
        # place after that is named by the decision
        gone, problem = _go(request, push, series, seen, now)
        if gone is not None:
            return gone
    counted, changes, counted_before = _recount(push, now)
    if goes and not problem and (not changes or confirmed):
        gone, problem = _go(request, push, series, counted.planned, now)
    return gone or frame.page(
        request,
        push,
        frame.CHECK,
        "hq/wizard/check.html",
        changes=changes,
        counted_before=counted_before,
        must_confirm=request.method == "POST" and bool(changes),
        problem=problem,
        gaps=gaps,
        **_figures(push, counted),
        **_terms(push, now),
        rhythm=series.rhythm.words if series is not None else "",
        warnings=_warnings(push, series, counted, now),
    )


def _go(
    request: HttpRequest, push: TaskPush, series: PushSeries | None, planned: int, now: datetime
) -> tuple[HttpResponse | None, str]:
    """Where to, or the sentence why not."""
    try:
        if series is not None:
            return _start_series(request, push, now), ""
        return _hand_out(request, push, planned, now), ""
    except DomainError as error:
        return None, str(error)


def _seen(push: TaskPush) -> int:
    """How many stand in the counting that was shown last; 0 when it counts no more."""
    stored = PushForecast.objects.filter(push=push).values_list("places", flat=True).first()
    return sum(len(ids) for ids in pushes.unpack(stored or {}).values())


def _gaps(push: TaskPush, series: PushSeries | None, now: datetime) -> list[str]:
    """What is missing still. The times of what is to repeat are those of its first day ahead."""
    gaps = pushes.missing(push=push, now=now, repeats=series is not None)
    if series is not None and series.status == PushSeries.Status.PREPARED:
        if keep_ahead(series=series, now=now) is None:
            gaps.append(_("No day of the rhythm lies ahead. Change when it ends."))
        push.refresh_from_db(fields=["hand_out_at", "due_at"])
    return gaps


def _change_share(request: HttpRequest, push: TaskPush, now: datetime) -> HttpResponse:
    """The last word on the control group, taken from the offer beside the figures."""
    form = forms.ControlForm(request.POST)
    if form.is_valid():
        pushes.update_push(push=push, actor=actor_of(request), control_share_bp=form.basis_points)
        pushes.forecast(push=push, now=now)
    return redirect("hq:push_step", pk=push.pk, step=frame.CHECK)


def _figures(push: TaskPush, counted: PushPlaces) -> dict[str, Any]:
    """How many, who not and why, and what a control group of this size could show."""
    share = push.campaign.control_share_bp
    return {
        "counted": counted,
        "refused": [(code, policy.sentence(code), n) for code, n in counted.refused.items()],
        "size": control_size(share, counted.reachable, counted.control),
        "better": control_size(BETTER_SHARE_BP, counted.reachable),
        "assumed": ASSUMED_RATE * 100,
        "small": SMALL_CONTROL,
        "overlap": _overlap(push),
        "known": time_to_know(guides=counted.guides, customers=counted.issued),
    }


def _terms(push: TaskPush, now: datetime) -> dict[str, Any]:
    """What was agreed in the steps before."""
    return {
        "grade": next(row for row in grade_sentences() if row[0] == push.required_grade),
        "tags": push.result_tags.all(),
        "coupon_worth": worth_words(push.coupon) if push.coupon else "",
        "starts": _starts(push, now),
        "cost": cost_of(push, now),
        "stores": Store.objects.count(),
    }


def _recount(push: TaskPush, now: datetime) -> tuple[PushPlaces, list[dict[str, Any]], Any]:
    """Count again; who changed place since the last counting, and when that was."""
    stored = PushForecast.objects.filter(push=push).first()
    before = pushes.unpack(stored.places) if stored and stored.places else None
    counted = pushes.forecast(push=push, now=now)
    fresh = PushForecast.objects.get(push=push)
    changes = _changes(before, pushes.unpack(fresh.places)) if before is not None else []
    return counted, changes, stored.counted_at if stored else None


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "from_words": place_words(row["from"]),
            "to_words": place_words(row["to"]),
        }
        for row in places.differences(before, after)
    ]


def _starts(push: TaskPush, now: datetime) -> datetime | None:
    """When the push goes out; None = at once."""
    wanted = max(push.hand_out_at or now, now)
    start = hours.next_within(wanted, push.hand_out_from, push.hand_out_until)
    return None if start <= now else start


def _overlap(push: TaskPush) -> int:
    """Of those who would get a task, how many stand in an open one already."""
    stored = PushForecast.objects.get(push=push)
    issued = list(pushes.unpack(stored.places).get(places.ISSUED, ()))
    return (
        TaskTarget.objects.open()
        .filter(member_id__in=issued)
        .values("member_id")
        .distinct()
        .count()
    )


def _warnings(
    push: TaskPush, series: PushSeries | None, counted: PushPlaces, now: datetime
) -> list[str]:
    """What to know before: of the rhythm, and of the coupon."""
    found = series_warnings(series=series, now=now) if series is not None else []
    return [*found, *push_coupons.warnings(push=push, counted=counted, now=now)]


def _start_series(request: HttpRequest, push: TaskPush, now: datetime) -> HttpResponse:
    if push.status == TaskPush.Status.PATTERN:
        return frame.to_series(request, push)
    series = start_series(push=push, actor=actor_of(request), now=now)
    messages.success(request, _("From now on this push repeats."))
    return redirect("hq:series", pk=series.pk)


def _hand_out(request: HttpRequest, push: TaskPush, planned: int, now: datetime) -> HttpResponse:
    actor = actor_of(request)
    start = _starts(push, now)
    if start is not None:
        push = pushes.approve_push(push=push, actor=actor, now=now, hand_out_at=start)
        messages.success(
            request,
            _("It goes out at %(when)s by itself; until then it can be changed.")
            % {"when": f"{start.astimezone(clock.chain_tz()):%m-%d %H:%M}"},
        )
        return redirect("hq:pushes")
    if planned > settings.HAND_OUT_PART:
        # nobody waits in front of a page for a decision about everybody: a job makes it
        pushes.approve_push(push=push, actor=actor, now=now, hand_out_at=now)
        return redirect("hq:push", pk=push.pk)
    done = pushes.hand_out(push=push, now=now, actor=actor)
    words = _("Handed to %(guides)s guides: %(issued)s customers.")
    messages.success(request, words % {"guides": done.guides, "issued": done.issued})
    return redirect("hq:push", pk=push.pk)
