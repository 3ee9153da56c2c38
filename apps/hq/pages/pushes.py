"""任务下发: the list, the result page with everybody in one place, the people behind a number."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks import services as guide_services
from apps.guide_tasks.models import (
    ITEM_KINDS,
    ExcuseReason,
    Grade,
    NotIssued,
    PushForecast,
    PushSeries,
    State,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.selectors.series import series_of_push
from apps.guide_tasks.services import places, pushes
from apps.hq import charts
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.pages.items import items_context
from apps.hq.pages.wizard import place_words, segment_name
from apps.hq.selectors import people
from apps.hq.steps import STEPS, LoopStep
from apps.members.models import Member
from apps.outreach import policy
from apps.outreach.services.asking import time_to_know
from apps.reports import selectors as reports
from apps.reports.declared import declared_by_region
from apps.reports.link_orders import push_link_orders
from apps.reports.shapes import Funnel, Lift

PER_PAGE = 50
LIST_PAGE = 30
EXPIRED = (State.EXPIRED, State.NOT_DONE)
LINKED = "linked"
BY_OTHERS = "by_others"


def _targets(**condition: Any) -> Coalesce:
    rows = TaskTarget.objects.filter(push_id=OuterRef("pk"), **condition).order_by()
    return Coalesce(Subquery(rows.values("push_id").annotate(n=Count("pk")).values("n")), 0)


def _items(**condition: Any) -> Coalesce:
    rows = TaskItem.objects.filter(push_id=OuterRef("pk"), **condition).order_by()
    return Coalesce(Subquery(rows.values("push_id").annotate(n=Count("pk")).values("n")), 0)


@hq_page(Capability.VIEW_PUSHES)
def push_list(request: HttpRequest) -> HttpResponse:
    """Pushes newest first; a rule's daily ones on request."""
    actor = actor_of(request)
    which = request.GET.get("which", "")
    rows = TaskPush.objects.visible_to(actor).select_related(
        "campaign", "segment_run__version__segment", "rule"
    )
    rows = rows.filter(rule__isnull=False) if which == "rules" else rows.filter(rule=None)
    rows = rows.exclude(status=TaskPush.Status.PATTERN)
    if which == "drafts":
        rows = rows.filter(status__in=[TaskPush.Status.DRAFT, TaskPush.Status.APPROVED])
    rows = rows.order_by("-pk").annotate(
        issued=_targets(),
        delivered=_targets(contact_grade=Grade.DELIVERED),
        done=_targets(state=State.DONE),
        excused=_targets(state=State.NOT_APPLICABLE),
        purchased=_targets(purchased_at__isnull=False),
        items=_items(),
        items_done=_items(state=State.DONE),
        items_excused=_items(state=State.NOT_APPLICABLE),
    )
    page = Paginator(rows, LIST_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/pushes.html",
        title=_("Task pushes"),
        page=page,
        which=which,
        query=f"which={which}&" if which else "",
        may_push=actor.can(Capability.PUSH_TASKS),
    )


def visible_push(request: HttpRequest, pk: int) -> TaskPush:
    """A push the actor may see; else 404."""
    pushes_seen = TaskPush.objects.visible_to(actor_of(request)).select_related(
        "campaign", "segment_run__version__segment", "template", "asset", "rule"
    )
    return get_object_or_404(pushes_seen, pk=pk)


# --- the people behind a number -------------------------------------------------------------------


def target_place(place: str) -> tuple[str, Q] | None:
    """Title and condition of a place among the issued."""
    kind, _dot, value = place.partition(".")
    simple = {
        "issued": (_("Handed to guides"), Q()),
        "done": (_("Done"), Q(state=State.DONE)),
        "open": (_("To be done"), Q(state__in=[State.OPEN, State.IN_PROGRESS, State.TO_VERIFY])),
        "expired": (_("Past its time"), Q(state__in=EXPIRED)),
        "excused": (_("Not applicable"), Q(state=State.NOT_APPLICABLE)),
        "started": (_("Executed"), Q(started_at__isnull=False) & ~Q(state=State.NOT_APPLICABLE)),
        "not_begun": (_("Issued and not begun"), reports.LOST["not_begun"]),
        "not_delivered": (_("Begun and not delivered"), reports.LOST["not_delivered"]),
        "not_bought": (_("Delivered and not bought"), reports.LOST["not_bought"]),
    }
    if place in simple:
        return simple[place]
    if kind == "state" and value in State.values:
        return str(State(value).label), Q(state=value)
    if kind == "excuse" and value in ExcuseReason.values:
        return str(ExcuseReason(value).label), Q(state=State.NOT_APPLICABLE, excuse_reason=value)
    if kind == "grade" and value in {str(grade) for grade in Grade.values}:
        return str(Grade(int(value)).label), Q(contact_grade=int(value))
    if kind == "outcome" and value in ("engaged", "visited", "purchased"):
        words = {"engaged": _("engaged"), "visited": _("visited"), "purchased": _("bought")}
        return words[value], Q(**{f"{value}_at__isnull": False})
    return None


def _linked_place(push: TaskPush) -> tuple[str, Q]:
    bought = push_link_orders(push=push).targets
    return _("Ordered by the link of this push"), Q(pk__in=bought)


def _note_of(target: TaskTarget) -> str:
    facts = [str(target.get_state_display())]
    if target.excuse_sentence:
        facts.append(target.excuse_sentence)
    elif target.contact_grade:
        facts.append(str(target.get_contact_grade_display()))
    return " · ".join(facts)


def _narrowed(rows: QuerySet[TaskTarget], request: HttpRequest) -> QuerySet[TaskTarget]:
    """Only a region's, store's or guide's share of a number."""
    for name, column in (
        ("region", "store__region_id"), ("store", "store_id"), ("guide", "guide_id"),
    ):  # fmt: skip
        value = request.GET.get(name, "")
        if value.isdecimal():
            rows = rows.filter(**{column: int(value)})
    return rows


def _not_issued_place(place: str) -> tuple[str, Q] | None:
    if place == "not_issued":
        return _("Not issued"), Q()
    kind, _dot, value = place.partition(".")
    if kind == "refused" and value in policy.Refusal.values:
        return policy.sentence(value), Q(reason=value)
    return None


def _place_rows(
    request: HttpRequest, push: TaskPush, place: str, actor: Actor
) -> tuple[str, Any, dict[int, str]]:
    """Title, a page of member ids, and each one's note."""
    found = _linked_place(push) if place == LINKED else target_place(place)
    if found is not None:
        title, condition = found
        rows = TaskTarget.objects.visible_to(actor).filter(condition, push=push).order_by("pk")
        page = Paginator(_narrowed(rows, request), PER_PAGE).get_page(request.GET.get("page"))
        return title, page, {row.member_id: _note_of(row) for row in page}
    if place == BY_OTHERS:
        others = guide_tasks.sent_by_others(push=push, actor=actor).order_by("pk")
        sent: Any = Paginator(_narrowed(others, request), PER_PAGE).get_page(
            request.GET.get("page")
        )
        names = guide_tasks.senders_of(sent)
        by = {row.member_id: _("sent by %(who)s") % {"who": names[row.pk]} for row in sent}
        return _("Sent by somebody else than the guide"), sent, by
    refused = _not_issued_place(place)
    if refused is not None:
        title, condition = refused
        left_out = NotIssued.objects.visible_to(actor).filter(condition, push=push).order_by("pk")
        left = Paginator(left_out, PER_PAGE).get_page(request.GET.get("page"))
        return title, left, {row.member_id: row.sentence for row in left}
    if place == "control":
        ids = list(guide_tasks.control_members(push))
        held = Paginator(_seen(ids, actor), PER_PAGE).get_page(request.GET.get("page"))
        return place_words(places.CONTROL), held, dict.fromkeys(held, "")
    raise Http404


def _seen(ids: list[int], actor: Actor) -> list[int]:
    if actor.sees_all:
        return ids
    seen = Member.objects.visible_to(actor).filter(pk__in=ids).order_by("pk")
    return list(seen.values_list("pk", flat=True))


@hq_page(Capability.VIEW_PUSHES)
def push_people(request: HttpRequest, pk: int, place: str) -> HttpResponse:
    """The masked list behind one number of a result page."""
    actor = actor_of(request)
    push = visible_push(request, pk)
    title, page, notes = _place_rows(request, push, place, actor)
    narrowed = {
        name: value
        for name in ("region", "store", "guide")
        if (value := request.GET.get(name, "")).isdecimal()
    }
    return show(
        request,
        "hq/people.html",
        title=title,
        crumb=push.title,
        rows=people(notes, actor=actor, notes=notes),
        has_notes=any(notes.values()),
        note_title=_("State"),
        page=page,
        total=page.paginator.count,
        query="".join(f"{name}={value}&" for name, value in narrowed.items()),
    )


@hq_page(Capability.PUSH_TASKS)
def push_forecast(request: HttpRequest, pk: int, place: str) -> HttpResponse:
    """The masked list behind one number of a draft's forecast."""
    push = visible_push(request, pk)
    stored = get_object_or_404(PushForecast, push=push)
    ids = list(pushes.unpack(stored.places).get(place, ()))
    if not ids:
        raise Http404
    page = Paginator(ids, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/people.html",
        title=place_words(place),
        crumb=push.title,
        rows=people(page, actor=actor_of(request)),
        page=page,
        total=len(ids),
    )


@hq_page(Capability.VIEW_PUSHES)
def push_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The result: lift first, then everybody in one place, two axes, who did how well."""
    push = visible_push(request, pk)
    if push.status == TaskPush.Status.PATTERN:
        return redirect("hq:series", pk=get_object_or_404(PushSeries, pattern=push).pk)
    repeats: dict[str, Any] = {
        "series": series_of_push(push),
        "may_repeat": _may_repeat(push, request),
    }
    if push.has_items:
        context = items_context(push, actor_of(request))
        return show(request, "hq/push_items.html", title=push.title, **repeats, **context)
    if push.status in (TaskPush.Status.DRAFT, TaskPush.Status.APPROVED):
        return redirect("hq:push_step", pk=push.pk, step=6)
    return show(
        request,
        "hq/push.html",
        title=push.title,
        **repeats,
        **result_context(push, actor_of(request), request.GET.get("by", "region")),
    )


def _may_repeat(push: TaskPush, request: HttpRequest) -> bool:
    is_out = push.handed_out_at is not None and push.rule_id is None
    return is_out and actor_of(request).can(Capability.PUSH_TASKS)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: its colour, place and count."""

    css: str
    words: str | Promise
    place: str
    count: int


def result_context(push: TaskPush, actor: Actor, by: str) -> dict[str, Any]:
    """Everything of the result page. A region manager sees counts, their own places, no lift."""
    funnel = reports.push_funnel(push=push)
    is_out = push.status == TaskPush.Status.HANDED_OUT
    return {
        "push": push,
        "funnel": funnel,
        "segment": segment_name(push),
        **_effect(push, actor),
        **_everybody(funnel),
        "steps": _step_rows(funnel, is_over=_is_over(push)),
        **_axes(push, funnel),
        "by_others": guide_tasks.sent_by_others(push=push, actor=actor).count(),
        **_by_place(push, actor, by),
        "timings": guide_tasks.region_timings(push=push, actor=actor),
        "may_recall": is_out and push.rule_id is None and actor.can(Capability.PUSH_TASKS),
        "may_chase": is_out and actor.can(Capability.MANAGE_TEAM),
    }


def _is_over(push: TaskPush) -> bool:
    """An order of today counts for this push no more."""
    begun = push.handed_out_at
    return begun is not None and clock.now() >= begun + timedelta(days=push.campaign.window_days)


def _effect(push: TaskPush, actor: Actor) -> dict[str, Any]:
    """Lift with its charts, and where in its window the push stands; head office's alone."""
    now, days = clock.now(), push.campaign.window_days
    lift = reports.push_lift(push=push, now=now) if actor.sees_all else None
    day = (now - push.handed_out_at).days + 1 if push.handed_out_at else 0
    return {
        "lift": lift,
        "interval": _interval_of(lift),
        "lines": charts.lines(lift.days) if lift else None,
        "control_minimum": reports.ENOUGH_CONTROL,
        "is_running": bool(lift and lift.is_running),
        "day": min(day, days),
        "days": days,
        "link_orders": push_link_orders(push=push) if actor.sees_all else None,
    }


def _everybody(funnel: Funnel) -> dict[str, Any]:
    """Each planned member in one place, and why."""
    return {
        "planned_parts": _planned_parts(funnel),
        "issued_parts": _issued_parts(funnel),
        "issued_width": 100 * funnel.issued / funnel.planned if funnel.planned else 0,
        "refused": [(code, policy.sentence(code), n) for code, n in funnel.not_issued.items()],
        "open_parts": _state_parts(funnel),
        "excuses": [
            (code, ExcuseReason(code).label, n) for code, n in funnel.excused_by_reason.items()
        ],
        "changes": [
            {**row, "from_words": place_words(row["from"]), "to_words": place_words(row["to"])}
            for row in funnel.changes
        ],
    }


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of the funnel: whose it is, and how many of `base` did not come to it.

    Steps may be left out: a proof may come for somebody excused, who buys may never have been
    written to. `followed` of the count came by way of the step before.
    """

    step: LoopStep
    count: int
    place: str
    rate: float | None
    lost: int
    base: int
    lost_words: str | Promise
    lost_place: str
    is_over: bool

    @property
    def followed(self) -> int:
        return self.base - self.lost

    @property
    def warns(self) -> bool:
        """Who may still buy in the window is not lost."""
        return bool(self.lost) and self.is_over


def _step_rows(funnel: Funnel, *, is_over: bool) -> list[StepRow]:
    """`is_over`: the days in which an order counts have passed."""
    reachable = funnel.issued + funnel.control
    share = reachable / funnel.planned if funnel.planned else None
    table: list[tuple[str, int, str, float | None, int, int, str, str, bool]] = [
        ("planned", funnel.planned, "", share, 0, funnel.planned, "", "", True),
        ("issued", funnel.issued, "issued", funnel.dispatch_rate,
         funnel.not_issued_count, funnel.planned - funnel.control,
         _("not issued"), "not_issued", True),
        ("started", funnel.started, "started", funnel.execution_rate,
         funnel.not_begun, funnel.issued - funnel.excused, _("not begun"), "not_begun",
         True),
        ("delivered", funnel.delivered, "grade.3", funnel.reach_rate,
         funnel.not_delivered, funnel.started, _("not delivered"), "not_delivered", True),
        ("purchased", funnel.purchased, "outcome.purchased", funnel.conversion_rate,
         funnel.not_bought, funnel.delivered, _("not bought"), "not_bought", is_over),
    ]  # fmt: skip
    return [StepRow(STEPS[code], *rest) for code, *rest in table]  # type: ignore[arg-type]


def _axes(push: TaskPush, funnel: Funnel) -> dict[str, Any]:
    """Proofs and outcomes, and what they cost the guides."""
    contacted = funnel.issued - funnel.grades["none"]
    return {
        "grades": _grade_rows(push, funnel),
        "outcomes": _outcome_rows(funnel),
        "known": time_to_know(guides=funnel.guides, customers=funnel.issued),
        "minutes_spent": guide_tasks.minutes_spent(push=push, contacted=contacted),
    }


def _by_place(push: TaskPush, actor: Actor, by: str) -> dict[str, Any]:
    """Who did how well, by region unless another place is asked for."""
    by = by if by in ("region", "store", "guide") else "region"
    rows = reports.push_breakdown(push=push, by=by, actor=actor)
    return {
        "by": by,
        "bys": [("region", _("Region")), ("store", _("Store")), ("guide", _("Guide"))],
        "breakdown": rows,
        "total": reports.total_of(rows, _("Total")),
    }


def _interval_of(lift: Lift | None) -> charts.IntervalChart | None:
    found = lift.per_thousand_fen if lift else None
    return charts.interval(found) if found else None


def _planned_parts(funnel: Funnel) -> list[Part]:
    return [
        Part("c-iss", _("Handed to guides"), "issued", funnel.issued),
        Part("c-ctl", _("Control group (not contacted)"), "control", funnel.control),
        Part("c-not", _("Not issued"), "not_issued", funnel.not_issued_count),
    ]


def _issued_parts(funnel: Funnel) -> list[Part]:
    return [
        Part("c-done", _("Done"), "done", funnel.done),
        Part("c-open", _("To be done"), "open", funnel.open),
        Part("c-exp", _("Past its time"), "expired", funnel.expired),
        Part("c-exc", _("Not applicable"), "excused", funnel.excused),
    ]


def _state_parts(funnel: Funnel) -> list[Part]:
    return [
        Part("", State.OPEN.label, "state.open", funnel.not_started),
        Part("", State.IN_PROGRESS.label, "state.in_progress", funnel.in_progress),
        Part("", State.TO_VERIFY.label, "state.to_verify", funnel.to_verify),
        Part("", _("never begun"), "state.expired", funnel.never_begun),
        Part("", _("begun, not proven"), "state.not_done", funnel.not_proven),
    ]


@dataclass(frozen=True, slots=True)
class AxisRow:
    """One line of the two axes: a bar, a count, a rate or a word."""

    words: str | Promise
    place: str
    count: int
    width: float
    note: str
    css: str


def _grade_rows(push: TaskPush, funnel: Funnel) -> list[AxisRow]:
    def row(grade: Grade, name: str, css: str) -> AxisRow:
        count = funnel.grades[name]
        part = count / funnel.issued if funnel.issued else 0
        counts = grade == Grade.NONE or grade >= push.required_grade
        note = f"{part * 100:.1f}%" if counts else _("does not count")
        return AxisRow(grade.label, f"grade.{int(grade)}", count, part * 100, note, css)

    return [
        row(Grade.DELIVERED, "delivered", "strong"),
        row(Grade.INITIATED, "initiated", ""),
        row(Grade.SELF_REPORTED, "self_reported", "pale"),
        row(Grade.NONE, "none", "pale"),
    ]


def _outcome_rows(funnel: Funnel) -> list[AxisRow]:
    def row(words: str, place: str, count: int, rate: float | None, css: str = "") -> AxisRow:
        width = 100 * count / funnel.issued if funnel.issued else 0
        note = "—" if rate is None else f"{rate * 100:.1f}%"
        return AxisRow(words, place, count, width, note, css)

    visited = funnel.visited / funnel.issued if funnel.issued else None
    return [
        row(_("engaged"), "outcome.engaged", funnel.engaged, funnel.engagement_rate),
        row(_("visited"), "outcome.visited", funnel.visited, visited),
        row(_("bought"), "outcome.purchased", funnel.purchased, funnel.conversion_rate),
        row(_("disturbed"), "", funnel.disturbed, funnel.disturbed_rate, "warn"),
    ]


@hq_action(Capability.MANAGE_TEAM)
def push_chase(request: HttpRequest, pk: int) -> HttpResponse:
    """催办: remind the guides of a push who have not finished; at most three times a day each."""
    push = visible_push(request, pk)
    try:
        told = guide_services.chase(push=push, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        count = told if isinstance(told, int) else len(told)
        messages.success(request, _("%(n)s guides were reminded.") % {"n": count})
    return redirect("hq:push", pk=push.pk)


@hq_page(Capability.VIEW_REPORTS)
def report_page(request: HttpRequest) -> HttpResponse:
    """报表: pushes side by side, every completion rate with the raw and the excused rate."""
    now, actor = clock.now(), actor_of(request)
    handed_out = (
        TaskPush.objects.visible_to(actor)
        .filter(handed_out_at__isnull=False, handed_out_at__lte=now, rule=None)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")
    )
    page = Paginator(handed_out, LIST_PAGE).get_page(request.GET.get("page"))
    rows = [(push, reports.push_funnel(push=push)) for push in page]
    return show(
        request,
        "hq/reports.html",
        title=_("Reports"),
        page=page,
        rows=rows,
        declared=declared_by_region(actor=actor, now=now),
        mismatch_days=reports.MISMATCH_DAYS,
    )
