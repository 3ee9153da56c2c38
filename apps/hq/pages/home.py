"""首页: one sentence and one button, the loop, what needs a person, the latest pushes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_tasks.models import Grade, TaskTarget
from apps.hq import charts
from apps.hq.access import actor_of, hq_page, show
from apps.hq.first_steps import first_steps
from apps.hq.pages.todos import todo_row
from apps.hq.selectors import members_by_reach, people
from apps.hq.steps import STEPS, LoopStep
from apps.members.models import FollowRelation, ServingPeriod
from apps.outreach import policy
from apps.reports import selectors as reports
from apps.reports.shapes import LoopNumber, RecentPush, Verdict
from apps.stores.models import Guide

PER_PAGE = 50
LIST_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class LoopCell:
    """One of the five numbers, ready to print."""

    number: LoopNumber
    step: LoopStep
    link: str
    spark: charts.Spark | None


@dataclass(frozen=True, slots=True)
class RecentRow:
    push: RecentPush
    state: str
    mark: str
    lift: str
    verdict: str


def lift_words(push: RecentPush) -> tuple[str, str]:
    """The figure of lift and its verdict; a reason where there is no figure."""
    lift = push.lift
    if lift is None:
        return "", ""
    if lift.verdict in (Verdict.NO_CONTROL, Verdict.CONTROL_TOO_SMALL):
        return "", lift.verdict_word
    found = lift.per_thousand_fen
    if found is None:
        return "", lift.verdict_word
    return f"{'+' if found.value >= 0 else '-'}¥{abs(found.value) / 100:,.0f}", lift.verdict_word


def _recent(push: RecentPush, now: datetime) -> RecentRow:
    if push.status == "closed" or push.window_until <= now:
        state, mark = _("over"), ""
    else:
        days = max((push.window_until - push.handed_out_at).days, 1)
        day = min((now - push.handed_out_at).days + 1, days)
        state, mark = _("running, day %(day)s of %(days)s") % {"day": day, "days": days}, "on"
    return RecentRow(push, state, mark, *lift_words(push))


def home(request: HttpRequest) -> HttpResponse:
    """The admin's index; the site has checked that this person may enter."""
    now, actor = clock.now(), actor_of(request)
    found = reports.home(actor=actor, now=now)
    cells = [
        LoopCell(
            number,
            STEPS[number.code],
            reverse("hq:loop_people", args=[number.code]),
            charts.spark(number.points),
        )
        for number in found.loop
    ]
    start = clock.business_day(now) - timedelta(days=found.period_days - 1)
    return show(
        request,
        "admin/index.html",
        title=_("Home"),
        found=found,
        cells=cells,
        todos=[todo_row(todo) for todo in found.todos],
        recent=[_recent(push, now) for push in found.recent],
        window=f"{start:%m-%d} ~ {clock.business_day(now):%m-%d}",
        may_push=actor.can(Capability.PUSH_TASKS),
        first_steps=first_steps(now=now) if actor.can(Capability.MANAGE_WECOM) else [],
        unreachable=(found.next_push.planned - found.next_push.reachable if found.next_push else 0),
    )


# --- lists behind the numbers ------------------------------------------------------------------


@hq_page(Capability.PUSH_TASKS)
def next_people(request: HttpRequest, reach: str) -> HttpResponse:
    """The masked people of the sentence on top: who can be reached, who cannot and why."""
    now, actor = clock.now(), actor_of(request)
    best = reports.next_push(actor=actor, now=now)
    if best is None or reach not in ("free", "none", *policy.Refusal.values):
        raise Http404
    code = {"free": "", "none": "any"}.get(reach, reach)
    ids = members_by_reach(definition=best.definition, refusal=code, now=now, limit=LIST_LIMIT + 1)
    titles = {"free": _("Can be reached"), "none": _("Cannot be reached")}
    return show(
        request,
        "hq/people.html",
        title=titles.get(reach) or policy.sentence(reach),
        crumb=best.region_name,
        rows=people(ids[:LIST_LIMIT], actor=actor),
        more=len(ids) > LIST_LIMIT,
        limit=LIST_LIMIT,
        reasons=[
            (refusal, policy.sentence(refusal), count) for refusal, count in best.refused.items()
        ],
    )


_LOOP_ROWS = {
    "issued": Q(),
    "started": Q(started_at__isnull=False),
    "delivered": Q(contact_grade=Grade.DELIVERED),
    "purchased": Q(purchased_at__isnull=False),
}


@hq_page(Capability.VIEW_REPORTS)
def loop_people(request: HttpRequest, code: str) -> HttpResponse:
    """The masked people behind one number of the loop; who was chosen stands push by push."""
    if code == "planned":
        return _planned(request)
    if code not in _LOOP_ROWS:
        raise Http404
    now, actor = clock.now(), actor_of(request)
    since = now - timedelta(days=reports.PERIOD_DAYS)
    rows = (
        TaskTarget.objects.visible_to(actor)
        .filter(_LOOP_ROWS[code], push__handed_out_at__gt=since, push__handed_out_at__lte=now)
        .select_related("push")
        .order_by("-pk")
    )
    return _target_list(request, rows, str(STEPS[code].title))


def _planned(request: HttpRequest) -> HttpResponse:
    rows = reports.planned_pushes(actor=actor_of(request), now=clock.now())
    names = ("planned", "issued", "control", "not_issued")
    return show(
        request,
        "hq/loop_planned.html",
        title=str(STEPS["planned"].title),
        rows=rows,
        sums={name: sum(getattr(row, name) for row in rows) for name in names},
        days=reports.PERIOD_DAYS,
    )


@hq_page(Capability.VIEW_REPORTS)
def overdue(request: HttpRequest) -> HttpResponse:
    """Who waits past the due time."""
    rows = TaskTarget.objects.visible_to(actor_of(request)).overdue(clock.now())
    return _target_list(
        request, rows.select_related("push").order_by("due_at", "pk"), _("Past the due time")
    )


@hq_page(Capability.VIEW_MEMBERS)
def unserved(request: HttpRequest) -> HttpResponse:
    """Friends whom nobody serves, or whose guide has left."""
    served = ServingPeriod.objects.current().filter(guide__status=Guide.Status.ACTIVE)
    rows = (
        FollowRelation.objects.current()
        .visible_to(actor_of(request))
        .filter(member__erased_at=None)
        .exclude(member_id__in=served.values("member_id"))
        .order_by("member_id")
        .values_list("member_id", flat=True)
        .distinct()
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/people.html",
        title=_("Friends without a serving guide"),
        rows=people(page, actor=actor_of(request)),
        page=page,
        total=page.paginator.count,
    )


def _target_list(request: HttpRequest, rows: Any, title: str) -> HttpResponse:
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    notes: dict[int, str] = {}
    for row in page:
        words = f"{row.push.title} · {row.get_state_display()}"
        notes[row.member_id] = (
            f"{notes[row.member_id]}；{words}" if row.member_id in notes else words
        )
    return show(
        request,
        "hq/people.html",
        title=title,
        rows=people(notes, actor=actor_of(request), notes=notes),
        has_notes=True,
        note_title=_("Push"),
        page=page,
        total=page.paginator.count,
    )
