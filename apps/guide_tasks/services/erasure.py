"""Work about somebody who asked to be deleted: it ends, and forgets WeCom's id of them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.guide_tasks.models import ExcuseReason, TaskPush, TaskTarget
from apps.guide_tasks.services.targets import excuse_stopped
from apps.members.models import Member


@transaction.atomic
def forget_members(*, member_ids: Sequence[int], now: datetime) -> int:
    """Their open work is excused (they are stopped by now), their targets name nobody."""
    for member_id in member_ids:
        excuse_stopped(now=now, member_id=member_id)
    theirs = TaskTarget.objects.filter(member_id__in=member_ids)
    # a manager's own words may name them
    theirs.filter(excuse_reason=ExcuseReason.WITHDRAWN).update(
        excuse_sentence=str(ExcuseReason.WITHDRAWN.label)
    )
    return theirs.update(external_userid="", why="")


def forget_since(*, push: TaskPush, since: datetime, now: datetime) -> None:
    """Who asked while the push was on its way to the guides: its parts still knew them."""
    # few ask: looked for first, or every target would be asked about its member
    asked = list(Member.objects.filter(erased_at__gte=since).values_list("pk", flat=True))
    named = TaskTarget.objects.filter(push=push, member_id__in=asked)
    if asked and (ids := list(named.values_list("member_id", flat=True))):
        forget_members(member_ids=ids, now=now)
