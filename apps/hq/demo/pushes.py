"""Two finished pushes of the past weeks, played on a moved clock by the product and the simulator.

Head office plans and hands out; guides send (or forget) and confirm on their phones; results are
polled; some customers tap the link; what is left expires. Nothing here writes a row of a push by
hand.
"""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks.models import ExcuseReason, GuideTask, TaskPush, TaskTarget
from apps.guide_tasks.rhythm import Every
from apps.guide_tasks.services import (
    coupons_opened,
    evidence,
    parts,
    pushes,
    rules,
    sending,
    targets,
)
from apps.guide_tasks.services.series import SeriesTerms, repeat_push
from apps.hq.demo.content import Content, silent_east
from apps.hq.demo.phones import Phones
from apps.loyalty.models import Coupon
from apps.outreach.models import Dispatch, DispatchRecipient, TrackedLink
from apps.outreach.services.handover import send_queued
from apps.outreach.services.links import record_click
from apps.outreach.services.notices import send_notices
from apps.profiles.services import nightly_stages
from apps.segments.services import run_segment, save_segment
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from apps.wecom_sync.services.results import poll_results

_SENDS_SHARE = 0.86
_CONFIRMS_SHARE = 0.93
_TAPS_SHARE = 0.12
_EXCUSES_SHARE = 0.04


@dataclass(frozen=True)
class Plan:
    """One push of the past: the day it was handed out and what it said."""

    day: date
    title: str
    script: str
    tag: str
    definition: dict
    segment: str
    days_to_do: int = 3
    carries_coupon: bool = False


def plans(today: date) -> list[Plan]:
    """Oldest first."""
    return [
        Plan(
            day=today - timedelta(days=24),
            title="华东沉默老客唤醒",
            script="wake_up",
            tag="沉默唤醒已触达",
            definition=silent_east(),
            segment="华东沉默老客（三周前）",
            carries_coupon=True,
        ),
        Plan(
            day=today - timedelta(days=13),
            title="秋冬新靴到店，老客先看",
            script="new_boots",
            tag="秋冬新靴已触达",
            definition={
                "op": "and",
                "items": [
                    {"field": "stage", "operator": "in", "value": ["active", "new"]},
                    {"field": "net_fen", "operator": "gte", "value": 60_000},
                ],
            },
            segment="活跃与新客（满 600 元）",
        ),
    ]


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=clock.chain_tz())


def play(
    plan: Plan, goods: Content, coupon: Coupon, *, phones: Phones, dice: random.Random
) -> None:
    """Hand the push out at 09:05 of its day and let two days of work happen."""
    start = _at(plan.day, 9, 5)
    with clock.at(start):
        version = save_segment(name=plan.segment, definition=plan.definition, actor=SYSTEM)
        push = pushes.create_push(
            title=plan.title,
            actor=SYSTEM,
            now=start,
            segment_run=run_segment(version=version, now=start, cause="push"),
            template=getattr(goods, plan.script),
            coupon=coupon if plan.carries_coupon else None,
            result_tags=[goods.tags[plan.tag]],
            due_at=_at(plan.day + timedelta(days=plan.days_to_do), 20),
        )
        pushes.forecast(push=push, now=start)
        pushes.approve_push(push=push, actor=SYSTEM, now=start)
        pushes.hand_out(push=push, now=start, actor=SYSTEM)
        parts.work_off(push_id=push.pk)
    phones.post("/sim/clock", now=start.timestamp())
    send_notices(now=start)
    _work(push.pk, plan.day, phones=phones, dice=dice)


def _guides_actor(task: GuideTask, now: datetime) -> Actor:
    return actor_for(user=user_of_guide(guide=task.guide), now=now)


def _work(push_id: int, day: date, *, phones: Phones, dice: random.Random) -> None:
    """Most guides open their task and send the text for everybody; a few never look."""
    moment = _at(day, 10, 20)
    with clock.at(moment):
        for task in GuideTask.objects.filter(push_id=push_id).select_related("guide"):
            if dice.random() < _SENDS_SHARE:
                _one_guide(task, now=moment, dice=dice)
    phones.post("/sim/clock", now=moment.timestamp())
    send_queued(now=moment, limit=10_000)
    _confirm(push_id, phones=phones, dice=dice)
    later = moment + timedelta(minutes=40)
    phones.post("/sim/clock", now=later.timestamp())
    with clock.at(later):
        poll_results(now=later)
    tapped = _at(day + timedelta(days=1), 12, 30)
    with clock.at(tapped):
        _tap(push_id, now=tapped, dice=dice)


def _one_guide(task: GuideTask, *, now: datetime, dice: random.Random) -> None:
    actor = _guides_actor(task, now)
    targets.open_task(task=task, now=now, actor=actor)
    for target in TaskTarget.objects.filter(task=task).select_related("push"):
        if dice.random() < _EXCUSES_SHARE:
            reason = dice.choice((ExcuseReason.MOVED_AWAY, ExcuseReason.JUST_TALKED))
            targets.excuse_target(target=target, reason=reason, actor=actor, now=now)
    try:
        sending.send_to_task(task=task, actor=actor, now=now, client_id=f"demo-{task.pk}")
    except DomainError:
        # everybody of this task was excused or may not be written to now: nothing to send
        return


def _sends_of(push_id: int) -> list[Dispatch]:
    sources = [
        f"guide_task:{pk}"
        for pk in GuideTask.objects.filter(push_id=push_id).values_list("pk", flat=True)
    ]
    return list(
        Dispatch.objects.filter(source__in=sources).exclude(msgid="").select_related("guide")
    )


def _confirm(push_id: int, *, phones: Phones, dice: random.Random) -> None:
    for send in _sends_of(push_id):
        if dice.random() < _CONFIRMS_SHARE:
            phones.post("/sim/sends/confirm", userid=send.guide.wecom_userid, msgid=send.msgid)


def _tap(push_id: int, *, now: datetime, dice: random.Random) -> None:
    sends = [send.pk for send in _sends_of(push_id)]
    codes = dict(TrackedLink.objects.filter(dispatch__in=sends).values_list("dispatch_id", "code"))
    carries = TaskPush.objects.get(pk=push_id).coupon_id is not None
    delivered = DispatchRecipient.objects.filter(
        dispatch__in=sends, state=DispatchRecipient.State.DELIVERED
    ).values_list("dispatch_id", "external_userid", "member_id")
    for dispatch_id, external_userid, member_id in delivered:
        if dispatch_id in codes and dice.random() < _TAPS_SHARE:
            record_click(code=codes[dispatch_id], external_userid=external_userid, now=now)
            if carries:  # the link leads to the member's coupons
                coupons_opened(member_ids=[member_id], now=now)
    evidence.take_clicks(now=now, limit=5_000)


def repeat(*, now: datetime) -> None:
    """What went well goes out again on the first of every month, in the operator's name."""
    title = plans(clock.business_day(now))[-1].title
    push = TaskPush.objects.filter(title=title, handed_out_at__lte=now).latest("pk")
    terms = SeriesTerms(
        every=Every.MONTH,
        number=1,
        starts_on=clock.business_day(now),
        hour=time(10),
        due_days=3,
        due_hour=time(20),
    )
    operator = User.objects.get(username="operator")
    repeat_push(push=push, terms=terms, actor=actor_for(user=operator, now=now), now=now)


def finish(*, now: datetime) -> None:
    """The due times have passed: what was not done expires, what is over closes; follow-ups and the
    tasks of the day are made."""
    poll_results(now=now)
    targets.expire_due(now=now)
    pushes.close_due(now=now)
    nightly_stages(now=now)  # who has not been back in these weeks has fallen silent meanwhile
    rules.run_rules(now=now)
    rules.run_daily_rules(now=now)
