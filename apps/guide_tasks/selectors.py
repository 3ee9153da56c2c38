"""Reads of the tasks' room: the guide's day, one task, the team, the rows behind a push's
result.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from pyroaring import BitMap

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks.models import (
    OPEN_STATES,
    Evidence,
    Grade,
    GuideTask,
    NotIssued,
    Outcome,
    PushForecast,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.shapes import (
    Card,
    FinishedCard,
    GuideProgress,
    LastBuy,
    MyNumbers,
    Proof,
    PushPlaces,
    PushResults,
    Shortcut,
    TaskPage,
    TeamProgress,
    Today,
)
from apps.guide_tasks.wording import MINUTES_PER_CUSTOMER
from apps.members.models import Member
from apps.orders import selectors as orders
from apps.outreach import policy, scripts
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.profiles.models import MemberFacts, MemberProfile
from apps.stores.models import Posting

CHASES_A_DAY = 3
# tasks older than this have nothing finished "today"
_TASK_MEMORY = timedelta(days=30)

_COMPOUND_SURNAMES = frozenset(
    [
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "司徒",
        "东方",
        "夏侯",
        "皇甫",
        "尉迟",
        "公孙",
        "令狐",
        "慕容",
        "宇文",
        "长孙",
        "独孤",
        "南宫",
        "端木",
        "百里",
    ]
)


# --- words for scripts ----------------------------------------------------------------------------


def surname(name: str) -> str:
    """林晓雯 → 林, 欧阳慧敏 → 欧阳."""
    return name[:2] if name[:2] in _COMPOUND_SURNAMES and len(name) > 2 else name[:1]


def form_of_address(member: Member) -> str:
    """林女士, 王先生; the full name when nobody knows which."""
    titles: dict[str, str] = {Member.Gender.FEMALE: "女士", Member.Gender.MALE: "先生"}
    title = titles.get(member.gender)
    return f"{surname(member.name)}{title}" if title and member.name else member.name


def guide_context(task: GuideTask) -> dict[str, str]:
    """Values of the variables that every customer of a task shares."""
    return {"导购": task.guide.name, "门店": task.store.name}


def target_contexts(targets: Sequence[TaskTarget], *, now: datetime) -> dict[int, dict[str, str]]:
    """Values of all script variables by target id, in a fixed number of queries."""
    tasks = (
        GuideTask.objects.filter(pk__in={target.task_id for target in targets})
        .select_related("guide", "store")
        .in_bulk()
    )
    member_ids = [target.member_id for target in targets]
    members = Member.objects.in_bulk(member_ids)
    facts = MemberFacts.objects.in_bulk(member_ids)
    profiles = MemberProfile.objects.in_bulk(member_ids)
    bought = orders.last_purchases(member_ids=member_ids)
    today = clock.business_day(now)
    contexts = {}
    for target in targets:
        member, fact = members[target.member_id], facts.get(target.member_id)
        profile, last = profiles.get(target.member_id), bought.get(target.member_id)
        days = (today - profile.last_order_on).days if profile and profile.last_order_on else None
        contexts[target.pk] = {
            "姓名": member.name,
            "称呼": form_of_address(member),
            "上次购买": last.product if last else "",
            "尺码": (fact.shoe_size or fact.clothing_size) if fact else "",
            "天数": "" if days is None else str(days),
            **guide_context(tasks[target.task_id]),
        }
    return contexts


def target_context(target: TaskTarget, now: datetime) -> dict[str, str]:
    """Values of all script variables for one target."""
    return target_contexts([target], now=now)[target.pk]


# --- cards ----------------------------------------------------------------------------------------


def _last_buys(member_ids: Sequence[int], now: datetime) -> dict[int, LastBuy]:
    today = clock.business_day(now)
    found = {}
    for member_id, last in orders.last_purchases(member_ids=member_ids).items():
        on = clock.business_day(last.paid_at)
        found[member_id] = LastBuy(
            product=last.product,
            colour=last.colour,
            size=last.size,
            on=on,
            days_ago=(today - on).days,
        )
    return found


def _card(target: TaskTarget, last_buy: LastBuy | None, now: datetime) -> Card:
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
    )


def _cards(targets: Sequence[TaskTarget], now: datetime) -> list[Card]:
    """Chased first, then overdue, then by value."""
    last_buys = _last_buys([target.member_id for target in targets], now)
    cards = [_card(target, last_buys.get(target.member_id), now) for target in targets]
    cards.sort(
        key=lambda card: (
            not card.is_chased,
            not card.is_overdue,
            -card.value_fen,
            card.target_id,
        )
    )
    return cards


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


# --- the guide's pages ---------------------------------------------------------------------------


def today(*, guide_id: int, now: datetime) -> Today:
    """The guide's day in a fixed number of queries: what to do, what waits, what is proven."""
    start = clock.day_start(clock.business_day(now))
    open_targets = list(
        TaskTarget.objects.of_guide(guide_id)
        .open()
        .opened_by(now)
        .select_related("member", "task__push")
    )
    recent_tasks = GuideTask.objects.of_guide(guide_id).filter(due_at__gte=now - _TASK_MEMORY)
    settled = list(
        TaskTarget.objects.filter(task__in=recent_tasks.values("pk"))
        .filter(
            Q(state=State.DONE, done_at__gte=start)
            | Q(state=State.NOT_APPLICABLE, task__due_at__gte=start)
        )
        .select_related("member", "task__push")
        .order_by("-done_at", "pk")
    )
    waiting = [target for target in open_targets if target.state == State.TO_VERIFY]
    # who has a message on its way is not offered a second one for another task
    busy = {target.member_id for target in waiting}
    todo = [
        target
        for target in open_targets
        if target.state != State.TO_VERIFY and target.member_id not in busy
    ]
    done = [target for target in settled if target.state == State.DONE]
    excused = [target for target in settled if target.state == State.NOT_APPLICABLE]
    proofs = proofs_of([*waiting, *done])
    cards = _one_per_customer(_cards(todo, now))
    return Today(
        done=len(done),
        waiting_count=len(waiting),
        to_contact=len(cards),
        total=len(done) + len(waiting) + len(cards),
        minutes_left=len(cards) * MINUTES_PER_CUSTOMER,
        segments=_segments(len(done), len(waiting), cards),
        shortcut=_shortcut(todo),
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


def task_page(task: GuideTask, *, now: datetime) -> TaskPage:
    """Everything one task's page shows, in a fixed number of queries."""
    task = GuideTask.objects.select_related("push__asset", "guide", "store").get(pk=task.pk)
    push = task.push
    rows = list(
        TaskTarget.objects.filter(task=task, opens_at__lte=now)
        .select_related("member", "task__push")
        .order_by("pk")
    )
    todo = [row for row in rows if row.state in (State.OPEN, State.IN_PROGRESS)]
    waiting = [row for row in rows if row.state == State.TO_VERIFY]
    excused = [row for row in rows if row.state == State.NOT_APPLICABLE]
    closed = [row for row in rows if row.state in (State.DONE, State.NOT_DONE, State.EXPIRED)]
    proofs = proofs_of([*waiting, *closed])
    cards = _cards(todo, now)
    done = sum(row.state == State.DONE for row in closed)
    contexts = target_contexts(todo, now=now) if todo else {}
    return TaskPage(
        task_id=task.pk,
        push_id=push.pk,
        title=push.title,
        kind=push.kind,
        body=push.body,
        generic_text=scripts.render(push.generic_body, guide_context(task)),
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
            target.pk: scripts.render(push.body, contexts[target.pk]) for target in todo
        },
    )


def open_targets_of_member(
    *, guide_id: int, member_ids: Iterable[int], now: datetime
) -> list[TaskTarget]:
    """What this guide still has to do with a member: the card's and the sidebar's "why now"."""
    return list(
        TaskTarget.objects.of_guide(guide_id)
        .open()
        .opened_by(now)
        .filter(member_id__in=list(member_ids))
        .select_related("task__push", "push", "member")
        .order_by("due_at", "pk")
    )


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
    counted = TaskTarget.objects.filter(
        task__in=GuideTask.objects.of_guide(guide_id).filter(due_at__gte=since).values("pk"),
        opens_at__lte=now,
    ).aggregate(
        issued=Count("pk"),
        done=Count("pk", filter=Q(state=State.DONE)),
        excused=Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
        delivered=Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
        purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
    )
    return MyNumbers(**counted)


# --- the manager's page --------------------------------------------------------------------------


def chases_today(task: GuideTask, now: datetime) -> int:
    """How often the task was chased on this day of the chain."""
    if task.chased_at is None:
        return 0
    same_day = clock.business_day(task.chased_at) == clock.business_day(now)
    return task.chases if same_day else 0


_PROGRESS: dict[str, Any] = {
    "issued": Count("pk"),
    "done": Count("pk", filter=Q(state=State.DONE)),
    "delivered": Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
    "waiting": Count("pk", filter=Q(state=State.TO_VERIFY)),
    "in_progress": Count("pk", filter=Q(state=State.IN_PROGRESS)),
    "not_started": Count("pk", filter=Q(state=State.OPEN)),
    "expired": Count("pk", filter=Q(state__in=[State.EXPIRED, State.NOT_DONE])),
    "excused": Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
    "purchased": Count("pk", filter=Q(purchased_at__isnull=False)),
}


def team_progress(*, actor: Actor, now: datetime, push_id: int | None = None) -> TeamProgress:
    """Per guide of the actor's scope: not seen, doing, delivered, overdue. None = all running
    pushes.
    """
    tasks = list(
        GuideTask.objects.visible_to(actor)
        .filter(push__status=TaskPush.Status.HANDED_OUT)
        .select_related("push", "guide", "store")
        .order_by("-push_id", "pk")
    )
    pushes = list({task.push_id: task.push.title for task in tasks}.items())
    if push_id is not None:
        tasks = [task for task in tasks if task.push_id == push_id]
    counted: dict[int, dict[str, Any]] = {
        row["task_id"]: dict(row)
        for row in TaskTarget.objects.filter(
            task_id__in=[task.pk for task in tasks], opens_at__lte=now
        )
        .order_by()
        .values("task_id")
        .annotate(
            **_PROGRESS,
            overdue=Count("pk", filter=Q(state__in=OPEN_STATES, due_at__lt=now)),
        )
    }
    by_guide: dict[int, list[GuideTask]] = defaultdict(list)
    for task in tasks:
        if task.pk in counted:
            by_guide[task.guide_id].append(task)
    on_duty = set(
        Posting.objects.on(clock.business_day(now))
        .filter(guide_id__in=list(by_guide))
        .values_list("guide_id", flat=True)
    )
    guides = [
        _guide_progress(own, counted, now, guide_id in on_duty)
        for guide_id, own in by_guide.items()
    ]
    guides.sort(key=lambda row: (not row.needs_help, -row.overdue, row.guide_name))
    return TeamProgress(
        push_id=push_id,
        title=tasks[0].push.title if push_id is not None and tasks else "",
        due_at=max((task.due_at for task in tasks), default=None) if push_id is not None else None,
        pushes=pushes,
        guides=guides,
        off_duty=_off_duty(actor, now, set(by_guide)),
    )


def _guide_progress(
    tasks: list[GuideTask], counted: dict[int, dict[str, Any]], now: datetime, on_duty: bool
) -> GuideProgress:
    totals = {
        name: sum(counted[task.pk][name] for task in tasks) for name in [*_PROGRESS, "overdue"]
    }
    chased = max(chases_today(task, now) for task in tasks)
    first = tasks[0]
    return GuideProgress(
        task_ids=[task.pk for task in tasks],
        guide_id=first.guide_id,
        guide_name=first.guide.name,
        store_id=first.store_id,
        store_name=first.store.name,
        is_seen=all(task.seen_at is not None for task in tasks),
        is_on_duty=on_duty,
        chases_today=chased,
        chases_left=max(CHASES_A_DAY - chased, 0),
        **totals,
    )


def _off_duty(actor: Actor, now: datetime, with_tasks: set[int]) -> list[str]:
    """Colleagues of the actor's stores without a task: named, so that nobody is wondered about."""
    if actor.sees_all:
        return []
    rows = (
        Posting.objects.visible_to(actor)
        .on(clock.business_day(now))
        .exclude(guide_id__in=with_tasks | {actor.guide_id or 0})
        .select_related("guide")
        .order_by("guide__name")
    )
    return [row.guide.name for row in rows if row.guide.status == "active"]


# --- behind a push's result ----------------------------------------------------------------------


def control_members(push: TaskPush) -> BitMap:
    """Whom this push's hand-out drew into the control group."""
    stored = (
        PushForecast.objects.filter(push=push).values_list("control_members", flat=True).first()
    )
    return BitMap.deserialize(bytes(stored)) if stored else BitMap()


def _in_policy_order(counted: dict[str, int]) -> dict[str, int]:
    order = [refusal.value for refusal in policy.Refusal]
    known = {reason: counted[reason] for reason in order if reason in counted}
    return known | counted


def push_results(push: TaskPush) -> PushResults:
    """The counted rows of a push, each member in exactly one place."""
    refused = (
        NotIssued.objects.filter(push=push).order_by().values_list("reason").annotate(n=Count("pk"))
    )
    targets = TaskTarget.objects.filter(push=push).order_by()
    states = dict(targets.values_list("state").annotate(n=Count("pk")))
    excused = dict(
        targets.filter(state=State.NOT_APPLICABLE)
        .values_list("excuse_reason")
        .annotate(n=Count("pk"))
    )
    grades = dict(targets.values_list("contact_grade").annotate(n=Count("pk")))
    outcomes = targets.aggregate(
        engaged=Count("pk", filter=Q(engaged_at__isnull=False)),
        visited=Count("pk", filter=Q(visited_at__isnull=False)),
        purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
    )
    tasks = GuideTask.objects.filter(push=push)
    open_work = TaskTarget.objects.filter(push=push).open().values("task_id")
    guides = tasks.aggregate(
        guides=Count("pk"),
        guides_seen=Count("pk", filter=Q(seen_at__isnull=False)),
        guides_done=Count("pk", filter=~Q(pk__in=open_work)),
    )
    return PushResults(
        not_issued=_in_policy_order(dict(refused)),
        control=len(control_members(push)),
        states=states,
        excused=excused,
        grades=grades,
        outcomes=outcomes,
        **guides,
    )


def push_places(push: TaskPush) -> PushPlaces:
    """The places of a handed-out push, read back from its rows."""
    found = push_results(push)
    per_guide = list(
        TaskTarget.objects.filter(push=push)
        .order_by()
        .values_list("task_id", "store_id")
        .annotate(n=Count("pk"))
    )
    stored = PushForecast.objects.filter(push=push).values_list("changes", flat=True).first()
    return PushPlaces(
        planned=found.planned,
        refused=found.not_issued,
        control=found.control,
        issued=found.issued,
        guides=len(per_guide),
        stores=len({store_id for _task, store_id, _n in per_guide}),
        per_guide_max=max((n for _task, _store, n in per_guide), default=0),
        changes=stored or [],
    )
