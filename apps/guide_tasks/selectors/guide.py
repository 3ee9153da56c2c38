"""The guide's day: today's list, one task, a customer's open work, own numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, DateTimeField, OuterRef, Q, Subquery

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.guide_tasks.models import (
    Evidence,
    Grade,
    GuideTask,
    Outcome,
    State,
    TaskTarget,
)
from apps.guide_tasks.querysets import TaskTargetQuerySet
from apps.guide_tasks.selectors.contexts import guide_context, target_contexts
from apps.guide_tasks.selectors.words import words_of
from apps.guide_tasks.shapes import (
    Card,
    FinishedCard,
    LastBuy,
    MyNumbers,
    Proof,
    Shortcut,
    TaskPage,
    Today,
)
from apps.orders import selectors as orders
from apps.outreach import ledger, scripts
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.profiles import selectors as profiles
from apps.profiles.models import MemberProfile

# tasks older than this have nothing finished "today"
_TASK_MEMORY = timedelta(days=30)


# --- cards --------------------------------------------------------------------------------------


def _last_buy(last: orders.LastPurchase | None, now: datetime) -> LastBuy | None:
    if last is None:
        return None
    on = clock.business_day(last.paid_at)
    return LastBuy(
        product=last.product,
        colour=last.colour,
        size=last.size,
        on=on,
        days_ago=(clock.business_day(now) - on).days,
    )


def _with_standing(targets: TaskTargetQuerySet) -> TaskTargetQuerySet:
    """Beside each target where its customer stands, so that chances cost no question more."""
    profile = MemberProfile.objects.filter(pk=OuterRef("member_id"))
    return targets.annotate(
        last_order_on=Subquery(profile.values("last_order_on")),
        order_days=Subquery(profile.values("order_days")),
    )


def _chances(targets: Sequence[TaskTarget], now: datetime) -> dict[int, float | None]:
    """How likely each customer comes back, by the shop's own counted shares."""
    shares, today = profiles.return_chances(), clock.business_day(now)
    return {
        target.member_id: shares.of(
            last_order_on=target.last_order_on,  # type: ignore[attr-defined]
            order_days=target.order_days or 0,  # type: ignore[attr-defined]
            on=today,
        )
        for target in targets
    }


def _card(
    target: TaskTarget, last_buy: LastBuy | None, now: datetime, chance: float | None = None
) -> Card:
    member, task, push = target.member, target.task, target.task.push
    late = now - target.due_at
    return Card(
        target_id=target.pk,
        task_id=task.pk,
        push_id=push.pk,
        member_id=member.pk,
        public_id=str(member.public_id),
        name=member.name,
        gender=member.gender,
        level=member.level,
        push_title=push.title,
        kind=push.kind,
        why=target.why,
        state=target.state,
        grade=target.contact_grade,
        value_fen=target.value_fen,
        due_at=target.due_at,
        is_overdue=late > timedelta(0),
        overdue_days=max(late.days + 1, 0) if late > timedelta(0) else 0,
        is_chased=task.chased_at is not None,
        external_userid=target.external_userid,
        last_buy=last_buy,
        minutes=push.minutes_per_target,
        by_rule=push.rule_id is not None,
        chance=chance,
    )


def _colleagues(targets: Sequence[TaskTarget], now: datetime) -> dict[int, datetime]:
    """When a colleague was in touch with these customers of one guide, within the block."""
    if not targets:
        return {}
    found = ledger.by_colleagues(
        member_ids=[target.member_id for target in targets],
        guide_id=targets[0].guide_id,
        now=now,
    )
    return {member_id: contact.at for member_id, contact in found.items()}


def _first_things_first(card: Card) -> tuple[bool, bool, float, int]:
    """Chased first, then overdue, then by value at risk × chance of return."""
    return not card.is_chased, not card.is_overdue, -card.at_stake_fen, card.target_id


def _cards(
    targets: Sequence[TaskTarget], now: datetime, bought: Mapping[int, orders.LastPurchase]
) -> list[Card]:
    """The customers still to contact, in the order in which to."""
    chances, colleagues = _chances(targets, now), _colleagues(targets, now)
    cards = [
        replace(
            _card(
                target,
                _last_buy(bought.get(target.member_id), now),
                now,
                chances.get(target.member_id),
            ),
            colleague_at=colleagues.get(target.member_id),
        )
        for target in targets
    ]
    return sorted(cards, key=_first_things_first)


def _bought(targets: Sequence[TaskTarget]) -> dict[int, orders.LastPurchase]:
    return orders.last_purchases(member_ids=[target.member_id for target in targets])


_OUTCOME_TIMES = (
    ("purchased_at", Outcome.PURCHASED),
    ("visited_at", Outcome.VISITED),
    ("engaged_at", Outcome.ENGAGED),
)
_CHIP_OF_STATE: dict[str, str] = {
    State.TO_VERIFY: "waiting",
    State.NOT_APPLICABLE: "excused",
    State.EXPIRED: "expired",
    State.NOT_DONE: "not_done",
}
_CHIP_OF_GRADE: dict[int, str] = {
    Grade.DELIVERED: "delivered",
    Grade.INITIATED: "initiated",
    Grade.SELF_REPORTED: "self_reported",
}


def _one_per_customer(cards: Sequence[Card]) -> list[Card]:
    """The first card of each customer; nobody is to be written to twice in a row for two tasks."""
    pieces = Counter(card.member_id for card in cards)
    first: dict[int, Card] = {}
    for card in cards:
        first.setdefault(card.member_id, card)
    return [replace(card, also=pieces[card.member_id] - 1) for card in first.values()]


def chip_of(target: TaskTarget) -> str:
    """The best that is proven: an outcome, else the proof of contact, else where the target
    stands.
    """
    if target.state == State.NOT_APPLICABLE:
        return "excused"
    for column, outcome in _OUTCOME_TIMES:
        if getattr(target, column):
            return str(outcome)
    if target.state == State.TO_VERIFY:
        return "waiting"
    return _CHIP_OF_GRADE.get(target.contact_grade) or _CHIP_OF_STATE.get(target.state, "open")


def _proof_code(evidence: Evidence) -> str:
    if evidence.outcome:
        return evidence.outcome
    if evidence.grade == Grade.DELIVERED:
        return "clicked" if evidence.source.startswith("link_click:") else "delivered"
    return _CHIP_OF_GRADE.get(evidence.grade or 0, "self_reported")


def proofs_of(targets: Sequence[TaskTarget]) -> dict[int, list[Proof]]:
    """Lines under each name: delivered and outcomes once there are any, else what is waited for."""
    ids = [target.pk for target in targets]
    lines: dict[int, list[Proof]] = defaultdict(list)
    rows = Evidence.objects.filter(target_id__in=ids).order_by("occurred_at", "pk")
    strong: dict[int, bool] = defaultdict(bool)
    for evidence in rows:
        code = _proof_code(evidence)
        strong[evidence.target_id] |= code not in ("initiated", "self_reported")
        lines[evidence.target_id].append(Proof(evidence.occurred_at, code))
    for target_id in ids:
        if strong[target_id]:
            lines[target_id] = [
                line for line in lines[target_id] if line.code not in ("initiated", "self_reported")
            ]
    waiting = [target for target in targets if target.state == State.TO_VERIFY]
    for target_id, proof in _sends_under_way(waiting).items():
        lines[target_id] = [proof]
    return lines


def _sends_under_way(targets: Sequence[TaskTarget]) -> dict[int, Proof]:
    if not targets:
        return {}
    by_source = {target.source: target.pk for target in targets}
    rows = DispatchRecipient.objects.filter(
        source__in=list(by_source), state=DispatchRecipient.State.WAITING
    ).select_related("dispatch")
    found = {}
    for row in rows:
        dispatch = row.dispatch
        held = dispatch.state == Dispatch.State.HELD
        moment = dispatch.not_before if held else dispatch.sent_at or dispatch.created_at
        code = "held" if held else "sent" if dispatch.sent_at else "to_confirm"
        if dispatch.state == Dispatch.State.UNKNOWN:
            code = "unknown"
        found[by_source[row.source]] = Proof(moment, code)
    return found


def _finished(targets: Sequence[TaskTarget], proofs: dict[int, list[Proof]]) -> list[FinishedCard]:
    return [
        FinishedCard(
            target_id=target.pk,
            task_id=target.task_id,
            member_id=target.member_id,
            public_id=str(target.member.public_id),
            name=target.member.name,
            gender=target.member.gender,
            chip=chip_of(target),
            lines=proofs.get(target.pk, []),
            sentence=target.excuse_sentence,
        )
        for target in targets
    ]


def _segments(done: int, waiting: int, cards: Sequence[Card]) -> list[str]:
    overdue = sum(card.is_overdue for card in cards)
    return (
        ["done"] * done
        + ["waiting"] * waiting
        + ["overdue"] * overdue
        + ["open"] * (len(cards) - overdue)
    )


# --- the guide's pages --------------------------------------------------------------------------


def open_work(*, guide_id: int, now: datetime) -> TaskTargetQuerySet:
    """The guide's open targets whose day has come, with customer, task and push."""
    return _work(guide_id, now)


def _work(guide_id: Any, now: Any) -> TaskTargetQuerySet:
    mine = TaskTarget.objects.of_guide(guide_id).open().opened_by(now)
    return _with_standing(mine).select_related("member", "task__push")


_GUIDE, _NOW = Place("guide", BigIntegerField()), Place("now", DateTimeField())
_OPEN_WORK = Compiled(lambda: _work(_GUIDE, _NOW))


def _open_targets(guide_id: int, now: datetime) -> tuple[list[TaskTarget], list[TaskTarget]]:
    """(to contact, waiting). Who has a message on its way is not offered a second one for another
    task."""
    found = _OPEN_WORK.rows(guide=guide_id, now=now)
    waiting = [target for target in found if target.state == State.TO_VERIFY]
    busy = {target.member_id for target in waiting}
    todo = [
        target
        for target in found
        if target.state != State.TO_VERIFY and target.member_id not in busy
    ]
    return todo, waiting


def next_up(*, guide_id: int, but: int, now: datetime) -> Card | None:
    """Whom to contact after this target, in one query; the card knows no purchases."""
    todo, _waiting = _open_targets(guide_id, now)
    chances = _chances(todo, now)
    cards = [
        _card(target, None, now, chances.get(target.member_id))
        for target in todo
        if target.pk != but
    ]
    return min(cards, key=_first_things_first, default=None)


def _settled() -> TaskTargetQuerySet:
    """What was finished since the day began, and what does not count of tasks still due."""
    start = Place("start", DateTimeField())
    recent_tasks = GuideTask.objects.filter(guide_id=_GUIDE, due_at__gte=_NOW - _TASK_MEMORY)
    return (
        TaskTarget.objects.filter(task__in=recent_tasks.values("pk"))
        .filter(
            Q(state=State.DONE, done_at__gte=start)
            | Q(state=State.NOT_APPLICABLE, task__due_at__gte=start)
        )
        .select_related("member", "task__push")
        .order_by("-done_at", "pk")
    )


_SETTLED = Compiled(_settled)


def today(*, guide_id: int, now: datetime) -> Today:
    """The guide's day in a fixed number of queries: what to do, what waits, what is proven."""
    start = clock.day_start(clock.business_day(now))
    todo, waiting = _open_targets(guide_id, now)
    settled = _SETTLED.rows(guide=guide_id, now=now, start=start)
    done = [target for target in settled if target.state == State.DONE]
    excused = [target for target in settled if target.state == State.NOT_APPLICABLE]
    proofs = proofs_of([*waiting, *done])
    cards = _one_per_customer(_cards(todo, now, _bought(todo)))
    contacted = {card.member_id for card in cards if card.colleague_at}
    return Today(
        done=len(done),
        waiting_count=len(waiting),
        to_contact=len(cards),
        total=len(done) + len(waiting) + len(cards),
        minutes_left=sum(card.minutes for card in cards),
        segments=_segments(len(done), len(waiting), cards),
        shortcut=_shortcut([target for target in todo if target.member_id not in contacted]),
        cards=cards,
        finished=_finished(done, proofs),
        waiting=_finished(waiting, proofs),
        excused=_finished(excused, {}),
    )


def _shortcut(todo: Sequence[TaskTarget]) -> Shortcut | None:
    counted = Counter(target.task_id for target in todo if target.task.push.generic_body)
    if not counted:
        return None
    task_id, count = counted.most_common(1)[0]
    if count < 2:
        return None
    title = next(target.task.push.title for target in todo if target.task_id == task_id)
    return Shortcut(task_id=task_id, title=title, count=count)


def badge(*, guide_id: int, now: datetime) -> int:
    """People still to contact: the number on the tab."""
    return (
        TaskTarget.objects.of_guide(guide_id)
        .open()
        .opened_by(now)
        .exclude(state=State.TO_VERIFY)
        .values("member_id")
        .distinct()
        .count()
    )


_OF_TASK = Compiled(
    lambda: (
        _with_standing(
            TaskTarget.objects.filter(task_id=Place("task", BigIntegerField()), opens_at__lte=_NOW)
        )
        .select_related("member")
        .order_by("pk")
    )
)


def task_page(task: GuideTask, *, now: datetime) -> TaskPage:
    """Everything one task's page shows, in a fixed number of queries."""
    push = task.push
    rows = _OF_TASK.rows(task=task.pk, now=now)
    for row in rows:  # all of one task: asked once, known to each
        row.task, row.guide, row.store = task, task.guide, task.store
    todo = [row for row in rows if row.state in (State.OPEN, State.IN_PROGRESS)]
    waiting = [row for row in rows if row.state == State.TO_VERIFY]
    excused = [row for row in rows if row.state == State.NOT_APPLICABLE]
    closed = [row for row in rows if row.state in (State.DONE, State.NOT_DONE, State.EXPIRED)]
    proofs = proofs_of([*waiting, *closed])
    bought = _bought(todo)
    cards = _cards(todo, now, bought)
    done = sum(row.state == State.DONE for row in closed)
    contexts = target_contexts(todo, now=now, bought=bought) if todo else {}
    words = words_of(push=push, store_id=task.store_id)
    return TaskPage(
        task_id=task.pk,
        push_id=push.pk,
        title=push.title,
        kind=push.kind,
        body=words.body,
        generic_text=scripts.render(words.generic_body, guide_context(task)),
        words_of_store=words.of_store,
        required_grade=push.required_grade,
        due_at=task.due_at,
        is_overdue=task.due_at < now,
        asset_title=push.asset.title if push.asset else "",
        created_by=push.created_by,
        seen_at=task.seen_at,
        done=done,
        waiting_count=len(waiting),
        to_contact=len(cards),
        excused_count=len(excused),
        total=done + len(waiting) + len(cards),
        segments=_segments(done, len(waiting), cards),
        cards=cards,
        waiting=_finished(waiting, proofs),
        finished=_finished(closed, proofs),
        excused=_finished(excused, {}),
        personal_texts={
            target.pk: scripts.render(words.body, contexts[target.pk]) for target in todo
        },
    )


_OF_MEMBER = Compiled(
    lambda: (
        TaskTarget.objects.open()
        .filter(among("member_id", "members"), guide_id=_GUIDE, opens_at__lte=_NOW)
        .select_related("task__push", "push", "member")
        .order_by("due_at", "pk")
    )
)


def open_targets_of_member(
    *, guide_id: int, member_ids: Iterable[int], now: datetime
) -> list[TaskTarget]:
    """What this guide still has to do with a member: the card's and the sidebar's "why now"."""
    return _OF_MEMBER.rows(guide=guide_id, now=now, members=list(member_ids))


def targets_of_members(
    *, member_ids: Iterable[int], actor: Actor, limit: int = 50
) -> list[TaskTarget]:
    """A member's tasks for their page, newest first, as far as the actor may see them."""
    return list(
        TaskTarget.objects.visible_to(actor)
        .filter(member_id__in=list(member_ids))
        .select_related("push", "guide", "store")
        .order_by("-pk")[:limit]
    )


def my_numbers(*, guide_id: int, now: datetime, days: int = 7) -> MyNumbers:
    """A guide's last days: targets of tasks that were due in them."""
    since = now - timedelta(days=days)
    due = GuideTask.objects.of_guide(guide_id).filter(due_at__gte=since)
    rows = TaskTarget.objects.asked_of_guides().filter(task__in=due.values("pk"), opens_at__lte=now)
    counted = rows.aggregate(
        issued=Count("pk"),
        done=Count("pk", filter=Q(state=State.DONE)),
        excused=Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
        delivered=Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
        purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
    )
    return MyNumbers(**counted)
