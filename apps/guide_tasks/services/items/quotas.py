"""拉新: quotas are counted from members and friendships. Nobody ticks them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import OPEN_STATES, State, TaskItem, TaskPush
from apps.guide_tasks.services.items import acts as items
from apps.members.models import AddWay

# a till or WeCom may tell late what happened in time
_LATE = timedelta(days=3)

# a person once: who was merged into somebody known is no new member, who gave no consent neither
_MEMBERS = """
SELECT item.id, count(*) AS n FROM guide_tasks_taskitem AS item
JOIN guide_tasks_taskpush AS push ON push.id = item.push_id AND push.quota_of = 'members'
JOIN members_member AS m ON m.enrolling_guide_id = item.guide_id
    AND m.joined_at >= item.opens_at AND m.joined_at < item.due_at + %s
    AND m.survivor_id = m.id AND m.erased_at IS NULL
    AND EXISTS (SELECT 1 FROM members_consent AS c WHERE c.member_id = m.id)
WHERE item.id = ANY(%s) GROUP BY item.id
"""
# still friends, befriended in the item's time, never this guide's friend before; whom the company
# assigned nobody won
_FRIENDS = """
SELECT item.id, count(DISTINCT person.survivor_id) AS n FROM guide_tasks_taskitem AS item
JOIN guide_tasks_taskpush AS push ON push.id = item.push_id AND push.quota_of = 'friends'
JOIN members_followrelation AS f ON f.guide_id = item.guide_id
    AND f.since >= item.opens_at AND f.since < item.due_at + %s
    AND f.until IS NULL AND f.add_way <> %s
JOIN members_member AS person ON person.id = f.member_id
WHERE item.id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM members_followrelation AS before
    WHERE before.guide_id = f.guide_id AND before.external_userid = f.external_userid
        AND before.since < item.opens_at)
GROUP BY item.id
"""
_COUNT = f"""
UPDATE guide_tasks_taskitem AS item SET counted = coalesce(found.n, 0)
FROM unnest(%s::bigint[]) AS asked (id)
LEFT JOIN ({_MEMBERS} UNION ALL {_FRIENDS}) AS found ON found.id = asked.id
WHERE item.id = asked.id AND item.counted IS DISTINCT FROM coalesce(found.n, 0)
"""


@transaction.atomic
def count_quotas(*, now: datetime) -> int:
    """Count all running quotas anew; who reached theirs is done. Returns how many finished."""
    rows = TaskItem.objects.filter(
        push__kind=TaskPush.Kind.RECRUIT,
        state__in=[*OPEN_STATES, State.EXPIRED, State.NOT_DONE],
        opens_at__lte=now,
        due_at__gte=now - grace() - _LATE,
    )
    ids = list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    if not ids:
        return 0
    span: Any = grace()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [ids, span, ids, span, AddWay.ASSIGNED, ids])
    held = TaskItem.objects.filter(pk__in=ids)
    begun = held.filter(counted__gt=0)
    items.move_set(which=begun, sources=[State.OPEN], to=State.IN_PROGRESS, at=now)
    reached = held.filter(counted__gte=F("quota"))
    done = items.move_set(
        which=reached,
        sources=[State.OPEN, State.IN_PROGRESS, State.EXPIRED, State.NOT_DONE],
        to=State.DONE,
        at=now,
        proof=TaskItem.Proof.COUNTED,
    )
    return len(done)
