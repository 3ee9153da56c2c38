"""The guide's day: today's list, one task, a customer's open work, own numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
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
from apps.profiles.chances import Chances
from apps.profiles.models import MemberProfile

# tasks older than this have nothing finished "today"
_TASK_MEMORY = timedelta(days=30)


# --- lines: targets as lists read them ------------------------------------------------------------


class Line(NamedTuple):
    """One target with what a list says of its customer, task and push. A day has dozens: model rows
    would cost more than all the rest of the page."""

    pk: int
    task_id: int
    push_id: int
    member_id: int
    state: str
    contact_grade: int
    why: str
    value_fen: int
    due_at: datetime
    external_userid: str
    engaged_at: datetime | None
    visited_at: datetime | None
    purchased_at: datetime | None
    excuse_sentence: str
    public_id: UUID
    name: str
    gender: str
    level: str
    chased_at: datetime | None
    push_title: str
    kind: str
    minutes: int
    generic_body: str
    rule_id: int | None
    last_order_on: date | None
    order_days: int | None

    @property
    def source(self) -> str:
        return f"task_target:{self.pk}"


# where a line's fields stand, other than under the same name on the target
_ELSEWHERE = {
    "public_id": F("member__public_id"),
    "name": F("member__name"),
    "gender": F("member__gender"),
    "level": F("member__level"),
    "chased_at": F("task__chased_at"),
    "push_title": F("task__push__title"),
    "kind": F("task__push__kind"),
    "minutes": F("task__push__minutes_per_target"),
    "generic_body": F("task__push__generic_body"),
    "rule_id": F("task__push__rule_id"),
}


def _as_lines(targets: TaskTargetQuerySet) -> QuerySet[Any, Any]:
    """Where each customer stands is asked beside the target, so that chances cost no question."""
    profile = MemberProfile.objects.filter(pk=OuterRef("member_id"))
    return targets.annotate(
        **_ELSEWHERE,
        last_order_on=Subquery(profile.values("last_order_on")),
        order_days=Subquery(profile.values("order_days")),
    ).values_list(*Line._fields)


def _lines(asked: Compiled, **values: Any) -> list[Line]:
    return [Line._make(row) for row in asked.tuples(**values)]


# --- cards --------------------------------------------------------------------------------------


def _last_buy(last: orders.LastPurchase | None, today: date) -> LastBuy | None:
    if last is None:
        return None
    on = clock.business_day(last.paid_at)
    return LastBuy(
        product=last.product,
        colour=last.colour,
        size=last.size,
        on=on,
        days_ago=(today - on).days,
    )


def _card(
    line: Line,
    now: datetime,
    *,
    chance: float | None = None,
    colleague_at: datetime | None = None,
) -> Card:
    late = now - line.due_at
    return Card(
        target_id=line.pk,
        task_id=line.task_id,
        push_id=line.push_id,
        member_id=line.member_id,
        public_id=str(line.public_id),
        name=line.name,
        gender=line.gender,
        level=line.level,
        push_title=line.push_title,
        kind=line.kind,
        why=line.why,
        state=line.state,
        grade=line.contact_grade,
        value_fen=line.value_fen,
        due_at=line.due_at,
        is_overdue=late > timedelta(0),
        overdue_days=max(late.days + 1, 0) if late > timedelta(0) else 0,
        is_chased=line.chased_at is not None,
        external_userid=line.external_userid,
        minutes=line.minutes,
        colleague_at=colleague_at,
        by_rule=line.rule_id is not None,
        chance=chance,
    )


def _chance(shares: Chances, line: Line, today: date) -> float | None:
    """How likely this customer comes back, by the shop's own counted shares."""
    return shares.of(last_order_on=line.last_order_on, order_days=line.order_days or 0, on=today)


def _colleagues(todo: Sequence[Line], guide_id: int, now: datetime) -> dict[int, datetime]:
    """When a colleague was in touch with these customers of one guide, within the block."""
    if not todo:
        return {}
    found = ledger.by_colleagues(
        member_ids=[line.member_id for line in todo], guide_id=guide_id, now=now
    )
    return {member_id: contact.at for member_id, contact in found.items()}


def _first_things_first(card: Card) -> tuple[bool, bool, float, int]:
    """Chased first, then overdue, then by value at risk × chance of return."""
    return not card.is_chased, not card.is_overdue, -card.at_stake_fen, card.target_id


def _cards(todo: Sequence[Line], guide_id: int, now: datetime) -> list[Card]:
    """The customers still to contact, in the order in which to."""
    shares, today = profiles.return_chances(), clock.business_day(now)
    colleagues = _colleagues(todo, guide_id, now)
    cards = [
        _card(
            line,
            now,
            chance=_chance(shares, line, today),
            colleague_at=colleagues.get(line.member_id),
        )
        for line in todo
    ]
    return sorted(cards, key=_first_things_first)


def _with_last_buys(cards: Sequence[Card], most: int | None, now: datetime) -> list[Card]:
    """The first cards with what their customers bought last; asked for those alone."""
    number = len(cards) if most is None else most
    first, rest = cards[:number], cards[number:]
    bought = orders.last_purchases(member_ids=[card.member_id for card in first])
    today = clock.business_day(now)
    dressed = [
        replace(card, last_buy=_last_buy(bought.get(card.member_id), today)) for card in first
    ]
    return [*dressed, *rest]


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
    return [
        replace(card, also=pieces[card.member_id] - 1) if pieces[card.member_id] > 1 else card
        for card in first.values()
    ]


def chip_of(target: TaskTarget | Line) -> str:
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
        noted = evidence.outcome == Outcome.VISITED and evidence.actor != "system"
        return "visit_noted" if noted else evidence.outcome
    if evidence.grade == Grade.DELIVERED:
        return "clicked" if evidence.source.startswith("link_click:") else "delivered"
    return _CHIP_OF_GRADE.get(evidence.grade or 0, "self_reported")


_EVIDENCE = Compiled(
    lambda: Evidence.objects.filter(among("target_id", "targets")).order_by("occurred_at", "pk")
)


def proofs_of(targets: Sequence[TaskTarget | Line]) -> dict[int, list[Proof]]:
    """Lines under each name: delivered and outcomes once there are any, else what is waited for."""
    ids = [target.pk for target in targets]
    lines: dict[int, list[Proof]] = defaultdict(list)
    rows = _EVIDENCE.rows(targets=ids) if ids else []
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


def _sends_under_way(targets: Sequence[TaskTarget | Line]) -> dict[int, Proof]:
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


def _finished(lines: Sequence[Line], proofs: dict[int, list[Proof]]) -> list[FinishedCard]:
    return [
        FinishedCard(
            target_id=line.pk,
            task_id=line.task_id,
            member_id=line.member_id,
            public_id=str(line.public_id),
            name=line.name,
            gender=line.gender,
            chip=chip_of(line),
            lines=proofs.get(line.pk, []),
            sentence=line.excuse_sentence,
        )
        for line in lines
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


def open_work(guide_id: Any, now: Any) -> QuerySet[Any, Any]:
    """The guide's open targets whose day has come, as lines."""
    return _as_lines(TaskTarget.objects.of_guide(guide_id).open().opened_by(now))


_GUIDE: Any = Place("guide", BigIntegerField())
_NOW: Any = Place("now", DateTimeField())
_OPEN_WORK = Compiled(lambda: open_work(_GUIDE, _NOW))


def _open_lines(guide_id: int, now: datetime) -> tuple[list[Line], list[Line]]:
    """(to contact, waiting). Who has a message on its way is not offered a second one for another
    task."""
    found = _lines(_OPEN_WORK, guide=guide_id, now=now)
    waiting = [line for line in found if line.state == State.TO_VERIFY]
    busy = {line.member_id for line in waiting}
    todo = [line for line in found if line.state != State.TO_VERIFY and line.member_id not in busy]
    return todo, waiting


def next_up(*, guide_id: int, but: int, now: datetime) -> Card | None:
    """Whom to contact after this target, in one query; the card knows no purchases."""
    todo, _waiting = _open_lines(guide_id, now)
    shares, today = profiles.return_chances(), clock.business_day(now)
    cards = [
        _card(line, now, chance=_chance(shares, line, today)) for line in todo if line.pk != but
    ]
    return min(cards, key=_first_things_first, default=None)


def _settled() -> QuerySet[Any, Any]:
    """What was finished since the day began, and what does not count of tasks still due."""
    start = Place("start", DateTimeField())
    recent_tasks = GuideTask.objects.filter(guide_id=_GUIDE, due_at__gte=_NOW - _TASK_MEMORY)
    return _as_lines(
        TaskTarget.objects.filter(task__in=recent_tasks.values("pk"))
        .filter(
            Q(state=State.DONE, done_at__gte=start)
            | Q(state=State.NOT_APPLICABLE, task__due_at__gte=start)
        )
        .order_by("-done_at", "pk")
    )


_SETTLED = Compiled(_settled)


def today(*, guide_id: int, now: datetime, bought: int | None = None) -> Today:
    """The guide's day in a fixed number of queries: what to do, what waits, what is proven. Of the
    cards the first `bought` (all without a number) say what was bought last."""
    start = clock.day_start(clock.business_day(now))
    todo, waiting = _open_lines(guide_id, now)
    settled = _lines(_SETTLED, guide=guide_id, now=now, start=start)
    done = [line for line in settled if line.state == State.DONE]
    excused = [line for line in settled if line.state == State.NOT_APPLICABLE]
    proofs = proofs_of([*waiting, *done])
    cards = _with_last_buys(_one_per_customer(_cards(todo, guide_id, now)), bought, now)
    contacted = {card.member_id for card in cards if card.colleague_at}
    return Today(
        done=len(done),
        waiting_count=len(waiting),
        to_contact=len(cards),
        total=len(done) + len(waiting) + len(cards),
        minutes_left=sum(card.minutes for card in cards),
        segments=_segments(len(done), len(waiting), cards),
        shortcut=_shortcut([line for line in todo if line.member_id not in contacted]),
        cards=cards,
        finished=_finished(done, proofs),
        waiting=_finished(waiting, proofs),
        excused=_finished(excused, {}),
    )


def _shortcut(todo: Sequence[Line]) -> Shortcut | None:
    counted = Counter(line.task_id for line in todo if line.generic_body)
    if not counted:
        return None
    task_id, count = counted.most_common(1)[0]
    if count < 2:
        return None
    title = next(line.push_title for line in todo if line.task_id == task_id)
    return Shortcut(task_id=task_id, title=title, count=count)


_PEOPLE = Compiled(
    lambda: (
        TaskTarget.objects.of_guide(_GUIDE)
        .open()
        .opened_by(_NOW)
        .exclude(state=State.TO_VERIFY)
        .order_by()
        .values("guide_id")
        .annotate(people=Count("member_id", distinct=True))
        .values_list("people")
    )
)


def badge(*, guide_id: int, now: datetime) -> int:
    """People still to contact: the number on the tab."""
    return sum(people for (people,) in _PEOPLE.tuples(guide=guide_id, now=now))


_OWN_TASK = Scoped(
    lambda actor: (
        GuideTask.objects.visible_to(actor)
        .of_guide(_GUIDE)
        .filter(pk=Place("task", BigIntegerField()))
        .select_related("push__asset", "push__coupon", "push__template", "guide", "store")
    )
)


def own_task(*, task_id: int, guide_id: int, actor: Actor) -> GuideTask | None:
    """This guide's own task with all its page says; a colleague's is nobody's."""
    return next(iter(_OWN_TASK.rows(actor, guide=guide_id, task=task_id)), None)


_OF_TASK = Compiled(
    lambda: _as_lines(
        TaskTarget.objects.filter(
            task_id=Place("task", BigIntegerField()), opens_at__lte=_NOW
        ).order_by("pk")
    )
)


def task_page(task: GuideTask, *, now: datetime) -> TaskPage:
    """Everything one task's page shows, in a fixed number of queries."""
    push = task.push
    lines = _lines(_OF_TASK, task=task.pk, now=now)
    todo = [line for line in lines if line.state in (State.OPEN, State.IN_PROGRESS)]
    waiting = [line for line in lines if line.state == State.TO_VERIFY]
    excused = [line for line in lines if line.state == State.NOT_APPLICABLE]
    closed = [line for line in lines if line.state in (State.DONE, State.NOT_DONE, State.EXPIRED)]
    proofs = proofs_of([*waiting, *closed])
    cards = _cards(todo, task.guide_id, now)
    done = sum(line.state == State.DONE for line in closed)
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
    )


def personal_text(*, body: str, card: Card, now: datetime) -> str:
    """A task's personal words as this customer would read them."""
    target = TaskTarget.objects.select_related("member", "guide", "store").get(pk=card.target_id)
    bought = {card.member_id: card.last_buy} if card.last_buy else {}
    contexts = target_contexts([target], now=now, bought=bought)
    return scripts.render(body, contexts[target.pk])


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
        done=Count("pk", filter=Q(state=State.DONE, done_at__lte=F("due_at"))),
        excused=Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
        delivered=Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
        purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
    )
    return MyNumbers(**counted)
