"""The values of a script's variables."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import (
    DateTimeField,
    OuterRef,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)

from apps.appointments.models import Appointment
from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.guide_tasks.models import (
    GuideTask,
    TaskTarget,
)
from apps.guide_tasks.shapes import LastBuy
from apps.members.models import Member
from apps.orders import selectors as orders
from apps.profiles.models import MemberFacts, MemberProfile

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


def surname(name: str) -> str:
    """林晓雯 → 林, 欧阳慧敏 → 欧阳."""
    return name[:2] if name[:2] in _COMPOUND_SURNAMES and len(name) > 2 else name[:1]


def form_of_address(member: Member) -> str:
    """林女士, 王先生; the full name when nobody knows which."""
    titles: dict[str, str] = {Member.Gender.FEMALE: "女士", Member.Gender.MALE: "先生"}
    title = titles.get(member.gender)
    return f"{surname(member.name)}{title}" if title and member.name else member.name


def next_appointment(person: OuterRef | int, now: datetime | Place) -> QuerySet[Appointment]:
    """What the person behind a card has booked next, whichever card it was booked with."""
    ahead = Appointment.objects.booked().filter(member__survivor_id=person, starts_at__gt=now)
    return ahead.order_by("starts_at")[:1]


def appointment_words(starts_at: datetime | None) -> str:
    """11月25日 16:30; empty without one."""
    if starts_at is None:
        return ""
    local = starts_at.astimezone(clock.chain_tz())
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def guide_context(task: GuideTask) -> dict[str, str]:
    """Values of the variables that every customer of a task shares."""
    return {"导购": task.guide.name, "门店": task.store.name}


def _beside() -> QuerySet[TaskTarget, tuple]:
    """What stands beside a target: guide, store, what purchases say, what is booked."""
    person = {"member_id": OuterRef("member__survivor_id")}
    facts = MemberFacts.objects.filter(**person)
    return TaskTarget.objects.filter(among("id", "targets")).values_list(
        "pk",
        "guide__name",
        "store__name",
        Subquery(facts.values("shoe_size")),
        Subquery(facts.values("clothing_size")),
        Subquery(MemberProfile.objects.filter(**person).values("last_order_on")),
        Subquery(
            next_appointment(OuterRef("member__survivor_id"), Place("now", DateTimeField())).values(
                "starts_at"
            )
        ),
    )


_BESIDE = Compiled(_beside)


def target_contexts(
    targets: Sequence[TaskTarget],
    *,
    now: datetime,
    bought: Mapping[int, orders.LastPurchase | LastBuy] | None = None,
) -> dict[int, dict[str, str]]:
    """Values of all script variables by target id: one query, one more for members that the targets
    do not carry, one for the last purchases unless they are given as `bought`.
    """
    prefetch_related_objects(list(targets), "member")
    known = bought
    if known is None:
        known = orders.last_purchases(member_ids=[target.member_id for target in targets])
    today = clock.business_day(now)
    members = {target.pk: target.member for target in targets}
    contexts = {}
    beside = _BESIDE.tuples(targets=list(members), now=now)
    for pk, guide, store, shoe, clothing, last_on, booked_at in beside:
        member = members[pk]
        last = known.get(member.pk)
        contexts[pk] = {
            "姓名": member.name,
            "称呼": form_of_address(member),
            "上次购买": last.product if last else "",
            "尺码": shoe or clothing or "",
            "天数": "" if last_on is None else str((today - last_on).days),
            "预约": appointment_words(booked_at),
            "导购": guide,
            "门店": store,
        }
    return contexts


def target_context(target: TaskTarget, now: datetime) -> dict[str, str]:
    """Values of all script variables for one target."""
    return target_contexts([target], now=now)[target.pk]
