"""A guide's own figures for 我的: net sales, own place in the store, what went well."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q

from apps.core import clock
from apps.guide_tasks.models import Grade, GuideTask, TaskTarget
from apps.members.models import FollowRelation
from apps.orders.selectors import NET_SALES
from apps.stores.models import Posting

PRAISE_DAYS = 7
# a transfer ends one friendship and begins another within days
_TRANSFER_DAYS = timedelta(days=3)


@dataclass(frozen=True)
class MySales:
    """本月会员净销售, 订单口径: this month's sales to members by *selling* guide, in the own store,
    less what was returned of them, whenever. Rank among those who work in the store today; only the
    own place and the gap to the next one are told. `rank` is None for who stands in no store."""

    month: date
    net_fen: int
    returned_fen: int
    orders: int
    rank: int | None
    ranked: int
    gap_fen: int | None
    next_place: int | None = None


@dataclass(frozen=True)
class Praise:
    """One thing that went well in the last days: reached customers, of whom bought."""

    reached: int
    bought: int
    is_best: bool


@dataclass(frozen=True)
class Friends:
    """好友 of the last days. Neither a friend taken over nor one handed on is won or lost."""

    won: int
    lost: int


_SALES = f"""
SELECT row.selling_guide_id, coalesce(sum(sale.net_fen), 0)::bigint,
    coalesce(sum(row.net_fen - sale.net_fen), 0)::bigint, count(*) FILTER (WHERE sale.net_fen > 0)
FROM ({NET_SALES} AND sale.store_id = %s AND sale.business_on >= %s AND sale.business_on <= %s
    AND sale.member_id IS NOT NULL) AS sale
JOIN orders_order AS row ON row.id = sale.id
WHERE row.selling_guide_id IS NOT NULL
GROUP BY 1
"""


def my_sales(*, guide_id: int, now: datetime) -> MySales:
    """This guide's month until today: two queries, whatever the size of the store."""
    today = clock.business_day(now)
    month = today.replace(day=1)
    posted = Posting.objects.on(today)
    store_id = posted.filter(guide_id=guide_id).values("store_id")[:1]
    at_work = dict(posted.filter(store_id=store_id).values_list("guide_id", "store_id"))
    if guide_id not in at_work:
        return MySales(month, 0, 0, 0, None, 0, None)
    with connection.cursor() as cursor:
        cursor.execute(_SALES, [at_work[guide_id], month, today])
        sold = {row[0]: row[1:] for row in cursor.fetchall()}
    net, returned, orders = sold.get(guide_id, (0, 0, 0))
    above = [sold[one][0] for one in at_work if one in sold and sold[one][0] > net]
    return MySales(
        month=month,
        net_fen=net,
        returned_fen=returned,
        orders=orders,
        rank=len(above) + 1,
        ranked=len(at_work),
        gap_fen=min(above) - net if above else None,
        next_place=sum(one > min(above) for one in above) + 1 if above else None,
    )


def praise(*, guide_id: int, now: datetime) -> Praise | None:
    """The guide's reached customers of the last days who came to buy; None when nobody did."""
    since = clock.day_start(clock.business_day(now) - timedelta(days=PRAISE_DAYS - 1))
    stores = Posting.objects.on(clock.business_day(now)).filter(guide_id=guide_id)
    tasks = GuideTask.objects.filter(store_id__in=stores.values("store_id"), due_at__gte=since)
    rows = (
        TaskTarget.objects.filter(
            task__in=tasks.values("pk"),
            contacted_at__gte=since,
            contact_grade=Grade.DELIVERED,
        )
        .values("guide_id")
        .annotate(
            reached=Count("member_id", distinct=True),
            bought=Count("member_id", distinct=True, filter=Q(purchased_at__isnull=False)),
        )
    )
    counted = {row["guide_id"]: (row["reached"], row["bought"]) for row in rows}
    reached, bought = counted.pop(guide_id, (0, 0))
    if not bought:
        return None
    others = [theirs for _reached, theirs in counted.values()]
    return Praise(reached, bought, is_best=bool(others) and bought > max(others))


def friends(*, guide_id: int, since: datetime) -> Friends:
    """Friends won and lost since a moment, in one query."""
    moved = FollowRelation.EndedBy.TRANSFER
    handed_over = FollowRelation.objects.filter(
        member_id=OuterRef("member_id"),
        ended_by=moved,
        until__gt=OuterRef("since") - _TRANSFER_DAYS,
        until__lt=OuterRef("since") + _TRANSFER_DAYS,
    ).exclude(guide_id=OuterRef("guide_id"))
    counted = (
        FollowRelation.objects.filter(guide_id=guide_id)
        .filter(Q(since__gte=since) | Q(until__gte=since))
        .annotate(was_handed_over=Exists(handed_over))
        .aggregate(
            won=Count("pk", filter=Q(since__gte=since, was_handed_over=False)),
            lost=Count("pk", filter=Q(until__gte=since) & ~Q(ended_by=moved)),
        )
    )
    return Friends(**counted)
