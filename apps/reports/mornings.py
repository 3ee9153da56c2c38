"""早会: yesterday in a store, today by guide, and the facts worth a word about each guide."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, Sum

from apps.core import clock
from apps.guide_tasks.models import (
    OPEN_STATES,
    ExcuseReason,
    Grade,
    GuideTask,
    State,
    TaskItem,
    TaskTarget,
)
from apps.guide_tasks.rates import Completion
from apps.members.models import AddWay, FollowRelation
from apps.orders.selectors import NET_SALES
from apps.stores.models import Store

DAYS = 7
# work that ended longer ago is not looked at for yesterday
_LOOK_BACK = timedelta(days=40)
_NOBODYS = 0


@dataclass(frozen=True)
class Yesterday:
    """A store's day: 会员净销售 (订单口径), customers reached (已送达), who bought after a task,
    and friends won and lost."""

    member_fen: int = 0
    orders: int = 0
    reached: int = 0
    bought: int = 0
    friends_won: int = 0
    friends_lost: int = 0


@dataclass(frozen=True)
class Week(Completion):
    """The store's work due in the last seven days, whoever had it. The rates are of customers
    alone, as on every other page; work without customers is counted beside them: what was asked,
    and of it what was done in time."""

    issued: int = 0
    done: int = 0
    excused: int = 0
    items_asked: int = 0
    items_done: int = 0


@dataclass(frozen=True)
class GuideFacts:
    """One guide: today's open work, and the last seven days until yesterday. `items` is work
    without customers: open, overdue, asked in those days, and of that done in time."""

    guide_id: int
    open: int = 0
    overdue: int = 0
    value_fen: int = 0
    items: int = 0
    items_overdue: int = 0
    items_asked: int = 0
    items_done: int = 0
    reached: int = 0
    bought: int = 0
    issued: int = 0
    done: int = 0
    excused: int = 0
    friends_won: int = 0
    friends_lost: int = 0
    member_fen: int = 0

    @property
    def due(self) -> int:
        """All work of the week that had to be done, with customers or without."""
        return self.issued - self.excused + self.items_asked

    @property
    def kept(self) -> int:
        return self.done + self.items_done


@dataclass(frozen=True)
class Dearest:
    """The customer with most at stake whose task is due today and not begun."""

    target_id: int
    guide_id: int
    value_fen: int


@dataclass(frozen=True)
class Morning:
    """`shared` is work of the whole store, which no guide has for themselves."""

    yesterday: Yesterday
    week: Week
    guides: dict[int, GuideFacts]
    dearest: Dearest | None
    shared: GuideFacts


_SALES = f"""
SELECT row.selling_guide_id, sale.business_on = %s, sum(sale.net_fen)::bigint, count(*)
FROM ({NET_SALES} AND sale.store_id = %s AND sale.business_on BETWEEN %s AND %s
    AND sale.member_id IS NOT NULL) AS sale
JOIN orders_order AS row ON row.id = sale.id
WHERE sale.net_fen > 0
GROUP BY 1, 2
"""


def morning(*, store: Store, guide_ids: list[int], now: datetime) -> Morning:
    """The store's figures in six queries, whatever its size."""
    today = clock.business_day(now)
    since, start = clock.day_start(today - timedelta(days=DAYS)), clock.day_start(today)
    facts: dict[int, dict[str, int]] = defaultdict(dict)
    work = _week(store, since, start, facts)
    _today(store, now, facts)
    items = _items(store, since, start, now, facts)
    won, lost = _friends(guide_ids, since, start, facts)
    fen, orders = _sales(store, now, facts)
    return Morning(
        yesterday=Yesterday(fen, orders, work["day_reached"], work["day_bought"], won, lost),
        week=Week(work["issued"], work["done"], work["excused"], *items),
        guides={pk: GuideFacts(pk, **facts.get(pk, {})) for pk in guide_ids},
        dearest=_dearest(store, now),
        shared=GuideFacts(_NOBODYS, **facts.get(_NOBODYS, {})),
    )


def _week(
    store: Store, since: datetime, until: datetime, facts: dict[int, dict[str, int]]
) -> dict[str, int]:
    """Contacts and purchases of seven days by guide; tasks due then. Returns the store's sums, and
    of contacts and purchases yesterday's."""
    day = until - timedelta(days=1)
    due = Q(due_at__gte=since, due_at__lt=until)
    asked = due & ~Q(excuse_reason=ExcuseReason.WITHDRAWN)
    bought = Q(purchased_at__gte=since, purchased_at__lt=until)
    reached = Q(contact_grade=Grade.DELIVERED, contacted_at__gte=since, contacted_at__lt=until)
    tasks = GuideTask.objects.filter(store=store, due_at__gte=since - _LOOK_BACK)
    counts: dict[str, Any] = {
        "reached": Count("member_id", distinct=True, filter=reached),
        "bought": Count("member_id", distinct=True, filter=bought),
        "issued": Count("pk", filter=asked),
        "done": Count("pk", filter=due & Q(state=State.DONE, done_at__lte=F("due_at"))),
        "excused": Count("pk", filter=asked & Q(state=State.NOT_APPLICABLE)),
        "day_reached": Count("pk", filter=reached & Q(contacted_at__gte=day)),
        "day_bought": Count("pk", filter=bought & Q(purchased_at__gte=day)),
    }
    sums = dict.fromkeys(("issued", "done", "excused", "day_reached", "day_bought"), 0)
    rows = TaskTarget.objects.filter(task_id__in=tasks.values("pk")).order_by()
    counted: Any = rows.values("guide_id").annotate(**counts)
    for row in counted:
        for name in sums:
            sums[name] += row[name]
        del row["day_reached"], row["day_bought"]
        facts[row.pop("guide_id")].update(row)
    return sums


def _today(store: Store, now: datetime, facts: dict[int, dict[str, int]]) -> None:
    open_now = TaskTarget.objects.open().opened_by(now).filter(task__store=store)
    rows = (
        open_now.filter(task__due_at__gte=now - _LOOK_BACK)
        .order_by()
        .values("guide_id")
        .annotate(
            open=Count("pk"),
            overdue=Count("pk", filter=Q(due_at__lt=now)),
            value=Sum("value_fen"),
        )
    )
    for row in rows:
        facts[row["guide_id"]].update(
            open=row["open"], overdue=row["overdue"], value_fen=row["value"] or 0
        )


def _items(
    store: Store, since: datetime, until: datetime, now: datetime, facts: dict[int, dict[str, int]]
) -> tuple[int, int]:
    """Work without customers, by whose it is; the store's own under nobody. Returns how much was
    asked of the store in those days, and how much of it was done in time."""
    due = Q(due_at__gte=since, due_at__lt=until)
    waits = Q(state__in=OPEN_STATES, opens_at__lte=now)
    rows = (
        TaskItem.objects.filter(due | waits, store=store, due_at__gte=now - _LOOK_BACK)
        .order_by()
        .values_list("guide_id")
        .annotate(
            items=Count("pk", filter=waits),
            late=Count("pk", filter=waits & Q(due_at__lt=now)),
            asked=Count("pk", filter=due & ~Q(state=State.NOT_APPLICABLE)),
            done=Count("pk", filter=due & Q(state=State.DONE, done_at__lte=F("due_at"))),
        )
    )
    sums = [0, 0]
    for guide_id, items, late, asked, done in rows:
        facts[guide_id or _NOBODYS].update(
            items=items, items_overdue=late, items_asked=asked, items_done=done
        )
        sums[0] += asked
        sums[1] += done
    return sums[0], sums[1]


def _friends(
    guide_ids: list[int], since: datetime, until: datetime, facts: dict[int, dict[str, int]]
) -> tuple[int, int]:
    """Friends won, and lost by the customer's own choice; a hand-over is neither."""
    day, moved = until - timedelta(days=1), FollowRelation.EndedBy.TRANSFER
    won = Q(since__gte=since, since__lt=until)
    came = ~Q(ended_by=moved) & ~Q(add_way=AddWay.ASSIGNED)
    lost = Q(until__gte=since, until__lt=until, ended_by=FollowRelation.EndedBy.CUSTOMER)
    rows = (
        FollowRelation.objects.filter(won | lost, guide_id__in=guide_ids)
        .order_by()
        .values("guide_id")
        .annotate(
            won=Count("pk", filter=won & came),
            lost=Count("pk", filter=lost),
            day_won=Count("pk", filter=won & came & Q(since__gte=day)),
            day_lost=Count("pk", filter=lost & Q(until__gte=day)),
        )
    )
    sums = [0, 0]
    for row in rows:
        facts[row["guide_id"]].update(friends_won=row["won"], friends_lost=row["lost"])
        sums[0] += row["day_won"]
        sums[1] += row["day_lost"]
    return sums[0], sums[1]


def _sales(store: Store, now: datetime, facts: dict[int, dict[str, int]]) -> tuple[int, int]:
    yesterday = clock.business_day(now) - timedelta(days=1)
    first = yesterday - timedelta(days=DAYS - 1)
    fen = orders = 0
    with connection.cursor() as cursor:
        cursor.execute(_SALES, [yesterday, store.pk, first, yesterday])
        for guide_id, was_yesterday, net, count in cursor.fetchall():
            if guide_id is not None:
                known = facts[guide_id].get("member_fen", 0)
                facts[guide_id]["member_fen"] = known + net
            if was_yesterday:
                fen, orders = fen + net, orders + count
    return fen, orders


def _dearest(store: Store, now: datetime) -> Dearest | None:
    end = clock.day_start(clock.business_day(now) + timedelta(days=1))
    found = (
        TaskTarget.objects.filter(
            task__store=store,
            task__due_at__gte=now - _LOOK_BACK,
            state=State.OPEN,
            opens_at__lte=now,
            due_at__gte=now,
            due_at__lt=end,
            value_fen__gt=0,
        )
        .order_by("-value_fen", "pk")
        .first()
    )
    return Dearest(found.pk, found.guide_id, found.value_fen) if found else None
