"""催办: a manager asks a guide to look at a task; it then stands first. At most three a day. What
stays overdue all the same is put before the store's manager, once."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.querysets import keys_sql
from apps.guide_tasks import hours
from apps.guide_tasks.errors import ChasedEnough, GuideAway
from apps.guide_tasks.models import GuideTask, State, TaskPush, TaskTarget
from apps.guide_tasks.selectors import CHASES_A_DAY
from apps.guide_tasks.services.issuing import TODAY_PATH
from apps.guide_tasks.wording import notice_body
from apps.outreach import services as outreach
from apps.stores import selectors as stores

TEAM_PATH = "/g/team/"
_AUDITED = 200

# the day's count begins anew by itself; who was chased often enough stays as they are
_CHASE = """
WITH wanted (id) AS ({which}), found AS (
    SELECT id, CASE WHEN chased_at >= %s THEN chases ELSE 0 END AS before
    FROM guide_tasks_guidetask WHERE id IN (SELECT id FROM wanted) ORDER BY id FOR UPDATE
), chased AS (
    UPDATE guide_tasks_guidetask AS task SET chases = found.before + 1, chased_at = %s
    FROM found WHERE task.id = found.id AND found.before < %s
    RETURNING task.id, task.guide_id, task.push_id, task.due_at, task.chases
)
SELECT chased.id, chased.guide_id, chased.push_id, chased.due_at, chased.chases,
    (SELECT count(*) FROM guide_tasks_tasktarget AS target
     WHERE target.task_id = chased.id AND target.opens_at <= %s
        AND target.state IN ('open', 'in_progress', 'to_verify')),
    (SELECT count(*) FROM found)
FROM found LEFT JOIN chased ON chased.id = found.id ORDER BY chased.id
"""


class Chased(NamedTuple):
    """One task that was chased; `times` today, `found` = how many tasks were looked at."""

    task_id: int | None
    guide_id: int
    push_id: int
    due_at: datetime
    times: int
    waiting: int
    found: int


@transaction.atomic
def chase(
    *,
    actor: Actor,
    now: datetime,
    task_ids: Iterable[int] | None = None,
    push: TaskPush | None = None,
) -> int:
    """Chase tasks (or all of a push) that the actor may see and that still have open work: one
    statement, and one for the cards, for any number of guides.

    Nobody off duty is chased; tasks chased three times today are left alone. Raises GuideAway or
    ChasedEnough when that goes for all of them.
    """
    tasks = GuideTask.objects.visible_to(actor)
    if task_ids is not None:
        tasks = tasks.filter(pk__in=list(task_ids))
    if push is not None:
        tasks = tasks.filter(push=push)
    open_work = TaskTarget.objects.open().filter(task_id=OuterRef("pk"), opens_at__lte=now)
    wanted = tasks.filter(Exists(open_work))
    away = stores.away(day=clock.business_day(now)).values("pk")
    which, params = keys_sql(wanted.exclude(guide_id__in=away))
    day = clock.day_start(clock.business_day(now))
    with connection.cursor() as cursor:
        cursor.execute(_CHASE.format(which=which), [*params, day, now, CHASES_A_DAY, now])
        rows = [Chased(*row) for row in cursor.fetchall()]
    chased = [row for row in rows if row.task_id is not None]
    if rows and not chased:
        raise ChasedEnough(limit=CHASES_A_DAY)
    if not rows and wanted.exists():
        raise GuideAway()
    if chased:
        pushes = TaskPush.objects.in_bulk({row.push_id for row in chased})
        _tell_chased(chased, pushes, now)
        _nudge_in_wecom(chased, pushes, actor, now)
        ids = [row.task_id for row in chased]
        detail = {"count": len(ids), "tasks": ids[:_AUDITED]}
        accounts.audit(actor=actor, action="task.chased", detail=detail)
    return len(chased)


def _tell_chased(chased: list[Chased], pushes: dict[int, TaskPush], now: datetime) -> None:
    day = clock.business_day(now).isoformat()
    cards = []
    for row in chased:
        push = pushes[row.push_id]
        cards.append(
            outreach.GuideCard(
                guide_id=row.guide_id,
                source=f"guide_task:{row.task_id}:chase:{day}:{row.times}",
                title=_("Please look: %(title)s") % {"title": push.title},
                body=notice_body(row.waiting, row.due_at, push.minutes_per_target),
                path=TODAY_PATH,
                not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
            )
        )
    outreach.queue_cards(cards=cards, with_button=True)


@transaction.atomic
def chase_acknowledged(*, guide_id: int, source: str, at: datetime) -> int:
    """The guide has said 知道了 on the card in WeCom: the task is seen. `source` is the card's own;
    one of another kind is nobody's task. Returns how many were not seen before."""
    kind, _colon, rest = source.partition(":")
    number, _colon, what = rest.partition(":")
    if kind != "guide_task" or not number.isdecimal() or not what.startswith("chase:"):
        return 0
    mine = GuideTask.objects.filter(pk=int(number), guide_id=guide_id, seen_at=None)
    return mine.update(seen_at=at)


def _nudge_in_wecom(
    chased: list[Chased], pushes: dict[int, TaskPush], actor: Actor, now: datetime
) -> None:
    """What they have handed to WeCom and not confirmed there WeCom reminds them of, in the hours of
    the card."""
    by_task = {row.task_id: row for row in chased}
    waiting = TaskTarget.objects.filter(task_id__in=list(by_task), state=State.TO_VERIFY)
    day, wanted = clock.business_day(now), []
    for pk, task_id in waiting.order_by("pk").values_list("pk", "task_id"):
        row = by_task[task_id]
        push = pushes[row.push_id]
        soonest = hours.next_within(now, push.hand_out_from, push.hand_out_until)
        wave = f"chase:{day:%Y%m%d}:{row.times}"
        wanted.append(outreach.SendNudge(f"task_target:{pk}", wave, soonest))
    outreach.queue_reminders(wanted=wanted, actor=actor, now=now)


# --- overdue all the same ------------------------------------------------------------------------

# a due time that was moved later begins anew
_ESCALATE = """
WITH late AS (
    SELECT task.id, count(*) AS customers
    FROM guide_tasks_guidetask AS task
    JOIN guide_tasks_taskpush AS push ON push.id = task.push_id AND push.status = 'handed_out'
    JOIN guide_tasks_tasktarget AS target ON target.task_id = task.id
    WHERE target.state IN ('open', 'in_progress', 'to_verify') AND target.due_at < %s
        AND (task.escalated_at IS NULL OR task.escalated_at < target.due_at)
    GROUP BY task.id
)
UPDATE guide_tasks_guidetask AS task SET escalated_at = %s
FROM late WHERE task.id = late.id
RETURNING task.push_id, task.store_id, task.due_at, late.customers
"""


@transaction.atomic
def escalate_overdue(*, now: datetime) -> int:
    """Put tasks that are overdue for ESCALATE_AFTER_HOURS before the manager of their store: the
    team page marks them, and one card per push tells. Returns how many tasks. Safe to repeat."""
    cutoff = now - timedelta(hours=settings.ESCALATE_AFTER_HOURS)
    with connection.cursor() as cursor:
        cursor.execute(_ESCALATE, [cutoff, now])
        rows = cursor.fetchall()
    late: dict[tuple[int, int], list[tuple[datetime, int]]] = defaultdict(list)
    for push_id, store_id, due_at, customers in rows:
        late[push_id, store_id].append((due_at, customers))
    if late:
        _tell_managers(late, now)
    return len(rows)


def _tell_managers(late: dict[tuple[int, int], list[tuple[datetime, int]]], now: datetime) -> None:
    pushes = TaskPush.objects.in_bulk({push_id for push_id, _store in late})
    managers = stores.managers_of(
        store_ids={store_id for _push, store_id in late}, day=clock.business_day(now)
    )
    cards = []
    for (push_id, store_id), tasks in late.items():
        push = pushes[push_id]
        due = clock.business_day(max(due_at for due_at, _customers in tasks))
        body = _("%(guides)s guides, %(customers)s customers overdue. Have a look at the team.") % {
            "guides": len(tasks),
            "customers": sum(customers for _due, customers in tasks),
        }
        cards += [
            outreach.GuideCard(
                guide_id=guide_id,
                source=f"{push.source}:overdue:{store_id}:{due.isoformat()}",
                title=_("Overdue: %(title)s") % {"title": push.title},
                body=body,
                path=f"{TEAM_PATH}?push={push_id}",
                not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
            )
            for guide_id in managers[store_id]
        ]
    outreach.queue_cards(cards=cards)
