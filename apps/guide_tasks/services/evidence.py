"""Proofs of contact and outcomes: what they complete, and what the member's record gains by them.

Nothing a guide can call reaches DELIVERED: only WeCom's own result for this customer and an
identified click on the link of this target's own message do.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.accounts.actor import SYSTEM, Actor
from apps.core import clock
from apps.core.prepared import read
from apps.guide_tasks.errors import UnknownExcuse, UnproofedGrade
from apps.guide_tasks.models import (
    OPEN_STATES,
    Evidence,
    ExcuseReason,
    Grade,
    Outcome,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import personal, targets
from apps.members import services as members
from apps.members.models import FollowRelation, Interaction, Member, StopMark
from apps.orders.selectors import NET_SALES
from apps.outreach import services as outreach
from apps.outreach.models import DispatchRecipient, LinkClick
from apps.tagging import services as tagging
from apps.tagging.models import TagChange
from apps.timeline import services as timeline
from apps.timeline.models import Kind

RECIPIENT, CLICK = "dispatch_recipient:", "link_click:"
_TARGET = targets.SOURCE

_OUTCOMES = {
    Outcome.ENGAGED: ("engaged_at", Kind.ENGAGED),
    Outcome.VISITED: ("visited_at", Kind.VISITED),
    Outcome.PURCHASED: ("purchased_at", Kind.PURCHASED),
}


def target_id_of(source: str) -> int | None:
    """`task_target:81` → 81; None for what is not a target's."""
    number = source.removeprefix(_TARGET)
    return int(number) if number != source and number.isdigit() else None


# --- contact ------------------------------------------------------------------------------------


# an excused target keeps the proof but stays excused: its reason still holds. When the time is over
# only proof from outside still completes, a guide's own word does not
_MAY_COMPLETE = (*OPEN_STATES, State.NOT_DONE, State.EXPIRED)

_COLUMNS = [field.attname for field in TaskTarget._meta.concrete_fields]
# All that a proof leaves, for targets of one push or of many, in one way to the database: the step,
# its history, the story, the contact kept with the member. Targets are held first: of two proofs at
# the same moment the second sees what the first one left. A known proof takes no step, and then
# nothing is told. A tag retired since the push was made is not put on any more.
_STEP = f"""
WITH held AS (
    SELECT t.id, t.state AS was, t.contact_grade AS had,
        CASE WHEN t.state = ANY(%(may_complete)s) AND push.required_grade <= %(grade)s THEN 'done'
             WHEN t.state = 'open' THEN 'in_progress' ELSE t.state END AS state
    FROM guide_tasks_tasktarget AS t JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
    WHERE t.id = {{which}} ORDER BY t.id FOR UPDATE OF t
), proof AS (
    INSERT INTO guide_tasks_evidence (target_id, grade, outcome, source, actor, occurred_at)
    SELECT id, %(grade)s, '', %(source)s, %(actor)s, %(at)s FROM held
    ON CONFLICT (target_id, source) DO NOTHING RETURNING target_id
), step AS (
    SELECT held.* FROM held JOIN proof ON proof.target_id = held.id
), history AS (
    INSERT INTO guide_tasks_targetmove (target_id, from_state, to_state, at, actor, reason)
    SELECT id, was, state, %(at)s, %(actor)s, '' FROM step WHERE was <> state
), moved AS (
    UPDATE guide_tasks_tasktarget AS t
    SET state = step.state, contact_grade = greatest(had, %(grade)s),
        contacted_at = CASE WHEN had < %(grade)s THEN %(at)s ELSE contacted_at END,
        started_at = CASE WHEN was = step.state THEN started_at
                          ELSE coalesce(started_at, %(at)s) END,
        done_at = CASE WHEN was <> step.state AND step.state = 'done' THEN %(at)s
                       ELSE done_at END
    FROM step WHERE t.id = step.id
    RETURNING {", ".join(f"t.{column}" for column in _COLUMNS)},
        had < %(grade)s AS rises, was <> step.state AND step.state = 'done' AS completes
), told AS (
    SELECT '{_TARGET}' || id || ':' || event.key, %(at)s, member_id, NULL::bigint, event.kind,
        '{_TARGET}' || id, %(actor)s,
        event.more || jsonb_build_object('push_id', push_id, 'guide_id', guide_id)
    FROM moved CROSS JOIN LATERAL (VALUES
        (rises, '{Kind.CONTACT_GRADED.value}', 'contact:' || contact_grade,
         jsonb_build_object('grade', contact_grade)),
        (completes, '{Kind.TASK_DONE.value}', 'done', '{{}}')
    ) AS event (happened, kind, key, more)
    WHERE event.happened
), {timeline.story_steps("told")}, talked AS (
    SELECT '{Interaction.Kind.MESSAGE.value}', %(at)s, '{_TARGET}' || id || ':delivered', '',
        guide_id, member_id
    FROM moved WHERE rises AND contact_grade >= {Grade.DELIVERED:d}
), {members.interaction_steps("talked")}
SELECT moved.*, ARRAY(
    SELECT tag.id FROM guide_tasks_taskpush_result_tags AS result
    JOIN tagging_tag AS tag ON tag.id = result.tag_id AND tag.retired_at IS NULL
    WHERE completes AND result.taskpush_id = push_id)
FROM moved
"""
# without an array PostgreSQL knows how many rows it plans for, and keeps one plan; in fewer than
# four thousand characters psycopg keeps its reading of the places as well
_STEP = " ".join(_STEP.split())
_STEP_OF_ONE = _STEP.replace("{which}", "%(target)s")
_STEP_OF_MANY = _STEP.replace("{which}", "ANY(%(targets)s)")


def record_contact(
    *,
    target_id: int,
    grade: Grade,
    source: str,
    occurred_at: datetime,
    actor: str = "system",
) -> TaskTarget:
    """Keep one proof of contact; grades only rise, and at the push's grade the target completes.

    The same source again changes nothing. Raises UnproofedGrade for a DELIVERED without proof.
    """
    stepped = record_contacts(
        target_ids=[target_id], grade=grade, source=source, occurred_at=occurred_at, actor=actor
    )
    return stepped[0] if stepped else TaskTarget.objects.get(pk=target_id)


def record_contacts(
    *,
    target_ids: Sequence[int],
    grade: Grade,
    source: str,
    occurred_at: datetime,
    actor: str = "system",
) -> list[TaskTarget]:
    """The same proof for each of these targets; returns those to whom it was new.

    Raises UnproofedGrade for a DELIVERED without proof.
    """
    if grade >= Grade.DELIVERED and not source.startswith((RECIPIENT, CLICK)):
        raise UnproofedGrade()
    many = len(target_ids) != 1
    terms: dict[str, Any] = {
        **({"targets": list(target_ids)} if many else {"target": target_ids[0]}),
        "grade": int(grade),
        "source": source,
        "at": occurred_at,
        "actor": actor,
        "may_complete": list(_MAY_COMPLETE if grade >= Grade.DELIVERED else OPEN_STATES),
        "until": clock.business_day(occurred_at),
    }
    size = len(_COLUMNS)
    found = []
    # part of the caller's transaction: a mark of its own would be two more ways to the database
    with transaction.atomic(savepoint=False):
        timeline.ensure_months(occurred_at, occurred_at)
        for row in read(_STEP_OF_MANY if many else _STEP_OF_ONE, terms):
            found.append(TaskTarget.from_db(connection.alias, _COLUMNS, row[:size]))
            _tag(found[-1], row[-1], occurred_at)
    return found


def _event(target: TaskTarget, kind: Kind, key: str, at: datetime, actor: str) -> timeline.NewEvent:
    return timeline.NewEvent(
        member_id=target.member_id,
        kind=kind,
        source=target.source,
        key=f"{target.source}:{key}",
        occurred_at=at,
        actor=actor,
        payload={"push_id": target.push_id, "guide_id": target.guide_id},
    )


def _tag(target: TaskTarget, tag_ids: Sequence[int], at: datetime) -> None:
    if tag_ids:
        tagging.apply_tags(
            member_ids=[target.member_id],
            tag_ids=tag_ids,
            claim=TagChange.Claim.PUSH,
            source=target.source,
            actor=SYSTEM,
            at=at,
        )


@transaction.atomic
def undo_excuse(*, target: TaskTarget, actor: Actor, now: datetime) -> TaskTarget:
    """Take back what the guide said; a stop mark that came from this target goes with it.

    What was proven meanwhile counts, and a message still on its way is waited for: nobody is asked
    to write a second time. Raises NotYourTask, UnknownExcuse for an excuse that proof gave,
    IllegalMove.
    """
    target = targets.lock(target.pk)
    targets.demand_own(target, actor)
    if target.is_open:
        return target
    excused = target.state == State.NOT_APPLICABLE
    if excused and target.excuse_reason not in targets.GUIDE_REASONS:
        raise UnknownExcuse()
    mine = StopMark.objects.current().filter(member_id=target.member_id, source=target.source)
    if target.excuse_reason == ExcuseReason.ASKED_TO_STOP and mine.exists():
        members.lift_stop(member_id=target.member_id, source=target.source, now=now, actor=actor)
    targets.move(target=target, to=State.OPEN, at=now, actor=actor.label, reason="undo")
    on_its_way = DispatchRecipient.objects.filter(
        source=target.source, state=DispatchRecipient.State.WAITING
    )
    if target.contact_grade >= target.push.required_grade:
        _complete_again(target, now, actor.label)
    elif on_its_way.exists():
        targets.move(target=target, to=State.TO_VERIFY, at=now, actor=actor.label, reason="undo")
    return target


def _complete_again(target: TaskTarget, at: datetime, actor: str) -> None:
    """A target that the caller holds, whose proof came while it was excused."""
    targets.move(target=target, to=State.DONE, at=at, actor=actor)
    timeline.record_events([_event(target, Kind.TASK_DONE, "done", at, actor)])
    tags = target.push.result_tags.filter(retired_at=None)
    _tag(target, list(tags.values_list("pk", flat=True)), at)


@transaction.atomic
def record_outcome(
    *, target: TaskTarget, outcome: Outcome, source: str, occurred_at: datetime
) -> bool:
    """Keep what the customer did; the earliest of a kind is the target's time. False = known."""
    target = targets.lock(target.pk)
    added = Evidence.objects.add(
        target_id=target.pk,
        outcome=outcome,
        source=source,
        actor="system",
        occurred_at=occurred_at,
    )
    if not added:
        return False
    column, kind = _OUTCOMES[outcome]
    before = getattr(target, column)
    if before is None or occurred_at < before:
        setattr(target, column, occurred_at)
        target.save(update_fields=[column])
    return timeline.record_event(
        member_id=target.member_id,
        kind=kind,
        source=target.source,
        key=f"{target.source}:{outcome}:{source}",
        occurred_at=occurred_at,
        payload={"push_id": target.push_id, "source": source},
    )


# --- WeCom's word ---------------------------------------------------------------------------------


def in_lock_order(rows: Iterable[DispatchRecipient]) -> list[DispatchRecipient]:
    """Receivers by their targets: whoever locks many targets does so in the order of their ids."""
    return sorted(rows, key=lambda row: target_id_of(row.source) or 0)


@transaction.atomic
def apply_result(*, recipient: DispatchRecipient) -> TaskTarget | None:
    """What WeCom (or the last policy check) said about one receiver, applied to its target.

    Delivered is proof. Not a friend and over the limit excuse where the guide cannot help it;
    anything else gives the target back to the guide. None if the receiver is not a target's or is
    undecided.
    """
    if personal.is_personal(recipient):
        personal.apply_personal_result(recipient=recipient)
        return None
    target_id = target_id_of(recipient.source)
    if target_id is None or recipient.state == DispatchRecipient.State.WAITING:
        return None
    at = recipient.result_at or clock.now()
    source = f"{RECIPIENT}{recipient.pk}"
    if recipient.state == DispatchRecipient.State.DELIVERED:
        return record_contact(
            target_id=target_id,
            grade=Grade.DELIVERED,
            source=source,
            occurred_at=at,
        )
    target = targets.lock(target_id)
    fresh = timeline.record_event(
        member_id=target.member_id,
        kind=Kind.CONTACT_FAILED,
        source=target.source,
        key=f"{source}:failed",
        occurred_at=at,
        payload={"state": recipient.state, "guide_id": target.guide_id},
    )
    if not fresh:  # said before: a newer send of this target may be under way
        return target
    reason = _excuse_for(recipient, target)
    if reason and target.state in OPEN_STATES:
        return targets.excuse_locked(target=target, reason=reason, at=at, actor="system")
    if target.state == State.TO_VERIFY:
        targets.move(
            target=target,
            to=State.IN_PROGRESS,
            at=at,
            actor="system",
            reason=recipient.state,
        )
    return target


def _excuse_for(recipient: DispatchRecipient, target: TaskTarget) -> str:
    """The excuse a failed receiver gives; a friend whom the guide deleted gives none."""
    if recipient.refusal == "stopped":
        return ExcuseReason.ASKED_TO_STOP
    if recipient.state == DispatchRecipient.State.OVER_LIMIT:
        return ExcuseReason.OVER_LIMIT
    if recipient.state != DispatchRecipient.State.NOT_FRIEND:
        return ""
    last = (
        FollowRelation.objects.filter(
            guide_id=target.guide_id, external_userid=recipient.external_userid
        )
        .order_by("-since")
        .first()
    )
    ended_by_guide = last is not None and last.ended_by == FollowRelation.EndedBy.GUIDE
    return "" if ended_by_guide else ExcuseReason.NOT_FRIEND


def _clicked_target(click: LinkClick) -> int:
    return target_id_of(click.recipient.source if click.recipient else click.link.source) or 0


@transaction.atomic
def take_clicks(*, now: datetime, limit: int = 500) -> int:
    """Identified clicks on targets' own links: proof that the message arrived, and 已互动. On every
    other link of a guide's they are 已互动 in the story."""
    clicks = outreach.take_identified_clicks(now=now, limit=limit)
    for click in sorted(clicks, key=_clicked_target):  # targets are locked in one order everywhere
        target = TaskTarget.objects.filter(pk=_clicked_target(click)).first()
        if target is not None:
            if click.recipient is not None or _same_person(target, click):
                _note_click(target, click)
        elif click.recipient is None:
            personal.note_tapped(click=click)
        elif personal.is_personal(click.recipient):
            personal.note_opened(recipient=click.recipient, at=click.clicked_at)
    return len(clicks)


def _same_person(target: TaskTarget, click: LinkClick) -> bool:
    """What a guide put into a chat for one customer may have been passed on to another."""
    people = Member.objects.filter(pk__in=[target.member_id, click.member_id])
    return len(set(people.values_list("survivor_id", flat=True))) == 1


def _note_click(target: TaskTarget, click: LinkClick) -> None:
    source = f"{CLICK}{click.pk}"
    record_contact(
        target_id=target.pk,
        grade=Grade.DELIVERED,
        source=source,
        occurred_at=click.clicked_at,
    )
    record_outcome(
        target=target,
        outcome=Outcome.ENGAGED,
        source=f"{source}:engaged",
        occurred_at=click.clicked_at,
    )


# --- the till's word -----------------------------------------------------------------------------

# A sale counts from the target's opening to the end of its campaign's window, and only while what
# is left of it after returns is above zero. Merged members meet through their survivor.
_PURCHASES = f"""
SELECT t.id, sale.id, sale.paid_at, t.member_id, t.push_id
FROM ({NET_SALES}) AS sale
JOIN members_member AS buyer ON buyer.id = sale.member_id
JOIN members_member AS person ON person.survivor_id = buyer.survivor_id
JOIN guide_tasks_tasktarget AS t ON t.member_id = person.id
JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
JOIN campaigns_campaign AS campaign ON campaign.id = push.campaign_id
WHERE sale.id = ANY(%s) AND sale.net_fen > 0 AND sale.paid_at >= t.opens_at
  AND sale.paid_at < t.opens_at + campaign.window_days * interval '1 day'
"""
# held before anything is written, by a statement of its own: who waited here sees in the next one
# what the other order left
_HOLD = f"""
SELECT id FROM guide_tasks_tasktarget WHERE id IN (
    SELECT target_id FROM ({_PURCHASES}) AS found (target_id, order_id, paid_at, member_id, push_id)
    UNION SELECT target_id FROM guide_tasks_evidence
    WHERE source = ANY(%s) AND outcome = 'purchased')
ORDER BY id FOR UPDATE
"""
_ADD_PURCHASES = f"""
WITH found (target_id, order_id, paid_at, member_id, push_id) AS ({_PURCHASES}), added AS (
    INSERT INTO guide_tasks_evidence (target_id, grade, outcome, source, actor, occurred_at)
    SELECT target_id, NULL, 'purchased', 'order:' || order_id, 'system', paid_at
    FROM found ORDER BY target_id, order_id
    ON CONFLICT (target_id, source) DO NOTHING
    RETURNING target_id, source
)
SELECT found.*, added.target_id IS NOT NULL
FROM found LEFT JOIN added
  ON added.target_id = found.target_id AND added.source = 'order:' || found.order_id
"""
# from the proofs whose orders still stand: right after new sales as well as after returns and
# corrections (another buyer, another time, a staff purchase after all)
_SET_PURCHASED = f"""
WITH held AS (
    SELECT t.id, t.opens_at, t.opens_at + campaign.window_days * interval '1 day' AS closes_at,
        person.survivor_id
    FROM guide_tasks_tasktarget AS t
    JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
    JOIN campaigns_campaign AS campaign ON campaign.id = push.campaign_id
    JOIN members_member AS person ON person.id = t.member_id
    WHERE t.id = ANY(%s)
), standing AS (
    SELECT held.id, (
        SELECT min(sale.paid_at) FROM guide_tasks_evidence AS e
        JOIN ({NET_SALES}) AS sale ON sale.id = substr(e.source, 7)::bigint
        JOIN members_member AS buyer ON buyer.id = sale.member_id
        WHERE e.target_id = held.id AND e.outcome = 'purchased' AND e.source LIKE 'order:%%'
          AND sale.net_fen > 0 AND buyer.survivor_id = held.survivor_id
          AND sale.paid_at >= held.opens_at AND sale.paid_at < held.closes_at
    ) AS purchased_at FROM held
)
UPDATE guide_tasks_tasktarget AS t SET purchased_at = standing.purchased_at
FROM standing WHERE t.id = standing.id AND t.purchased_at IS DISTINCT FROM standing.purchased_at
"""
_RETURNED = """
SELECT o.id FROM orders_order AS r JOIN orders_order AS o ON o.id = r.original_id
WHERE r.id = ANY(%s)
"""


@transaction.atomic
def record_purchases(*, order_ids: Sequence[int], now: datetime) -> int:
    """已成交 for the targets these orders fall to, set-wise; returns and corrections take it back.

    A target nobody contacted becomes 不适用（已自行购买）. Control members have no target, so
    nothing of theirs changes here. Safe to repeat. Returns how many proofs were new.
    """
    ids = list(order_ids)
    if not ids:
        return 0
    originals = _originals(ids)
    # an order that was corrected may leave the targets it fell to before
    told = [f"order:{order_id}" for order_id in (*ids, *originals)]
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [ids, told])
        held = [row[0] for row in cursor.fetchall()]
        cursor.execute(_ADD_PURCHASES, [ids])
        found = cursor.fetchall()
        cursor.execute(_SET_PURCHASED, [held])
    new = [row for row in found if row[5]]
    bought = sorted({row[0] for row in found})
    timeline.record_events(
        timeline.NewEvent(
            member_id=member_id,
            kind=Kind.PURCHASED,
            source=f"{_TARGET}{target_id}",
            key=f"{_TARGET}{target_id}:purchased:order:{order_id}",
            occurred_at=paid_at,
            payload={"order_id": order_id, "push_id": push_id},
        )
        for target_id, order_id, paid_at, member_id, push_id, _new in new
    )
    _excuse_untouched(bought, now)
    if originals:
        excuse_returned_care(order_ids=originals, now=now)
    _reopen_returned(held, now)
    return len(new)


def _originals(order_ids: list[int]) -> list[int]:
    """The sales that the returns among these orders take something off."""
    with connection.cursor() as cursor:
        cursor.execute(_RETURNED, [order_ids])
        return sorted({row[0] for row in cursor.fetchall()})


def _reopen_returned(target_ids: list[int], now: datetime) -> None:
    """已自行购买 no longer holds when nothing of the purchase is left: the work is open again while
    there is time for it."""
    which = TaskTarget.objects.filter(
        pk__in=target_ids,
        excuse_reason=ExcuseReason.BOUGHT_WITHOUT_CONTACT,
        purchased_at=None,
        due_at__gt=now,
        push__status=TaskPush.Status.HANDED_OUT,
    ).exclude(member__survivor_id__in=StopMark.objects.current().values("member__survivor_id"))
    targets.move_set(
        which=which,
        sources=[State.NOT_APPLICABLE],
        to=State.OPEN,
        at=now,
        actor="system",
        reason="returned",
    )


# what a purchase makes needless
_MEANT_TO_SELL = (
    TaskPush.Kind.CONTACT,
    TaskPush.Kind.FOLLOW_UP,
    TaskPush.Kind.REPURCHASE,
    TaskPush.Kind.SILENT,
    TaskPush.Kind.LEAD,
    TaskPush.Kind.REVISIT,
    TaskPush.Kind.NEW_GOODS,
    TaskPush.Kind.POINTS,
    TaskPush.Kind.COUPONS,
)


def _excuse_untouched(target_ids: list[int], now: datetime) -> None:
    """Bought before anybody wrote: no proof of any grade, and no send on its way."""
    if not target_ids:
        return
    untouched = TaskTarget.objects.open().filter(
        pk__in=target_ids,
        contact_grade=Grade.NONE,
        push__kind__in=_MEANT_TO_SELL,
        purchased_at__isnull=False,
    )
    undecided = DispatchRecipient.objects.filter(
        state=DispatchRecipient.State.WAITING,
        source__in=[f"{_TARGET}{target_id}" for target_id in target_ids],
    ).values_list("source", flat=True)
    busy = [pk for source in undecided if (pk := target_id_of(source))]
    targets.excuse_set(
        which=untouched.exclude(pk__in=busy), reason=ExcuseReason.BOUGHT_WITHOUT_CONTACT, at=now
    )


_RETURNED_CARE = f"""
SELECT t.cause FROM ({NET_SALES}) AS sale
JOIN members_member AS buyer ON buyer.id = sale.member_id
JOIN members_member AS person ON person.survivor_id = buyer.survivor_id
JOIN guide_tasks_tasktarget AS t ON t.member_id = person.id
    AND t.cause LIKE 'care:order:' || sale.id || ':%%'
WHERE sale.id = ANY(%s) AND sale.net_fen <= 0
"""


def excuse_returned_care(*, order_ids: Sequence[int], now: datetime) -> list[int]:
    """Every step of care for an order that came back entirely is excused."""
    with connection.cursor() as cursor:
        cursor.execute(_RETURNED_CARE, [list(order_ids)])
        causes = [row[0] for row in cursor.fetchall()]
    which = TaskTarget.objects.open().filter(cause__in=causes)
    return targets.excuse_set(which=which, reason=ExcuseReason.RETURNED, at=now)
