"""The values of a script's variables."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import prefetch_related_objects

from apps.core import clock
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


def guide_context(task: GuideTask) -> dict[str, str]:
    """Values of the variables that every customer of a task shares."""
    return {"导购": task.guide.name, "门店": task.store.name}


def target_contexts(
    targets: Sequence[TaskTarget],
    *,
    now: datetime,
    bought: Mapping[int, orders.LastPurchase | LastBuy] | None = None,
) -> dict[int, dict[str, str]]:
    """Values of all script variables by target id, in a fixed number of queries.

    What the targets carry already is not asked again; `bought` is the last purchases, if known.
    """
    prefetch_related_objects(list(targets), "member", "guide", "store")
    member_ids = [target.member_id for target in targets]
    facts = MemberFacts.objects.in_bulk(member_ids)
    profiles = MemberProfile.objects.in_bulk(member_ids)
    known = orders.last_purchases(member_ids=member_ids) if bought is None else bought
    today = clock.business_day(now)
    contexts = {}
    for target in targets:
        fact, last = facts.get(target.member_id), known.get(target.member_id)
        profile = profiles.get(target.member_id)
        days = (today - profile.last_order_on).days if profile and profile.last_order_on else None
        contexts[target.pk] = {
            "姓名": target.member.name,
            "称呼": form_of_address(target.member),
            "上次购买": last.product if last else "",
            "尺码": (fact.shoe_size or fact.clothing_size) if fact else "",
            "天数": "" if days is None else str(days),
            "导购": target.guide.name,
            "门店": target.store.name,
        }
    return contexts


def target_context(target: TaskTarget, now: datetime) -> dict[str, str]:
    """Values of all script variables for one target."""
    return target_contexts([target], now=now)[target.pk]
