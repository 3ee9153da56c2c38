"""群群发 as work: an item for each owner of groups, proven by WeCom's word on their groups."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from apps.customer_groups import selectors as groups
from apps.customer_groups import services as customer_groups
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.guide_tasks.services.items import acts as items

_MOST = 32_767
_OPEN_OR_LATE = (State.OPEN, State.IN_PROGRESS, State.EXPIRED, State.NOT_DONE)


def queue_sends(*, push: TaskPush, due_at: datetime, now: datetime) -> None:
    """One send for each owner who got an item, to all their groups."""
    guide_ids = TaskItem.objects.filter(push=push).values_list("guide_id", flat=True)
    customer_groups.queue_group_sends(
        source=push.source,
        guide_ids=[pk for pk in guide_ids if pk is not None],
        text=push.body,
        attachments=push.attachments,
        not_before=now,
        closes_at=due_at + grace(),
    )


@transaction.atomic
def record_group_sent(*, source: str, guide_id: int, now: datetime) -> bool:
    """Bring an owner's item up to what WeCom said of the groups, also after the end: some have
    the message = in progress, all of them = done. True when it is done now."""
    push_id = source.removeprefix("task_push:")
    if not push_id.isdecimal():
        return False
    mine = TaskItem.objects.filter(push_id=int(push_id), guide_id=guide_id)
    if mine.select_for_update().first() is None:
        return False
    sent, awaited = groups.sent_and_awaited(source=source, guide_id=guide_id)
    mine.update(counted=sent, quota=min(awaited, _MOST))
    if sent:
        items.move_set(which=mine, sources=[State.OPEN], to=State.IN_PROGRESS, at=now)
    whole = mine.filter(counted__gte=F("quota"), counted__gt=0)
    proof = TaskItem.Proof.WECOM
    return bool(
        items.move_set(which=whole, sources=_OPEN_OR_LATE, to=State.DONE, at=now, proof=proof)
    )
