"""How far a push came, place by place, and who did how."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.db.models import Count, F, Q

from apps.accounts.actor import Actor
from apps.core.querysets import keys_sql
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import Grade, PushForecast, State, TaskPush, TaskTarget
from apps.orders.selectors import NET_SALES
from apps.reports.disturbed import was_disturbed
from apps.reports.shapes import BreakdownRow, Funnel

_GRADE_NAMES = {
    Grade.DELIVERED: "delivered",
    Grade.INITIATED: "initiated",
    Grade.SELF_REPORTED: "self_reported",
    Grade.NONE: "none",
}


# executions, of those that were due: what is not applicable was not
BEGUN = Q(started_at__isnull=False) & ~Q(state=State.NOT_APPLICABLE)
# who was lost at a step of a push: not begun, begun and not delivered, delivered and not bought.
# Each is a part of its own base, not what one step counts less than the one before
LOST: dict[str, Q] = {
    "not_begun": Q(started_at=None) & ~Q(state=State.NOT_APPLICABLE),
    "not_delivered": BEGUN & ~Q(contact_grade=Grade.DELIVERED),
    "not_bought": Q(contact_grade=Grade.DELIVERED, purchased_at=None),
}


def push_funnel(*, push: TaskPush) -> Funnel:
    """Every planned member of a push in one place, and the two axes beside it."""
    found = guide_tasks.push_results(push)
    states = found.states
    timing = TaskTarget.objects.filter(push=push).aggregate(
        started=Count("pk", filter=BEGUN),
        on_time=Count("pk", filter=Q(state=State.DONE, done_at__lte=F("due_at"))),
        declared=Count(
            "pk",
            filter=Q(state=State.DONE, contact_grade__in=[Grade.SELF_REPORTED, Grade.INITIATED]),
        ),
        not_delivered=Count("pk", filter=LOST["not_delivered"]),
        not_bought=Count("pk", filter=LOST["not_bought"]),
        disturbed=Count("pk", filter=was_disturbed()),
    )
    changes = PushForecast.objects.filter(push=push).values_list("changes", flat=True).first()
    return Funnel(
        not_issued=found.not_issued,
        control=found.control,
        done=states.get(State.DONE, 0),
        not_started=states.get(State.OPEN, 0),
        in_progress=states.get(State.IN_PROGRESS, 0),
        to_verify=states.get(State.TO_VERIFY, 0),
        never_begun=states.get(State.EXPIRED, 0),
        not_proven=states.get(State.NOT_DONE, 0),
        excused_by_reason=found.excused,
        grades={name: found.grades.get(grade, 0) for grade, name in _GRADE_NAMES.items()},
        engaged=found.outcomes["engaged"],
        visited=found.outcomes["visited"],
        purchased=found.outcomes["purchased"],
        guides=found.guides,
        guides_seen=found.guides_seen,
        guides_done=found.guides_done,
        changes=changes or [],
        **timing,
    )


_PLACES = {
    "region": ("region.id", "region.name", "''::text"),
    "store": ("store.id", "store.name", "region.name"),
    "guide": ("guide.id", "guide.name", "store.name"),
}
_BREAKDOWN = """
WITH bought AS (
    SELECT t.id, sum(sale.net_fen) AS net
    FROM guide_tasks_tasktarget AS t
    JOIN members_member AS given ON given.id = t.member_id
    JOIN members_member AS person ON person.survivor_id = given.survivor_id
    JOIN ({sales}) AS sale ON sale.member_id = person.id
        AND sale.paid_at >= %s AND sale.paid_at < %s
    WHERE t.push_id = %s GROUP BY t.id
)
SELECT {key}, {name}, {parent}, count(*),
    count(*) FILTER (WHERE t.state = 'done'),
    count(*) FILTER (WHERE t.state = 'done' AND t.done_at <= t.due_at),
    count(*) FILTER (WHERE t.state IN ('open', 'in_progress', 'to_verify')),
    count(*) FILTER (WHERE t.state IN ('expired', 'not_done')),
    count(*) FILTER (WHERE t.state = 'not_applicable'),
    count(*) FILTER (WHERE t.purchased_at IS NOT NULL),
    COALESCE(sum(bought.net), 0)::bigint
FROM guide_tasks_tasktarget AS t
JOIN stores_store AS store ON store.id = t.store_id
JOIN stores_region AS region ON region.id = store.region_id
JOIN stores_guide AS guide ON guide.id = t.guide_id
LEFT JOIN bought ON bought.id = t.id
WHERE t.push_id = %s AND t.id IN ({visible})
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2
"""


def push_breakdown(*, push: TaskPush, by: str, actor: Actor) -> list[BreakdownRow]:
    """A push by "region", "store" or "guide", as far as the actor may see. One query."""
    key, name, parent = _PLACES[by]
    visible, params = keys_sql(TaskTarget.objects.visible_to(actor).filter(push=push))
    start = push.handed_out_at
    if start is None:
        return []
    end = start + timedelta(days=push.campaign.window_days)
    sql = _BREAKDOWN.format(sales=NET_SALES, key=key, name=name, parent=parent, visible=visible)
    with connection.cursor() as cursor:
        cursor.execute(sql, [start, end, push.pk, push.pk, *params])
        return [BreakdownRow(*row) for row in cursor.fetchall()]


def total_of(rows: Sequence[BreakdownRow], name: str) -> BreakdownRow:
    """The sum of a breakdown as its last row."""
    columns = ("issued", "done", "on_time", "open", "expired", "excused", "purchased", "net_fen")
    sums = {column: sum(getattr(row, column) for row in rows) for column in columns}
    return BreakdownRow(key=0, name=name, parent="", **sums)
