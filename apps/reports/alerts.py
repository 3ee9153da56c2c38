"""预警: what a store manager should know before it costs something; facts, no verdict."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Avg, Count, Q, QuerySet, Sum

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks.models import Grade, GuideTask, TaskTarget
from apps.members.models import FollowRelation
from apps.reports.selectors import MISMATCH_DAYS
from apps.stores.models import Store
from apps.stores.querysets import in_places
from apps.wecom_sync.models import GuideDay

LOST_DAYS = 14
REPLY_DAYS = 7
SALE_DAYS = 30
LISTED = 20
# a share over fewer days than this says little
_FEW_DAYS = 2


@dataclass(frozen=True)
class LowReply:
    """员工回复率 of a guide: the mean of WeCom's daily figures over the days that have one."""

    guide_id: int
    name: str
    percent: float
    days: int
    chats: int


@dataclass(frozen=True)
class NoSale:
    """Customers reached (已送达) in 30 days of whom nobody has bought."""

    guide_id: int
    name: str
    reached: int


def lost_friends(*, guide_ids: list[int], actor: Actor, now: datetime) -> list[FollowRelation]:
    """Customers who deleted one of these guides lately and are nobody else's friend there, with
    member and guide; the latest first, one query."""
    since = clock.day_start(clock.business_day(now) - timedelta(days=LOST_DAYS))
    rows = FollowRelation.objects.visible_to(actor).filter(
        guide_id__in=guide_ids, ended_by=FollowRelation.EndedBy.CUSTOMER, until__gte=since
    )
    again = FollowRelation.objects.current().filter(guide_id__in=guide_ids)
    rows = rows.exclude(member_id__in=again.values("member_id"))
    return list(rows.select_related("member", "guide").order_by("-until")[:LISTED])


def low_replies(*, store: Store, now: datetime) -> list[LowReply]:
    """Guides whose reply share of the last seven days is under the limit; one query."""
    since = clock.business_day(now) - timedelta(days=REPLY_DAYS)
    rows = (
        GuideDay.objects.counted()
        .filter(store=store, day__gte=since, guide__status="active")
        .order_by()
        .values("guide_id", "guide__name")
        .annotate(
            percent=Avg("reply_percent"),
            days=Count("pk", filter=Q(reply_percent__isnull=False)),
            total=Sum("chats"),
        )
        .filter(days__gte=_FEW_DAYS, percent__lt=settings.REPLY_PERCENT_LOW)
        .order_by("percent")
    )
    return [
        LowReply(
            row["guide_id"], row["guide__name"], float(row["percent"]), row["days"], row["total"]
        )
        for row in rows
    ]


def without_sale(*, store: Store, now: datetime) -> list[NoSale]:
    """Guides who reached many and sold to none of them; one query."""
    since = clock.day_start(clock.business_day(now) - timedelta(days=SALE_DAYS))
    tasks = GuideTask.objects.filter(store=store, due_at__gte=since, guide__status="active")
    rows = (
        TaskTarget.objects.filter(task_id__in=tasks.values("pk"))
        .order_by()
        .values("guide_id", "guide__name")
        .annotate(
            reached=Count(
                "member_id",
                distinct=True,
                filter=Q(contact_grade=Grade.DELIVERED, contacted_at__gte=since),
            ),
            bought=Count("pk", filter=Q(purchased_at__isnull=False)),
        )
        .filter(reached__gte=settings.NO_SALE_FROM, bought=0)
        .order_by("-reached")
    )
    return [NoSale(row["guide_id"], row["guide__name"], row["reached"]) for row in rows]


def mismatches(*, actor: Actor, now: datetime) -> QuerySet[GuideDay]:
    """差异清单 of the stores the actor leads that nobody has asked about. Nobody answers for their
    own day."""
    since = clock.business_day(now) - timedelta(days=MISMATCH_DAYS)
    rows = GuideDay.objects.waiting(since=since)
    if not actor.sees_all:
        rows = rows.filter(in_places(actor))
    rows = rows.exclude(guide_id=actor.guide_id or 0)
    return rows.select_related("guide", "store").order_by("-day", "guide_id")
