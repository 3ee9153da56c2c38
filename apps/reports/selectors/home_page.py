"""The home page: the loop as numbers, what is planned and what ran last."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from apps.accounts.actor import Actor
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import ITEM_KINDS, Grade, NotIssued, State, TaskPush, TaskTarget
from apps.reports.selectors.funnel import BEGUN
from apps.reports.selectors.lift import push_lift
from apps.reports.selectors.suggestion import next_push
from apps.reports.selectors.waiting import todos
from apps.reports.shapes import Home, LoopNumber, PlannedPush, RecentPush, rate

PERIOD_DAYS = 30
POINTS = 8


def _handed_out(actor: Actor, now: datetime, *, days: int) -> list[TaskPush]:
    return list(
        TaskPush.objects.visible_to(actor)
        .filter(handed_out_at__gte=now - timedelta(days=days), handed_out_at__lte=now)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")
    )


def home(*, actor: Actor, now: datetime) -> Home:
    """Everything of the first page, in a fixed number of queries (lift of the latest pushes
    apart).
    """
    pushes = _handed_out(actor, now, days=2 * PERIOD_DAYS)
    since = now - timedelta(days=PERIOD_DAYS)
    return Home(
        next_push=next_push(actor=actor, now=now),
        loop=_loop(pushes, actor, now),
        pushes_in_period=sum((push.handed_out_at or since) >= since for push in pushes),
        period_days=PERIOD_DAYS,
        todos=todos(actor=actor, now=now),
        recent=_recent(actor, now),
        counted_at=now,
    )


_LOOP_COUNTS: dict[str, Any] = {
    "issued": Count("pk"),
    "started": Count("pk", filter=Q(started_at__isnull=False)),
    "begun": Count("pk", filter=BEGUN),
    "asked": Count("pk", filter=~Q(state=State.NOT_APPLICABLE)),
    "delivered": Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
    "purchased": Count("pk", filter=Q(purchased_at__isnull=False)),
}


def _loop_counts(push_ids: Sequence[int], actor: Actor) -> dict[int, dict[str, int]]:
    rows: QuerySet[TaskTarget, Any] = (
        TaskTarget.objects.visible_to(actor)
        .filter(push_id__in=push_ids)
        .order_by()
        .values("push_id")
        .annotate(**_LOOP_COUNTS)
    )
    return {row["push_id"]: {name: row[name] for name in _LOOP_COUNTS} for row in rows}


def _loop(pushes: Sequence[TaskPush], actor: Actor, now: datetime) -> list[LoopNumber]:
    """人群 → 下发 → 执行 → 送达 → 成交 over the pushes handed out in the period, and the one
    before.
    """
    return _loop_numbers(
        [(push.handed_out_at or now, row) for push, row in _loop_rows(pushes, actor)], now
    )


def planned_pushes(*, actor: Actor, now: datetime) -> list[PlannedPush]:
    """What stands behind 人群: each push of the period with whom it chose and where they went."""
    since = now - timedelta(days=PERIOD_DAYS)
    return [
        PlannedPush(
            pk=push.pk,
            title=push.title,
            handed_out_at=push.handed_out_at,
            planned=row["planned"],
            issued=row["issued"],
            control=row["reachable"] - row["issued"],
            not_issued=row["planned"] - row["reachable"],
        )
        for push, row in _loop_rows(_handed_out(actor, now, days=PERIOD_DAYS), actor)
        if push.handed_out_at and push.handed_out_at > since
    ]


def _loop_rows(pushes: Sequence[TaskPush], actor: Actor) -> list[tuple[TaskPush, dict[str, int]]]:
    """Each push with its sums; three statements, and one for the control groups."""
    ids = [push.pk for push in pushes]
    rows = _loop_counts(ids, actor)
    refused = dict(
        NotIssued.objects.visible_to(actor)
        .filter(push_id__in=ids)
        .order_by()
        .values_list("push_id")
        .annotate(n=Count("pk"))
    )
    controls = guide_tasks.control_counts(ids) if actor.sees_all else {}
    table: list[tuple[TaskPush, dict[str, int]]] = []
    for push in pushes:
        row = rows.get(push.pk, dict.fromkeys(_LOOP_COUNTS, 0))
        control = controls.get(push.pk, 0)
        planned = row["issued"] + control + refused.get(push.pk, 0)
        reachable = row["issued"] + control
        sums = {"planned": planned, "reachable": reachable, "due": planned - control}
        table.append((push, {**row, **sums}))
    return table


def _loop_numbers(table: list[tuple[datetime, dict[str, int]]], now: datetime) -> list[LoopNumber]:
    since, before = now - timedelta(days=PERIOD_DAYS), now - timedelta(days=2 * PERIOD_DAYS)

    def total(name: str, start: datetime, end: datetime) -> int:
        return sum(row[name] for at, row in table if start < at <= end)

    def points(name: str) -> list[int]:
        step = (now - since) / POINTS
        return [total(name, since + step * k, since + step * (k + 1)) for k in range(POINTS)]

    def number(code: str, name: str, above: str, below: str) -> LoopNumber:
        return LoopNumber(
            code=code,
            value=total(name, since, now),
            before=total(name, before, since),
            rate=rate(total(above, since, now), total(below, since, now)),
            points=points(name),
        )

    return [
        number("planned", "planned", "reachable", "planned"),
        number("issued", "issued", "issued", "due"),
        number("started", "started", "begun", "asked"),
        number("delivered", "delivered", "delivered", "issued"),
        number("purchased", "purchased", "purchased", "issued"),
    ]


def _recent(actor: Actor, now: datetime, limit: int = 5) -> list[RecentPush]:
    pushes = list(
        TaskPush.objects.visible_to(actor)
        .filter(handed_out_at__isnull=False, handed_out_at__lte=now)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")[:limit]
    )
    counts = _loop_counts([push.pk for push in pushes], actor)
    recent = []
    for push in pushes:
        row = counts.get(push.pk, dict.fromkeys(_LOOP_COUNTS, 0))
        recent.append(
            RecentPush(
                push_id=push.pk,
                title=push.title,
                status=push.status,
                kind=push.kind,
                handed_out_at=push.handed_out_at or now,
                window_until=(push.handed_out_at or now)
                + timedelta(days=push.campaign.window_days),
                issued=row["issued"],
                delivered=row["delivered"],
                purchased=row["purchased"],
                # lift is head office's figure: a scope sees too little of either arm
                lift=push_lift(push=push, now=now, days=False) if actor.sees_all else None,
            )
        )
    return recent
