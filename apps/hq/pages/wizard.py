"""任务下发向导: six steps over a draft that lies in the database from the first step on."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks import hours
from apps.guide_tasks.errors import CampaignShared
from apps.guide_tasks.models import Grade, PushForecast, TaskPush, TaskTarget
from apps.guide_tasks.selectors import PushCost, push_cost
from apps.guide_tasks.services import places, pushes
from apps.guide_tasks.services.places import PushPlaces
from apps.hq import builder, forms
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.pages.segments import builder_context
from apps.outreach import policy, scripts
from apps.outreach.models import MessageTemplate
from apps.reports import selectors as reports
from apps.segments import services as segments
from apps.segments.errors import SegmentError
from apps.segments.models import Segment, SegmentVersion
from apps.stores.models import Posting, Store

STEPS: list[Promise] = [
    gettext_lazy("Whom"),
    gettext_lazy("What"),
    gettext_lazy("By whom, when"),
    gettext_lazy("What counts as done"),
    gettext_lazy("Control group"),
    gettext_lazy("Check and hand out"),
]
WHOM, WHAT, WHEN, DONE, CONTROL, CHECK = range(1, 7)
SMALL_CONTROL = 200
# 80 % power, 5 % two-sided
MDE_FACTOR = 2.8
ASSUMED_RATE = 0.05
BETTER_SHARE_BP = 3000
TITLE_LENGTH = 40


def draft_or_404(pk: int) -> TaskPush:
    return get_object_or_404(
        TaskPush.objects.select_related(
            "campaign", "segment_run__version__segment", "template", "asset"
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
    return redirect("hq:push_step", pk=push.pk, step=WHOM)


@hq_page(Capability.PUSH_TASKS)
def push_new(request: HttpRequest) -> HttpResponse:
    """A draft: of a segment when one was chosen, else empty. Who comes without a form chooses."""
    if request.method != "POST":
        return redirect("hq:push_kinds")
    wanted = request.POST.get("segment", "")
    chosen = None
    if wanted.isdecimal():
        chosen = get_object_or_404(Segment, pk=int(wanted), is_active=True)
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
    if push.status in (TaskPush.Status.HANDED_OUT, TaskPush.Status.CLOSED):
        return redirect("hq:push", pk=push.pk)
    if step not in _STEP_VIEWS:
        return redirect("hq:push_step", pk=push.pk, step=WHOM)
    if step > WHOM and push.segment_run_id is None:
        messages.warning(request, _("First choose whom the push goes to."))
        return redirect("hq:push_step", pk=push.pk, step=WHOM)
    if push.segment_run_id and not PushForecast.objects.filter(push=push).exists():
        # a changed share or window took the old counting with it
        pushes.forecast(push=push, now=clock.now())
    try:
        return _STEP_VIEWS[step](request, push)
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


# --- pieces ------------------------------------------------------------------------------------


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


def place_words(place: str) -> str:
    """A place of the forecast in the words of the page."""
    if place == places.CONTROL:
        return _("control group (not contacted)")
    if place == places.ISSUED:
        return _("handed to guides")
    return policy.sentence(place) if place else _("not in the segment")


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


def _page(
    request: HttpRequest, push: TaskPush, step: int, template: str, **context: Any
) -> HttpResponse:
    return show(request, template, title=push.title, **_frame(push, step), **context)


def _next(request: HttpRequest, push: TaskPush, step: int) -> HttpResponse:
    if "draft" in request.POST:
        messages.success(request, _("The draft is kept."))
        return redirect("hq:pushes")
    return redirect("hq:push_step", pk=push.pk, step=step + 1)


# --- step 1: whom ------------------------------------------------------------------------------


def _whom(request: HttpRequest, push: TaskPush) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        tree, problem = _whom_tree(request)
        if "next" in request.POST or "draft" in request.POST:
            problem = problem or _keep_whom(request, push, tree)
            if not problem:
                return _next(request, push, WHOM)
    else:
        version = push.segment_run.version if push.segment_run else None
        tree = builder.as_group(version.definition if version else None)
    return _page(
        request,
        push,
        WHOM,
        "hq/wizard/whom.html",
        problem=problem,
        segments=Segment.objects.filter(is_active=True),
        **builder_context(tree, actor=actor_of(request)),
    )


def _whom_tree(request: HttpRequest) -> tuple[builder.Tree, str]:
    wanted = request.POST.get("use", "")
    if "load" in request.POST and wanted.isdecimal():
        version = SegmentVersion.objects.filter(segment_id=int(wanted)).order_by("-number").first()
        if version is not None:
            return builder.as_group(version.definition), ""
    tree = builder.parse(request.POST)
    do = request.POST.get("do", "")
    if do:
        return builder.change(tree, do), ""
    return tree, "" if builder.is_complete(tree) else _("One line is not filled in yet.")


def _keep_whom(request: HttpRequest, push: TaskPush, tree: builder.Tree) -> str:
    """Freeze who the rule finds and count where each would go; "" or what is wrong."""
    now, actor = clock.now(), actor_of(request)
    name = request.POST.get("save_as", "").strip()
    try:
        version = _version_of(request, push, tree, name)
        run = segments.run_segment(version=version, now=now, cause=push.source)
        if not run.member_count:
            return _("This rule finds nobody.")
        pushes.update_push(push=push, actor=actor, segment_run=run)
        pushes.forecast(push=push, now=now)
    except SegmentError as error:
        return str(error)
    return ""


def _version_of(
    request: HttpRequest, push: TaskPush, tree: builder.Tree, name: str
) -> SegmentVersion:
    """The stored version with exactly this tree, else a new one: named, or of this push alone."""
    actor = actor_of(request)
    if name:
        return segments.save_segment(name=name, definition=tree, actor=actor)
    current = push.segment_run.version if push.segment_run else None
    wanted = request.POST.get("use", "")
    candidates = [current] if current else []
    if wanted.isdecimal():
        newest = SegmentVersion.objects.filter(segment_id=int(wanted)).order_by("-number").first()
        candidates = [newest, *candidates] if newest else candidates
    for version in candidates:
        if builder.as_group(version.definition) == tree:
            return version
    version = segments.save_segment(
        name=_("People of push %(pk)s") % {"pk": push.pk}, definition=tree, actor=actor
    )
    Segment.objects.filter(pk=version.segment_id).update(is_active=False)
    return version


# --- steps 2 to 5 ------------------------------------------------------------------------------


def _what(request: HttpRequest, push: TaskPush) -> HttpResponse:
    picked = request.POST.get("template", "")
    if request.method == "POST" and "pick" in request.POST and picked.isdecimal():
        template = MessageTemplate.objects.filter(pk=int(picked)).first()
        form = forms.WhatForm(
            initial={
                **_what_initial(push),
                "title": request.POST.get("title") or push.title,
                **(
                    {}
                    if template is None
                    else {
                        "template": template,
                        "body": template.body,
                        "generic_body": template.generic_body,
                        "asset": template.asset_id,
                    }
                ),
            }
        )
    elif request.method == "POST":
        form = forms.WhatForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor_of(request), **form.cleaned_data)
            return _next(request, push, WHAT)
    else:
        form = forms.WhatForm(initial=_what_initial(push))
    body = form["body"].value() or ""
    return _page(
        request,
        push,
        WHAT,
        "hq/wizard/what.html",
        form=form,
        variables=" ".join(f"{{{name}}}" for name in scripts.VARIABLES),
        preview=_preview(body),
    )


def _what_initial(push: TaskPush) -> dict[str, Any]:
    return {
        "title": push.title,
        "template": push.template_id,
        "body": push.body,
        "generic_body": push.generic_body,
        "asset": push.asset_id,
        "result_tags": list(push.result_tags.values_list("pk", flat=True)),
    }


def _preview(body: str) -> str:
    """The text with nothing known about the customer: the least anybody will read."""
    posted = Posting.objects.on(clock.today()).select_related("guide", "store").first()
    sender = {"导购": posted.guide.name, "门店": posted.store.name} if posted else {}
    try:
        return scripts.render(body, sender) if body else ""
    except DomainError:
        return ""


def _when(request: HttpRequest, push: TaskPush) -> HttpResponse:
    now = clock.now()
    if request.method == "POST":
        form = forms.WhenForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor_of(request), **form.cleaned_data)
            return _next(request, push, WHEN)
    else:
        form = forms.WhenForm(initial=forms.initial_when(push, now))
    cost = _cost(push, now)
    choices = forms.assign_sentences()
    return _page(request, push, WHEN, "hq/wizard/when.html", form=form, cost=cost, assign=choices)


def _cost(push: TaskPush, now: datetime) -> PushCost | None:
    """What the push asks of its guides, from the counting kept with the draft."""
    loads = PushForecast.objects.filter(push=push).values_list("loads", flat=True).first()
    return push_cost(push=push, loads=loads, now=now) if loads else None


def _done(request: HttpRequest, push: TaskPush) -> HttpResponse:
    if request.method == "POST":
        form = forms.DoneForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor_of(request), **form.cleaned_data)
            return _next(request, push, DONE)
    else:
        form = forms.DoneForm(
            initial={
                "required_grade": push.required_grade,
                "window_days": push.campaign.window_days,
                "follow_up_days": push.follow_up_days,
            }
        )
    counted = pushes.forecast(push=push, now=clock.now())
    return _page(
        request,
        push,
        DONE,
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


def _control(request: HttpRequest, push: TaskPush) -> HttpResponse:
    actor = actor_of(request)
    if request.method == "POST":
        form = forms.ControlForm(request.POST)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor, control_share_bp=form.basis_points)
            pushes.forecast(push=push, now=clock.now())
            return _next(request, push, CONTROL)
    else:
        form = forms.ControlForm(initial={"share": push.campaign.control_share_bp / 100})
    rail = rail_of(push)
    reachable = rail.reachable if rail else 0
    return _page(
        request,
        push,
        CONTROL,
        "hq/wizard/control.html",
        form=form,
        options=[control_size(share, reachable) for share in (0, 500, 1000, 2000, 3000)],
        current=control_size(push.campaign.control_share_bp, reachable),
        assumed=ASSUMED_RATE * 100,
        small=SMALL_CONTROL,
    )


# --- step 6: check and hand out ----------------------------------------------------------------


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**row, "from_words": place_words(row["from"]), "to_words": place_words(row["to"])}
        for row in places.differences(before, after)
    ]


def _recount(push: TaskPush, now: datetime) -> tuple[PushPlaces, list[dict[str, Any]], Any]:
    """Count again; who changed place since the last counting, and when that was."""
    stored = PushForecast.objects.filter(push=push).first()
    before = pushes.unpack(stored.places) if stored and stored.places else None
    counted = pushes.forecast(push=push, now=now)
    fresh = PushForecast.objects.get(push=push)
    changes = _changes(before, pushes.unpack(fresh.places)) if before is not None else []
    return counted, changes, stored.counted_at if stored else None


def _check(request: HttpRequest, push: TaskPush) -> HttpResponse:
    now = clock.now()
    if request.method == "POST" and "share" in request.POST:
        form = forms.ControlForm(request.POST)
        if form.is_valid():
            pushes.update_push(
                push=push, actor=actor_of(request), control_share_bp=form.basis_points
            )
            pushes.forecast(push=push, now=now)
        return redirect("hq:push_step", pk=push.pk, step=CHECK)
    gaps = pushes.missing(push=push, now=now)
    counted, changes, counted_before = _recount(push, now)
    problem = ""
    if request.method == "POST":
        confirmed = request.POST.get("confirmed") == "1"
        if not gaps and (not changes or confirmed):
            try:
                return _hand_out(request, push, now)
            except DomainError as error:
                problem = str(error)
    return _page(
        request,
        push,
        CHECK,
        "hq/wizard/check.html",
        counted=counted,
        refused=[(code, policy.sentence(code), n) for code, n in counted.refused.items()],
        changes=changes,
        counted_before=counted_before,
        must_confirm=request.method == "POST" and bool(changes),
        problem=problem,
        gaps=gaps,
        size=control_size(push.campaign.control_share_bp, counted.reachable, counted.control),
        better=control_size(BETTER_SHARE_BP, counted.reachable),
        assumed=ASSUMED_RATE * 100,
        small=SMALL_CONTROL,
        grade=next(row for row in grade_sentences() if row[0] == push.required_grade),
        tags=push.result_tags.all(),
        starts=_starts(push, now),
        overlap=_overlap(push),
        cost=_cost(push, now),
        stores=Store.objects.count(),
    )


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


def _hand_out(request: HttpRequest, push: TaskPush, now: datetime) -> HttpResponse:
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
    done = pushes.hand_out(push=push, now=now, actor=actor)
    messages.success(
        request,
        _("Handed to %(guides)s guides: %(issued)s customers.")
        % {"guides": done.guides, "issued": done.issued},
    )
    return redirect("hq:push", pk=push.pk)


_STEP_VIEWS = {
    WHOM: _whom, WHAT: _what, WHEN: _when, DONE: _done, CONTROL: _control, CHECK: _check,
}  # fmt: skip
