"""A push that runs is taken back, wholly or for one customer, gets more time, or is open again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat, Greatest
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Capability
from apps.core.wake import wake
from apps.guide_tasks import hours
from apps.guide_tasks.errors import (
    DueNotLater,
    IllegalMove,
    NotYourStore,
    NotYourTask,
    PushBeingHandedOut,
    PushNotRunning,
    WhyMissing,
)
from apps.guide_tasks.models import (
    OVER_STATES,
    SERVICE_KINDS,
    ExcuseReason,
    GuideTask,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import consents, push_coupons, sending, targets
from apps.guide_tasks.services.assigning import demand_manager
from apps.guide_tasks.services.issuing import TODAY_PATH
from apps.guide_tasks.wording import short_moment, state_word, taken_back_sentence
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, DispatchRecipient

WITHDRAW_JOB = "guide_tasks.withdraw_rest"
# one transaction takes so many back; the rest follows in the job, batch by batch
BATCH = 20_000
# nobody plans further ahead
LONGEST = timedelta(days=92)

Status = TaskPush.Status


def _locked(push: TaskPush) -> TaskPush:
    return TaskPush.objects.select_for_update(of=("self",), no_key=True).get(pk=push.pk)


def refuse_on_its_way(push: TaskPush) -> None:
    """Nothing moves under parts that are still being written. Raises PushBeingHandedOut."""
    if push.status == Status.HANDING_OUT:
        raise PushBeingHandedOut()


def _demand_hq(actor: Actor) -> None:
    if actor != SYSTEM and not actor.can(Capability.PUSH_TASKS):
        raise NotYourTask()


# --- taken back -----------------------------------------------------------------------------------


def _to_take_back(push: TaskPush) -> QuerySet[TaskTarget]:
    """Open targets but those whose guide has confirmed the message: it has left and gets its
    result."""
    confirmed = DispatchRecipient.objects.filter(
        source=Concat(Value(targets.SOURCE), Cast(OuterRef("pk"), CharField())),
        state=DispatchRecipient.State.WAITING,
        dispatch__state=Dispatch.State.SENT,
    )
    return TaskTarget.objects.open().filter(~Exists(confirmed), push=push)


@transaction.atomic
def withdraw_push(*, push: TaskPush, actor: Actor, now: datetime) -> int:
    """Take a push back: what waits for its hour is a draft again; what runs ends, and what nobody
    has done is 不适用 (withdrawn), outside every rate. Returns how many were taken back at once.

    Messages not confirmed yet are called off; those confirmed keep their result. Safe to repeat.
    Raises NotYourTask, PushBeingHandedOut, PushNotRunning.
    """
    _demand_hq(actor)
    push = _locked(push)
    if push.withdrawn_at is not None:
        return 0
    if push.status == Status.APPROVED:
        push.status = Status.DRAFT
        push.save(update_fields=["status"])
        _audit(push, "push.returned", actor, {"reason": "withdrawn"})
        return 0
    refuse_on_its_way(push)
    if push.status != Status.HANDED_OUT or push.has_items:
        raise PushNotRunning()
    push.status, push.closed_at, push.withdrawn_at = Status.CLOSED, now, now
    push.save(update_fields=["status", "closed_at", "withdrawn_at"])
    waiting = TaskTarget.objects.open().filter(push=push)
    people = list(waiting.order_by().values_list("guide_id", flat=True).distinct())
    taken = _take_back(push, actor.label, now)
    if taken == BATCH:
        wake(WITHDRAW_JOB)
    _tell_guides(push, people, now)
    _audit(push, "push.withdrawn", actor, {"targets": taken, "guides": len(people)})
    return taken


def _take_back(push: TaskPush, actor: str, now: datetime) -> int:
    some = _to_take_back(push).order_by("pk").values("pk")[:BATCH]
    which = TaskTarget.objects.filter(pk__in=some)
    taken = targets.excuse_set(which=which, reason=ExcuseReason.WITHDRAWN, at=now, actor=actor)
    push_coupons.take_back(push=push, target_ids=taken, now=now)
    return len(taken)


def withdraw_rest(*, now: datetime) -> int:
    """Finish what a large withdrawal has left, one committed batch after the other."""
    rest = TaskTarget.objects.open().filter(push_id=OuterRef("pk"))
    unfinished = TaskPush.objects.filter(Exists(rest), withdrawn_at__isnull=False)
    taken = 0
    for push in unfinished.order_by("pk"):
        while found := _one_batch(push, now):
            taken += found
    return taken


@transaction.atomic
def _one_batch(push: TaskPush, now: datetime) -> int:
    return _take_back(push, SYSTEM.label, now)


def _tell_guides(push: TaskPush, people: list[int], now: datetime) -> None:
    words = _("Head office took this task back. There is nothing left to do for it.")
    title = _("Taken back: %(title)s") % {"title": push.title}
    outreach.queue_guide_notices(
        source=f"{push.source}:withdrawn",
        rows=[(guide_id, title, words, TODAY_PATH) for guide_id in sorted(people)],
        not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
        now=now,
    )


@transaction.atomic
def withdraw_target(*, target: TaskTarget, why: str, actor: Actor, now: datetime) -> TaskTarget:
    """Take one customer's task back, with the reason its guide reads. The same again changes
    nothing.

    Raises NotYourTask, NotYourStore, WhyMissing, IllegalMove when the task is over or its message
    has been sent.
    """
    demand_manager(actor)
    if not why.strip():
        raise WhyMissing()
    target = targets.lock(target.pk)
    if not TaskTarget.objects.managed_by(actor).filter(pk=target.pk).exists():
        raise NotYourStore()
    if target.excuse_reason == ExcuseReason.WITHDRAWN:
        return target
    if not _to_take_back(target.push).filter(pk=target.pk).exists():
        raise IllegalMove(state=state_word(target.state))
    reason = ExcuseReason.WITHDRAWN
    targets.excuse_locked(target=target, reason=reason, at=now, actor=actor.label)
    push_coupons.take_back(push=target.push, target_ids=[target.pk], now=now)
    target.excuse_sentence = taken_back_sentence(why.strip())
    target.save(update_fields=["excuse_sentence"])
    # the reason stands with the target: typed words may name somebody, the record never does
    accounts.audit(
        actor=actor, action="target.withdrawn", object_type="task_target", object_id=target.pk
    )
    words = _("Your manager took one customer off this task. Open it to see why.")
    _tell_guide(target.task, f"{target.source}:withdrawn", _("Taken back: %(title)s"), words, now)
    return target


def _tell_guide(task: GuideTask, source: str, title: str, words: str, now: datetime) -> None:
    push = task.push
    outreach.queue_guide_notices(
        source=source,
        rows=[(task.guide_id, title % {"title": push.title}, words, f"/g/tasks/{task.pk}/")],
        not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
        now=now,
    )


# --- more time ------------------------------------------------------------------------------------


def demand_later(due_at: datetime, before: datetime | None, now: datetime) -> None:
    """More time is later than now and than before, and not endless. Raises DueNotLater."""
    too_early = due_at <= now or (before is not None and due_at < before)
    if too_early or due_at > now + LONGEST:
        raise DueNotLater()


@transaction.atomic
def extend_push(*, push: TaskPush, due_at: datetime, actor: Actor, now: datetime) -> int:
    """More time for everybody who is not done; returns how many customers got it. Safe to repeat.

    What has expired stays so. Raises NotYourTask, PushBeingHandedOut, PushNotRunning,
    DueNotLater.
    """
    _demand_hq(actor)
    push = _locked(push)
    refuse_on_its_way(push)
    if push.status != Status.HANDED_OUT or push.rule_id is not None or push.has_items:
        raise PushNotRunning()
    demand_later(due_at, push.due_at, now)
    if push.due_at == due_at:
        return 0
    before, push.due_at = push.due_at, due_at
    push.save(update_fields=["due_at"])
    given = _give_time(GuideTask.objects.filter(push=push), due_at)
    _audit(
        push,
        "push.extended",
        actor,
        {"from": before.isoformat() if before else "", "to": due_at.isoformat(), "targets": given},
    )
    return given


@transaction.atomic
def extend_task(*, task: GuideTask, due_at: datetime, actor: Actor, now: datetime) -> int:
    """More time for one guide's share; returns how many customers got it. Safe to repeat.

    Raises NotYourTask, NotYourStore, PushBeingHandedOut, PushNotRunning, DueNotLater.
    """
    demand_manager(actor)
    push = _locked(task.push)
    task = GuideTask.objects.select_for_update(of=("self",), no_key=True).get(pk=task.pk)
    if not GuideTask.objects.managed_by(actor).filter(pk=task.pk).exists():
        raise NotYourStore()
    refuse_on_its_way(push)
    if push.status != Status.HANDED_OUT:
        raise PushNotRunning()
    if task.due_at == due_at:
        return 0
    demand_later(due_at, task.due_at, now)
    before, task.push = task.due_at, push
    given = _give_time(GuideTask.objects.filter(pk=task.pk), due_at)
    accounts.audit(
        actor=actor,
        action="task.extended",
        object_type="guide_task",
        object_id=task.pk,
        detail={"from": before.isoformat(), "to": due_at.isoformat(), "targets": given},
    )
    words = _("Your manager gave you time until %(due)s.") % {"due": short_moment(due_at)}
    source = f"{task.source}:extended:{due_at.isoformat()}"
    _tell_guide(task, source, _("More time: %(title)s"), words, now)
    return given


@dataclass(frozen=True, slots=True)
class Reopened:
    """How many customers are open again; how many stand in another running task meanwhile and stay
    as they are; how many took back a consent that the work needs."""

    opened: int = 0
    elsewhere: int = 0
    refused: int = 0


@transaction.atomic
def reopen_task(*, task: GuideTask, due_at: datetime, actor: Actor, now: datetime) -> Reopened:
    """Open again what one guide did not do in time, until `due_at`; the history keeps that it was
    over. The same again opens nothing.

    Raises NotYourTask, NotYourStore, PushBeingHandedOut, PushNotRunning, DueNotLater.
    """
    demand_manager(actor)
    push = _locked(task.push)
    task = GuideTask.objects.select_for_update(of=("self",), no_key=True).get(pk=task.pk)
    if not GuideTask.objects.managed_by(actor).filter(pk=task.pk).exists():
        raise NotYourStore()
    refuse_on_its_way(push)
    if push.status != Status.HANDED_OUT:
        raise PushNotRunning()
    demand_later(due_at, None, now)
    # who bought meanwhile needs no word any more
    over = TaskTarget.objects.filter(task=task, state__in=OVER_STATES, purchased_at=None)
    elsewhere = over.filter(Exists(_other_plans(push, now)))
    ids = targets.move_set(
        which=over.exclude(pk__in=elsewhere.values("pk")),
        sources=OVER_STATES,
        to=State.OPEN,
        at=now,
        actor=actor.label,
        reason="reopened",
    )
    again = TaskTarget.objects.filter(pk__in=ids)
    refused = consents.excuse_refused(which=again, push=push, now=now) if ids else 0
    came = Reopened(len(ids) - refused, elsewhere.count(), refused)
    if came.opened:
        task.push = push
        _give_again(task, again.open(), came.opened, due_at, actor, now)
    return came


def _other_plans(push: TaskPush, now: datetime) -> QuerySet[TaskTarget]:
    """Open work for the same person in another marketing push, which a hand-out leaves alone."""
    if not settings.CONTACT_ONE_PLAN or push.kind in SERVICE_KINDS:
        return TaskTarget.objects.none()
    theirs = TaskTarget.objects.open().filter(
        member__survivor_id=OuterRef("member__survivor_id"),
        push__kind__in=sending.marketing_kinds(),
        push__status__in=(Status.HANDED_OUT, Status.HANDING_OUT),
        due_at__gt=now - hours.grace(),
    )
    return theirs.exclude(push_id=push.pk)


def _give_again(
    task: GuideTask,
    again: QuerySet[TaskTarget],
    opened: int,
    due_at: datetime,
    actor: Actor,
    now: datetime,
) -> None:
    """The later due time of what is open again, and the card that says so."""
    again.update(due_at=due_at)
    before, task.due_at = task.due_at, max(task.due_at, due_at)
    task.save(update_fields=["due_at"])
    accounts.audit(
        actor=actor,
        action="task.reopened",
        object_type="guide_task",
        object_id=task.pk,
        detail={"from": before.isoformat(), "to": due_at.isoformat(), "targets": opened},
    )
    words = _("Your manager opened %(n)s customers again, until %(due)s.")
    _tell_guide(
        task,
        f"{task.source}:reopened:{now.isoformat()}",
        _("Open again: %(title)s"),
        words % {"n": opened, "due": short_moment(due_at)},
        now,
    )


def _give_time(tasks: QuerySet[GuideTask], due_at: datetime) -> int:
    tasks.filter(due_at__lt=due_at).update(due_at=due_at)
    late = TaskTarget.objects.open().filter(task__in=tasks.values("pk"), due_at__lt=due_at)
    return late.update(due_at=Greatest(F("due_at"), Value(due_at)))


def _audit(push: TaskPush, action: str, actor: Actor, detail: dict[str, object]) -> None:
    accounts.audit(
        actor=actor, action=action, object_type="task_push", object_id=push.pk, detail=detail
    )
