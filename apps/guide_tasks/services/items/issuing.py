"""The hand-out of pushes without customers: an item for each guide on duty, or for each store."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.customer_groups.selectors import full_groups
from apps.guide_tasks import hours
from apps.guide_tasks.errors import NobodyThere, NoGroupsThere, PushNotReady, PushRepeats
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import TaskItem, TaskPush
from apps.guide_tasks.posted import ON_DUTY, POSTED
from apps.guide_tasks.services.issuing import TODAY_PATH
from apps.guide_tasks.services.items import group_sends
from apps.guide_tasks.wording import item_notice_body
from apps.outreach import services as outreach

Status = TaskPush.Status

_COLUMNS = """
INSERT INTO guide_tasks_taskitem
    (push_id, store_id, guide_id, state, proof, quota, counted, opens_at, due_at, note, photo,
     reviewed_by, refusal, excuse_reason, excuse_sentence, chases, created_at)
"""
_REST = """0, %(now)s::timestamptz, %(due)s::timestamptz,
    '', '', '', '', '', '', 0, %(now)s::timestamptz"""
_VALUES = f"'open', '', %(quota)s::smallint, {_REST}"
_EACH_GUIDE = f"""
{_COLUMNS}
SELECT %(push)s, store_id, guide_id, {_VALUES} FROM ({ON_DUTY}) AS duty
WHERE role = 'guide' ORDER BY guide_id
ON CONFLICT (push_id, guide_id) WHERE guide_id IS NOT NULL DO NOTHING
"""
_EACH_STORE = f"""
{_COLUMNS}
SELECT DISTINCT %(push)s::bigint, store_id, NULL::bigint, {_VALUES} FROM ({ON_DUTY}) AS duty
ORDER BY store_id
ON CONFLICT (push_id, store_id) WHERE guide_id IS NULL DO NOTHING
"""
# whoever owns groups there that may still get one, with how many: nobody else can send to them, on
# a day off or not
_EACH_OWNER = f"""
{_COLUMNS}
SELECT %(push)s, store_id, guide_id, 'open', '', owned.n, {_REST} FROM ({POSTED}) AS posted
JOIN LATERAL (
    SELECT least(count(*), 32767)::smallint AS n FROM customer_groups_customergroup AS own
    WHERE own.owner_id = posted.guide_id AND own.dismissed_at IS NULL AND own.standing IN (0, 3)
        AND own.id <> ALL(%(full)s::bigint[])
) AS owned ON owned.n > 0
ORDER BY guide_id
ON CONFLICT (push_id, guide_id) WHERE guide_id IS NOT NULL DO NOTHING
"""
_TOLD = f"SELECT DISTINCT guide_id FROM ({ON_DUTY}) AS duty WHERE %(all)s OR role = 'guide'"


@transaction.atomic
def hand_out(*, push: TaskPush, now: datetime, actor: Actor) -> int:
    """Give every guide on duty (or every store) the item, with a card in WeCom. Safe to repeat.

    Returns how many items there are. Raises PushNotReady, NobodyThere.
    """
    push = TaskPush.objects.select_for_update(no_key=True).get(pk=push.pk)
    if push.status in (Status.HANDED_OUT, Status.CLOSED):
        return TaskItem.objects.filter(push=push).count()
    if push.status == Status.PATTERN:
        raise PushRepeats()
    if push.due_at is None or push.due_at <= now:
        raise PushNotReady()
    values: dict[str, Any] = {
        "push": push.pk,
        "quota": push.quota,
        "now": now,
        "due": push.due_at,
        "day": clock.business_day(now),
        "regions": list(push.regions.values_list("pk", flat=True)),
        "stores": list(push.stores.values_list("pk", flat=True)),
        "all": push.once_per_store,
        "full": full_groups(now=now) if push.kind == TaskPush.Kind.GROUP_SEND else [],
    }
    issued, told = _issue(push, values)
    if push.kind == TaskPush.Kind.MOMENTS:
        _queue_posts(push, push.due_at, now)
    if push.kind == TaskPush.Kind.GROUP_SEND:
        group_sends.queue_sends(push=push, due_at=push.due_at, now=now)
    push.status, push.handed_out_at, push.told_at = Status.HANDED_OUT, now, now
    push.save(update_fields=["status", "handed_out_at", "told_at"])
    body = item_notice_body(push)
    outreach.queue_guide_notices(
        source=push.source,
        rows=[(guide_id, push.title, body, TODAY_PATH) for guide_id in told],
        not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
        now=now,
    )
    accounts.audit(
        actor=actor,
        action="push.handed_out",
        object_type="task_push",
        object_id=str(push.pk),
        detail={"items": issued},
    )
    return issued


def _issue(push: TaskPush, values: dict[str, Any]) -> tuple[int, list[int]]:
    """Make the items: how many there are, and which guides are told. Raises NobodyThere,
    NoGroupsThere."""
    to_groups = push.kind == TaskPush.Kind.GROUP_SEND
    each = _EACH_OWNER if to_groups else _EACH_STORE if push.once_per_store else _EACH_GUIDE
    made = TaskItem.objects.filter(push=push)
    with connection.cursor() as cursor:
        cursor.execute(each, values)
        issued = made.count()
        if not issued:
            raise NoGroupsThere() if to_groups else NobodyThere()
        if to_groups:
            return issued, list(made.values_list("guide_id", flat=True))
        cursor.execute(_TOLD, values)
        return issued, [row[0] for row in cursor.fetchall()]


def _queue_posts(push: TaskPush, due_at: datetime, now: datetime) -> None:
    """One post per corp, for the guides who got an item."""
    senders: dict[str, list[str]] = defaultdict(list)
    rows = TaskItem.objects.filter(push=push).values_list("guide__corp_id", "guide__wecom_userid")
    for corp_id, userid in rows:
        senders[corp_id].append(userid)
    for corp_id, userids in senders.items():
        outreach.queue_moment(
            source=push.source,
            corp_id=corp_id,
            userids=userids,
            text=push.body,
            attachments=push.attachments,
            not_before=now,
            closes_at=due_at + grace(),
        )
