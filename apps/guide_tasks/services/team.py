"""催办: a manager asks a guide to look at a task; it then stands first. At most three a day."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.errors import ChasedEnough
from apps.guide_tasks.models import GuideTask, TaskPush, TaskTarget
from apps.guide_tasks.selectors import CHASES_A_DAY, chases_today
from apps.guide_tasks.services.issuing import TODAY_PATH
from apps.guide_tasks.wording import notice_body
from apps.outreach import services as outreach


@transaction.atomic
def chase(
    *,
    actor: Actor,
    now: datetime,
    task_ids: Iterable[int] | None = None,
    push: TaskPush | None = None,
) -> int:
    """Chase tasks (or all of a push) that the actor may see and that still have open work.

    Tasks chased three times today are left alone; raises ChasedEnough when all of them are.
    """
    tasks = GuideTask.objects.visible_to(actor)
    if task_ids is not None:
        tasks = tasks.filter(pk__in=list(task_ids))
    if push is not None:
        tasks = tasks.filter(push=push)
    open_work = TaskTarget.objects.open().filter(task_id=OuterRef("pk"), opens_at__lte=now)
    found = list(
        tasks.filter(Exists(open_work))
        .select_for_update(of=("self",))
        .select_related("push")
        .order_by("pk")
    )
    free = [task for task in found if chases_today(task, now) < CHASES_A_DAY]
    if found and not free:
        raise ChasedEnough(limit=CHASES_A_DAY)
    for task in free:
        _chase(task, now)
    if free:
        accounts.audit(
            actor=actor, action="task.chased", detail={"tasks": [task.pk for task in free]}
        )
    return len(free)


def _chase(task: GuideTask, now: datetime) -> None:
    task.chases = chases_today(task, now) + 1
    task.chased_at = now
    task.save(update_fields=["chases", "chased_at"])
    waiting = TaskTarget.objects.filter(task=task).open().opened_by(now).count()
    day = clock.business_day(now)
    outreach.queue_guide_notices(
        source=f"{task.source}:chase:{day.isoformat()}:{task.chases}",
        rows=[
            (
                task.guide_id,
                _("Please look: %(title)s") % {"title": task.push.title},
                notice_body(waiting, task.due_at),
                TODAY_PATH,
            )
        ],
        not_before=hours.next_within(now, task.push.hand_out_from, task.push.hand_out_until),
        now=now,
    )
