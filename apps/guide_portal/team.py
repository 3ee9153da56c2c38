"""Reads for 团队任务: who has not looked, who is on it, who is late, who was reminded how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal.cards import Chip, Person, Progress, cells, due_words, progress
from apps.guide_tasks.models import OPEN_STATES, Grade, GuideTask, State, TaskPush, TaskTarget

CHASES_A_DAY = 3
LOOK_BACK = timedelta(days=7)
PUSHES = 12
# from this share of 不适用 on, the manager is asked to have a look
MANY_EXCUSED = 0.3


@dataclass(frozen=True, slots=True)
class Counts:
    """Places of a set of targets: issued = done + waiting + overdue + todo + closed + excused."""

    issued: int
    excused: int
    done: int
    on_time: int
    waiting: int
    overdue: int
    todo: int
    closed: int
    bought: int

    @property
    def due(self) -> int:
        return self.issued - self.excused

    @property
    def parts(self) -> list[tuple[str, int]]:
        return [
            ("ok", self.done),
            ("wait", self.waiting),
            ("late", self.overdue + self.closed),
            ("", self.todo),
        ]


@dataclass(frozen=True, slots=True)
class TeamRow:
    person: Person
    task_id: int
    push_id: int
    counts: Counts
    chip: Chip | None
    words: str
    warn: bool
    can_chase: bool

    @property
    def delivered(self) -> int:
        return self.counts.done

    @property
    def due(self) -> int:
        return self.counts.due

    @property
    def cells(self) -> list[str]:
        return cells(*self.counts.parts)


@dataclass(frozen=True, slots=True)
class TeamPage:
    push_id: int
    title: str
    others: list[TaskPush]
    delivered: int
    due: int
    deadline: str
    progress: Progress
    rate_words: str
    need_help: list[TeamRow]
    going_well: list[TeamRow]
    chase_ids: list[int]
    chase_stop: str


def counting(now: datetime) -> dict[str, Count]:
    """Aggregates over targets: every target is in exactly one of the places."""
    is_open = Q(state__in=OPEN_STATES)
    started = Q(contact_grade__gte=Grade.INITIATED)
    begun = is_open & (started | Q(state=State.TO_VERIFY))
    rest = is_open & ~(started | Q(state=State.TO_VERIFY))
    return {
        "issued": Count("pk"),
        "excused": Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
        "done": Count("pk", filter=Q(state=State.DONE)),
        "on_time": Count("pk", filter=Q(state=State.DONE, done_at__lte=F("due_at"))),
        "waiting": Count("pk", filter=begun),
        "overdue": Count("pk", filter=rest & Q(due_at__lt=now)),
        "todo": Count("pk", filter=rest & Q(due_at__gte=now)),
        "closed": Count("pk", filter=Q(state__in=[State.EXPIRED, State.NOT_DONE])),
        "bought": Count("pk", filter=Q(purchased_at__isnull=False)),
    }


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}%" if whole else "–"


def rate(counts: Counts) -> str:
    """完成率: done by the deadline / (issued − excused)."""
    return _percent(counts.on_time, counts.due)


def rate_words(counts: Counts) -> str:
    """The raw rate and the share of 不适用, which always stand beside the completion rate."""
    return _("%(raw)s with the not applicable counted in, %(excused)s not applicable") % {
        "raw": _percent(counts.on_time, counts.issued),
        "excused": _percent(counts.excused, counts.issued),
    }


def pushes_of(*, actor: Actor, now: datetime) -> list[TaskPush]:
    """Pushes with work in the manager's stores, the latest first."""
    tasks = GuideTask.objects.visible_to(actor).filter(due_at__gte=now - LOOK_BACK)
    return list(TaskPush.objects.filter(pk__in=tasks.values("push_id")).order_by("-pk")[:PUSHES])


def chases_left(task: GuideTask, *, now: datetime) -> int:
    """How many reminders are left for this guide today."""
    today = clock.business_day(now)
    used_today = task.chased_at is not None and clock.business_day(task.chased_at) == today
    return CHASES_A_DAY - (task.chases if used_today else 0)


def team_page(
    *, actor: Actor, push: TaskPush, pushes: Sequence[TaskPush], now: datetime
) -> TeamPage:
    """One push in the manager's stores, guide by guide, in three queries."""
    tasks = list(
        GuideTask.objects.visible_to(actor)
        .filter(push=push)
        .select_related("guide")
        .order_by("guide__name")
    )
    rows = TaskTarget.objects.filter(task__in=tasks).order_by().values("task_id")
    by_task = {row.pop("task_id"): Counts(**row) for row in rows.annotate(**counting(now))}
    team = [_row(task, by_task[task.pk], now=now) for task in tasks if task.pk in by_task]
    total = _sum([row.counts for row in team])
    need = [row for row in team if row.chip is not None]
    chase_ids = [row.task_id for row in need if row.can_chase]
    exhausted = bool(need) and not chase_ids
    return TeamPage(
        push_id=push.pk,
        title=push.title,
        others=[other for other in pushes if other.pk != push.pk],
        delivered=total.done,
        due=total.due,
        deadline=due_words(tasks[0].due_at, now=now) if tasks else "",
        progress=progress(
            ("ok", _("Done"), total.done),
            ("wait", _("Initiated"), total.waiting),
            ("late", _("Overdue"), total.overdue + total.closed),
            ("", _("To do"), total.todo),
        ),
        rate_words=_("Completion rate %(rate)s, ") % {"rate": rate(total)} + rate_words(total),
        need_help=need,
        going_well=[row for row in team if row.chip is None],
        chase_ids=chase_ids,
        chase_stop=_("Reminded %(n)s times today") % {"n": CHASES_A_DAY} if exhausted else "",
    )


def _sum(all_counts: Sequence[Counts]) -> Counts:
    names: list[str] = list(Counts.__dataclass_fields__)
    sums: dict[str, Any] = {name: sum(getattr(one, name) for one in all_counts) for name in names}
    return Counts(**sums)


def _row(task: GuideTask, counts: Counts, *, now: datetime) -> TeamRow:
    left = chases_left(task, now=now)
    unfinished = counts.todo + counts.overdue
    chip = None
    if counts.overdue:
        chip = Chip("clock", _("%(n)s overdue") % {"n": counts.overdue}, "late")
    elif task.seen_at is None and unfinished:
        chip = Chip("ring", _("not seen"))
    many = counts.issued > 0 and counts.excused / counts.issued >= MANY_EXCUSED
    return TeamRow(
        person=Person(pk=task.guide_id, public_id=None, name=task.guide.name),
        task_id=task.pk,
        push_id=task.push_id,
        counts=counts,
        chip=chip,
        words=_words(task, counts, left=left, many=many),
        warn=many and chip is None,
        can_chase=chip is not None and left > 0,
    )


def _words(task: GuideTask, counts: Counts, *, left: int, many: bool) -> str:
    if left < CHASES_A_DAY and (counts.todo or counts.overdue):
        return _("Reminded %(used)s times, %(left)s left today") % {
            "used": CHASES_A_DAY - left,
            "left": left,
        }
    if many:
        return _("%(n)s are not applicable, have a look at the reasons") % {"n": counts.excused}
    if task.seen_at is None and counts.todo:
        return _("%(n)s not seen yet") % {"n": counts.todo + counts.overdue}
    parts = [
        (_("%(n)s wait for WeCom"), counts.waiting),
        (_("%(n)s to contact"), counts.todo + counts.overdue),
        (_("%(n)s bought"), counts.bought),
    ]
    return ", ".join(words % {"n": number} for words, number in parts if number) or _("all done")
