"""The states of a target: the only place where one changes, alone or in sets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import BigIntegerField, QuerySet

from apps.accounts.actor import SYSTEM, Actor
from apps.core.compiled import Compiled, Place
from apps.core.querysets import keys_sql
from apps.guide_tasks.errors import IllegalMove, NotYourTask, UnknownExcuse
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import (
    MOVES,
    OPEN_STATES,
    ExcuseReason,
    GuideTask,
    State,
    TaskTarget,
)
from apps.guide_tasks.wording import excuse_sentence, state_word
from apps.members import services as members
from apps.members.models import StopMark
from apps.outreach import services as outreach
from apps.timeline import services as timeline
from apps.timeline.models import Kind

GUIDE_REASONS = (
    ExcuseReason.BOUGHT_ALREADY,
    ExcuseReason.ASKED_TO_STOP,
    ExcuseReason.MOVED_AWAY,
    ExcuseReason.WRONG_PERSON,
    ExcuseReason.JUST_TALKED,
    ExcuseReason.OTHER,
)
SOURCE = "task_target:"


def lock(target_id: int, *also: str) -> TaskTarget:
    """The row, held until the transaction ends, with its push, guide and what else is named."""
    return (
        TaskTarget.objects.select_for_update(of=("self",))
        .select_related("push", "guide", *also)
        .get(pk=target_id)
    )


def demand_own(target: TaskTarget, actor: Actor) -> None:
    """A task belongs to its guide, whoever calls. Raises NotYourTask."""
    if actor != SYSTEM and actor.guide_id != target.guide_id:
        raise NotYourTask()


# --- moves --------------------------------------------------------------------------------------

# who stands there has been turned to
_BEGUN = (State.IN_PROGRESS, State.TO_VERIFY, State.DONE)
_MOVE = """
WITH history AS (
    INSERT INTO guide_tasks_targetmove (target_id, from_state, to_state, at, actor, reason)
    VALUES (%s, %s, %s, %s, %s, %s)
)
UPDATE guide_tasks_tasktarget
SET state = %s, done_at = %s, excuse_reason = %s, excuse_sentence = %s, started_at = %s
WHERE id = %s
"""


def move(
    *,
    target: TaskTarget,
    to: str,
    at: datetime,
    actor: str,
    reason: str = "",
    excuse: str = "",
) -> TaskTarget:
    """Move one locked target and write its history. Raises IllegalMove."""
    if to not in MOVES[target.state]:
        raise IllegalMove(state=state_word(target.state))
    was, target.state = target.state, to
    target.done_at = at if to == State.DONE else None
    target.excuse_reason = excuse
    target.excuse_sentence = excuse_sentence(excuse) if excuse else ""
    if target.started_at is None and to in _BEGUN:
        target.started_at = at
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            [
                *(target.pk, was, to, at, actor, reason),
                *(to, target.done_at, excuse, target.excuse_sentence, target.started_at, target.pk),
            ],
        )
    return target


_MOVE_SET = """
WITH chosen AS (
    SELECT id, state FROM guide_tasks_tasktarget
    WHERE id IN ({which}) AND state = ANY(%s)
    ORDER BY id FOR UPDATE
), moved AS (
    UPDATE guide_tasks_tasktarget AS target
    SET state = %s, excuse_reason = %s, excuse_sentence = %s,
        started_at = coalesce(started_at, %s)
    FROM chosen WHERE target.id = chosen.id
    RETURNING target.id, chosen.state AS was
)
INSERT INTO guide_tasks_targetmove (target_id, from_state, to_state, at, actor, reason)
SELECT id, was, %s, %s, %s, %s FROM moved
RETURNING target_id
"""


def move_set(
    *,
    which: QuerySet[TaskTarget],
    sources: Sequence[str],
    to: str,
    at: datetime,
    actor: str,
    reason: str = "",
    excuse: str = "",
) -> list[int]:
    """Move every target of a queryset that stands in one of `sources`, in one statement with
    history.

    Returns the ids that moved. Raises IllegalMove if a source may never move there.
    """
    if to == State.DONE or any(to not in MOVES[source] for source in sources):
        raise IllegalMove(state=state_word(sources[0]))
    try:
        sql, params = keys_sql(which)
    except EmptyResultSet:
        return []
    sentence, begun = excuse_sentence(excuse) if excuse else "", at if to in _BEGUN else None
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_SET.format(which=sql),
            [*params, list(sources), to, excuse, sentence, begun, to, at, actor, reason],
        )
        return [row[0] for row in cursor.fetchall()]


_STORY = """
SELECT 'task_target:' || t.id || %s || (
           SELECT count(*) FROM guide_tasks_targetmove AS m
           WHERE m.target_id = t.id AND m.to_state = t.state),
       %s::timestamptz, t.member_id, NULL::bigint, %s, 'task_target:' || t.id, %s,
       jsonb_build_object('push_id', t.push_id, 'guide_id', t.guide_id, 'reason', t.excuse_reason)
FROM guide_tasks_tasktarget AS t WHERE t.id = ANY(%s)
"""


def tell(*, ids: list[int], kind: str, at: datetime, actor: str) -> None:
    """Write one event per moved target; a second excuse after an undo is a second event."""
    if ids:
        timeline.record_from_select(
            select=_STORY,
            params=[f":{kind}:", at, kind, actor, ids],
            first=at,
            last=at,
        )


# --- seen, excused, expired -----------------------------------------------------------------------


@transaction.atomic
def open_task(*, task: GuideTask, now: datetime, actor: Actor) -> GuideTask:
    """The guide has looked at the task: remembered once. Raises NotYourTask."""
    if actor.guide_id != task.guide_id:
        raise NotYourTask()
    if task.seen_at is None:
        GuideTask.objects.filter(pk=task.pk, seen_at=None).update(seen_at=now)
        task.refresh_from_db(fields=["seen_at"])
    return task


_UNSEEN = Compiled(
    lambda: GuideTask.objects.filter(
        guide_id=Place("guide", BigIntegerField()), seen_at=None
    ).values_list("pk")[:1]
)


def open_tasks(*, guide_id: int, now: datetime) -> int:
    """The guide has opened 今日, where every task shows: all of them are seen."""
    if not _UNSEEN.tuples(guide=guide_id):  # nearly always, and then nothing is begun
        return 0
    with transaction.atomic():
        return GuideTask.objects.filter(guide_id=guide_id, seen_at=None).update(seen_at=now)


@transaction.atomic
def excuse_target(*, target: TaskTarget, reason: str, actor: Actor, now: datetime) -> TaskTarget:
    """不适用 with one of the guide's reasons; takes effect at once. The same again changes nothing.

    ASKED_TO_STOP also stops contact by everybody and excuses the member's other open targets.
    Raises NotYourTask, UnknownExcuse, IllegalMove.
    """
    if reason not in GUIDE_REASONS:
        raise UnknownExcuse()
    target = lock(target.pk)
    demand_own(target, actor)
    if target.state == State.NOT_APPLICABLE and target.excuse_reason == reason:
        return target
    excuse_locked(target=target, reason=reason, at=now, actor=actor.label)
    if reason == ExcuseReason.ASKED_TO_STOP:
        members.stop_contact(member_id=target.member_id, source=target.source, now=now, actor=actor)
        excuse_stopped(now=now, member_id=target.member_id)
    return target


def excuse_locked(*, target: TaskTarget, reason: str, at: datetime, actor: str) -> TaskTarget:
    """Excuse a target that the caller holds: its message is called off, the story told."""
    move(target=target, to=State.NOT_APPLICABLE, at=at, actor=actor, reason=reason, excuse=reason)
    outreach.call_off(sources=[target.source], actor=actor, now=at)
    tell(ids=[target.pk], kind=Kind.TASK_EXCUSED, at=at, actor=actor)
    return target


def excuse_set(
    *, which: QuerySet[TaskTarget], reason: str, at: datetime, actor: str = "system"
) -> list[int]:
    """Excuse the open ones of a queryset set-wise. Returns the ids that moved."""
    ids = move_set(
        which=which,
        sources=OPEN_STATES,
        to=State.NOT_APPLICABLE,
        at=at,
        actor=actor,
        reason=reason,
        excuse=reason,
    )
    if ids:
        outreach.call_off(sources=[f"{SOURCE}{pk}" for pk in ids], actor=actor, now=at)
    tell(ids=ids, kind=Kind.TASK_EXCUSED, at=at, actor=actor)
    return ids


@transaction.atomic
def excuse_stopped(*, now: datetime, member_id: int | None = None) -> int:
    """Whoever asked not to be contacted is nobody's task any more."""
    stopped = StopMark.objects.current()
    if member_id is not None:
        stopped = stopped.filter(member_id=member_id)
    which = TaskTarget.objects.open().filter(
        member__survivor_id__in=stopped.values("member__survivor_id")
    )
    return len(excuse_set(which=which, reason=ExcuseReason.ASKED_TO_STOP, at=now))


@transaction.atomic
def expire_due(*, now: datetime) -> int:
    """Close what is past its grace: never begun → expired, begun and not proven → not done."""
    late = TaskTarget.objects.open().filter(due_at__lt=now - grace())
    fixed: dict[str, Any] = {"which": late, "at": now, "actor": "system", "reason": "due"}
    ids = move_set(sources=[State.OPEN], to=State.EXPIRED, **fixed)
    ids += move_set(sources=[State.IN_PROGRESS, State.TO_VERIFY], to=State.NOT_DONE, **fixed)
    tell(ids=ids, kind=Kind.TASK_EXPIRED, at=now, actor="system")
    return len(ids)
