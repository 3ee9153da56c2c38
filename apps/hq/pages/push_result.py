"""What the result page of a push shows: lift, everybody in one place, the steps, two axes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import ExcuseReason, Grade, State, TaskPush
from apps.hq import charts
from apps.hq.pages.wizard import segment_name
from apps.hq.places import place_words
from apps.hq.steps import step_rows
from apps.loyalty.selectors import batch_figures
from apps.outreach import policy
from apps.outreach.services.asking import time_to_know
from apps.reports import selectors as reports
from apps.reports.link_orders import push_link_orders
from apps.reports.shapes import Funnel, Lift


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: its colour, place and count."""

    css: str
    words: str | Promise
    place: str
    count: int


@dataclass(frozen=True, slots=True)
class AxisRow:
    """One line of the two axes: a bar, a count, a rate or a word."""

    words: str | Promise
    place: str
    count: int
    width: float
    note: str
    css: str


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
        "steps": step_rows(funnel, is_over=_is_over(push)),
        **_axes(push, funnel),
        "by_others": guide_tasks.sent_by_others(push=push, actor=actor).count(),
        **_by_place(push, actor, by),
        "timings": guide_tasks.region_timings(push=push, actor=actor),
        "may_recall": is_out and actor.can(Capability.PUSH_TASKS),
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
        **_coupon(push, actor),
    }


def _coupon(push: TaskPush, actor: Actor) -> dict[str, Any]:
    """What became of the coupons that went with the messages; head office's alone."""
    if push.coupon is None or not actor.sees_all:
        return {}
    return {"coupon": push.coupon, "coupon_figures": batch_figures(batch=push.source)}


def _interval_of(lift: Lift | None) -> charts.IntervalChart | None:
    found = lift.per_thousand_fen if lift else None
    return charts.interval(found) if found else None


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


def _axes(push: TaskPush, funnel: Funnel) -> dict[str, Any]:
    """Proofs and outcomes, and what they cost the guides."""
    contacted = funnel.issued - funnel.grades["none"]
    return {
        "grades": _grade_rows(push, funnel),
        "outcomes": _outcome_rows(funnel),
        "known": time_to_know(guides=funnel.guides, customers=funnel.issued),
        "minutes_spent": guide_tasks.minutes_spent(push=push, contacted=contacted),
    }


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
