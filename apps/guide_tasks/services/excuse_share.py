"""A large share of 不适用 in one guide's task: the manager confirms it, or gives customers back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM, Actor
from apps.core import hours
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import (
    ExcuseDecision,
    ExcuseReason,
    GuideTask,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import evidence, targets
from apps.guide_tasks.services.targets import GUIDE_REASONS
from apps.members.models import StopMark
from apps.outreach import services as outreach
from apps.outreach.models import DispatchRecipient

# whoever asked to be left alone is left alone, whatever a manager thinks
RETURNABLE = tuple(reason for reason in GUIDE_REASONS if reason != ExcuseReason.ASKED_TO_STOP)
_ASKED_FOR = timedelta(days=14)
_LISTED = 20


@dataclass(frozen=True, slots=True)
class ExcusedShare:
    """One guide's task over the limit. `reasons`: how many by reason; `excused` all of them,
    `chosen` those by the guide's own choice."""

    task: GuideTask
    issued: int
    done: int
    excused: int
    chosen: int
    reasons: dict[str, int]

    @property
    def may_return(self) -> bool:
        return any(self.reasons.get(reason) for reason in RETURNABLE)


def _counted() -> dict[str, Any]:
    gone = Q(targets__state=State.NOT_APPLICABLE)
    chosen = gone & Q(targets__excuse_reason__in=GUIDE_REASONS)
    latest = ExcuseDecision.objects.filter(task_id=OuterRef("pk")).order_by("-pk").values("kept")
    return {
        "issued": Count("targets"),
        "done": Count(
            "targets",
            filter=Q(targets__state=State.DONE, targets__done_at__lte=F("targets__due_at")),
        ),
        "excused": Count("targets", filter=gone),
        "chosen": Count("targets", filter=chosen),
        "kept": Coalesce(Subquery(latest[:1], output_field=IntegerField()), 0),
    }


def _over(tasks: QuerySet[GuideTask], now: datetime) -> QuerySet[Any]:
    running = tasks.filter(push__status=TaskPush.Status.HANDED_OUT, due_at__gte=now - _ASKED_FOR)
    over = F("chosen") * 100 - F("issued") * settings.EXCUSED_PERCENT_LIMIT
    counted: Any = running.annotate(**_counted(), over=over)
    asked: QuerySet[Any] = counted.filter(
        chosen__gte=settings.EXCUSED_FROM, chosen__gt=F("kept"), over__gte=0
    )
    return asked


def shares_to_decide(*, actor: Actor, now: datetime) -> list[ExcusedShare]:
    """Tasks over the limit in the places the actor leads; nobody decides about their own. Two
    queries."""
    tasks = GuideTask.objects.visible_to(actor).exclude(guide_id=actor.guide_id or 0)
    rows = list(
        _over(tasks, now)
        .select_related("guide", "store", "push")
        .order_by("due_at", "pk")[:_LISTED]
    )
    if not rows:
        return []
    reasons: dict[int, dict[str, int]] = {row.pk: {} for row in rows}
    by_reason = (
        TaskTarget.objects.filter(task_id__in=list(reasons), state=State.NOT_APPLICABLE)
        .order_by()
        .values_list("task_id", "excuse_reason")
        .annotate(n=Count("pk"))
    )
    for task_id, reason, number in by_reason:
        reasons[task_id][reason] = number
    return [
        ExcusedShare(row, row.issued, row.done, row.excused, row.chosen, reasons[row.pk])
        for row in rows
    ]


@transaction.atomic
def decide(*, task: GuideTask, give_back: bool, actor: Actor, now: datetime) -> int:
    """Confirm what the guide excused, or give back what can still be done; returns how many went
    back. A task that is not over the limit (any more) is left alone."""
    task = GuideTask.objects.select_for_update(of=("self",)).select_related("push").get(pk=task.pk)
    if not _over(GuideTask.objects.filter(pk=task.pk), now).exists():
        return 0
    chosen = TaskTarget.objects.filter(
        task=task, state=State.NOT_APPLICABLE, excuse_reason__in=GUIDE_REASONS
    )
    excused = chosen.count()
    returned = _give_back(chosen, actor, now) if give_back else 0
    ExcuseDecision.objects.create(
        task=task,
        excused=excused,
        kept=excused - returned,
        decided_at=now,
        decided_by=actor.label,
    )
    if returned:
        _tell(task, returned, now)
    accounts.audit(
        actor=actor,
        action="excuses.returned" if give_back else "excuses.confirmed",
        object_type="guide_task",
        object_id=task.pk,
        detail={"excused": excused, "returned": returned},
    )
    return returned


def _give_back(chosen: QuerySet[TaskTarget], actor: Actor, now: datetime) -> int:
    """What is proven or on its way takes the way of every undo; the rest opens in one statement."""
    stopped = StopMark.objects.current().values("member__survivor_id")
    able = chosen.filter(excuse_reason__in=RETURNABLE, due_at__gte=now - grace()).exclude(
        member__survivor_id__in=stopped
    )
    rows = list(able.values_list("pk", "contact_grade", "push__required_grade"))
    sources = [f"{targets.SOURCE}{pk}" for pk, _grade, _asked in rows]
    waiting = set(
        DispatchRecipient.objects.filter(
            source__in=sources, state=DispatchRecipient.State.WAITING
        ).values_list("source", flat=True)
    )
    special = [
        pk for pk, grade, asked in rows if grade >= asked or f"{targets.SOURCE}{pk}" in waiting
    ]
    for target in TaskTarget.objects.filter(pk__in=special):
        evidence.undo_excuse(target=target, actor=SYSTEM, now=now)
    plain = [pk for pk, _grade, _asked in rows if pk not in special]
    moved = targets.move_set(
        which=TaskTarget.objects.filter(pk__in=plain),
        sources=[State.NOT_APPLICABLE],
        to=State.OPEN,
        at=now,
        actor=actor.label,
        reason="returned",
    )
    return len(special) + len(moved)


def _tell(task: GuideTask, returned: int, now: datetime) -> None:
    push = task.push
    card = outreach.GuideCard(
        guide_id=task.guide_id,
        source=f"{task.source}:returned:{now.isoformat()}",
        title=_("Please look again: %(title)s") % {"title": push.title},
        body=_("Your manager put %(n)s customers back on your list") % {"n": returned},
        path=f"/g/tasks/{task.pk}/",
        not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
    )
    outreach.queue_cards(cards=[card])
