"""区域看板: stores of a region, or guides of a store, beside each other; one definition each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, Q

from apps.core import clock
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import (
    ITEM_KINDS,
    AssignBy,
    GuideTask,
    PushForecast,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.rates import Completion, rate
from apps.orders.selectors import NET_SALES
from apps.reports.disturbed import was_disturbed, was_reached
from apps.reports.selectors import push_lift
from apps.reports.shapes import Lift
from apps.stores.models import Store

DAYS = 30
# below so many orders one complaint more or less would move 客诉率 by over one in a hundred
ENOUGH_ORDERS = 100
# a rate of fewer is shown, but leads no ranking: one of one would stand before ninety of a hundred
ENOUGH_TO_RANK = 10
_KEPT_SECONDS = 600
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Period:
    """The last 30 whole days, and the same 30 days 365 days before."""

    first: date
    last: date

    @property
    def before(self) -> tuple[date, date]:
        """As many days, just before."""
        return self.first - timedelta(days=DAYS), self.last - timedelta(days=DAYS)

    @property
    def year_ago(self) -> tuple[date, date]:
        return self.first - _YEAR, self.last - _YEAR


def period_of(now: datetime) -> Period:
    last = clock.business_day(now) - timedelta(days=1)
    return Period(last - timedelta(days=DAYS - 1), last)


@dataclass(frozen=True)
class Figures(Completion):
    """One store or guide over the period. `+` adds two up, which is right for money, orders, tasks
    and served members, who have one store; persons that two may share are counted for both at once
    (`Board.together`).

    会员净销售 and 净销售 are 订单口径; `year_ago_fen` is counted for comparable stores alone, as is
    `comparable_fen`. 加微率: of the served members with a net order in twelve months, those with a
    friend at work. 成交加微率: of the orders of who was no friend then (unknown buyers included),
    those whose buyer became one within 24 hours. 完成率: tasks due in the period, done by their
    deadline. 打扰率: of the members reached by those tasks, who ended the friendship or asked for
    silence within a week of it. 回购率: of the members who bought here in the period before, those
    who bought again in this one, in whatever store. 客诉率: complaints written down in the period
    for each order of it that did not come back as a whole, from `ENOUGH_ORDERS` on; a guide's are
    of those they served.
    """

    member_fen: int = 0
    comparable_fen: int = 0
    year_ago_fen: int = 0
    buyers: int = 0
    friends: int = 0
    deals: int = 0
    deal_friends: int = 0
    issued: int = 0
    done: int = 0
    excused: int = 0
    reached: int = 0
    disturbed: int = 0
    before: int = 0
    again: int = 0
    orders: int = 0
    complaints: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        names = self.__dataclass_fields__
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def friend_rate(self) -> float | None:
        return rate(self.friends, self.buyers)

    @property
    def deal_rate(self) -> float | None:
        """成交加微率."""
        return rate(self.deal_friends, self.deals)

    @property
    def disturbed_rate(self) -> float | None:
        """打扰率."""
        return rate(self.disturbed, self.reached)

    @property
    def again_rate(self) -> float | None:
        """回购率."""
        return rate(self.again, self.before)

    @property
    def complaint_rate(self) -> float | None:
        """客诉率, for each order; None where there are too few to judge."""
        return rate(self.complaints, self.orders) if self.has_enough_orders else None

    @property
    def has_enough_orders(self) -> bool:
        return self.orders >= ENOUGH_ORDERS

    @property
    def growth(self) -> float | None:
        """可比店 同比."""
        return rate(self.comparable_fen - self.year_ago_fen, self.year_ago_fen)


@dataclass(frozen=True)
class PlaceRow:
    """One store of the board. `is_comparable`: open through both periods."""

    store_id: int
    name: str
    region_id: int
    region: str
    store_class: str
    is_comparable: bool
    figures: Figures


@dataclass(frozen=True)
class GuideRow:
    """One guide of a store; `is_posted` is False for who has gone and left figures behind."""

    guide_id: int
    figures: Figures


@dataclass(frozen=True)
class Again:
    """回购率 of one guide in one store, the board's own, with its two periods."""

    period: Period
    before: int
    again: int

    @property
    def rate(self) -> float | None:
        return rate(self.again, self.before)


@dataclass(frozen=True)
class PlaceLift:
    """The effect of the latest push whose control group can be read in these stores."""

    push_id: int
    title: str
    lift: Lift


@dataclass(frozen=True)
class Board:
    period: Period
    rows: list[PlaceRow]
    lift: PlaceLift | None
    counted_at: datetime
    # class ("" = all stores) → figures of persons who may belong to several of its stores
    together: dict[str, dict[str, int]] = field(default_factory=dict)

    def total(self, store_class: str = "") -> Figures:
        """All stores, or those of one class; a person counts once."""
        rows = (row for row in self.rows if store_class in ("", row.store_class))
        added = sum((row.figures for row in rows), Figures())
        return replace(added, **self.together.get(store_class, {}))


def store_board(*, stores: Sequence[Store], now: datetime) -> Board:
    """These stores beside each other; counted at most every ten minutes, in ten queries."""
    ids = sorted(store.pk for store in stores)
    found: Board = _kept("board", ids, now, lambda: _count_board(stores, ids, now))
    return found


def guide_board(*, store_id: int, now: datetime) -> list[GuideRow]:
    """The guides of a store beside each other: four queries, kept as long as the board."""
    found: list[GuideRow] = _kept("guides", [store_id], now, lambda: _count_guides(store_id, now))
    return found


def guide_again(*, guide_id: int, store_id: int, now: datetime) -> Again:
    """What this guide's row on the board says of 回购率: one query, kept as long as the board."""
    period = period_of(now)
    found = _kept("again", [store_id], now, lambda: _again_by_guide(store_id, period))
    return Again(period, *found.get(guide_id, (0, 0)))


def _kept(kind: str, ids: Sequence[int], now: datetime, count: Callable[[], Any]) -> Any:
    scope = sha256(repr(list(ids)).encode()).hexdigest()[:24]
    key = f"reports:places:{kind}:{scope}:{clock.business_day(now)}"
    found = cache.get(key)
    if found is None:
        found = count()
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _count_board(stores: Sequence[Store], ids: list[int], now: datetime) -> Board:
    period = period_of(now)
    counted, together = _figures(ids, period, now, by="store")
    return Board(
        period=period,
        rows=[
            PlaceRow(
                store_id=store.pk,
                name=store.name,
                region_id=store.region_id,
                region=store.region.name,
                store_class=store.store_class,
                is_comparable=_is_comparable(store, period),
                figures=_fair(counted.get(store.pk, {}), _is_comparable(store, period)),
            )
            for store in stores
        ],
        lift=_latest_lift(ids, now),
        counted_at=now,
        together=together,
    )


def _count_guides(store_id: int, now: datetime) -> list[GuideRow]:
    counted, _together = _figures([store_id], period_of(now), now, by="guide")
    return [
        GuideRow(guide_id, _fair(numbers, False))
        for guide_id, numbers in counted.items()
        if guide_id is not None
    ]


def _is_comparable(store: Store, period: Period) -> bool:
    open_then = store.opened_on <= period.year_ago[0]
    return open_then and (store.closed_on is None or store.closed_on > period.last)


def _fair(numbers: dict[str, int], is_comparable: bool) -> Figures:
    """A store that was not open through both periods has no part in 同比."""
    numbers = dict(numbers)
    all_fen, year_ago = numbers.pop("all_fen", 0), numbers.pop("year_ago", 0)
    if is_comparable:
        numbers |= {"comparable_fen": all_fen, "year_ago_fen": year_ago}
    return Figures(**numbers)


# --- counting ------------------------------------------------------------------------------------

_SALES = f"""
SELECT {{key}},
    coalesce(sum(sale.net_fen) FILTER (
        WHERE sale.member_id IS NOT NULL AND sale.business_on >= %s), 0)::bigint,
    coalesce(sum(sale.net_fen) FILTER (WHERE sale.business_on >= %s), 0)::bigint,
    coalesce(sum(sale.net_fen) FILTER (WHERE sale.business_on < %s), 0)::bigint
FROM ({NET_SALES} AND sale.store_id = ANY(%s) AND (sale.business_on BETWEEN %s AND %s
    OR sale.business_on BETWEEN %s AND %s)) AS sale {{join}}
GROUP BY 1
"""
# 加微率, the store's version: over members served from the store
_FRIENDS = """
SELECT served.{by}, count(*) AS served, count(*) FILTER (WHERE EXISTS (
    SELECT 1 FROM members_followrelation AS friend
    JOIN stores_guide AS guide ON guide.id = friend.guide_id AND guide.status = 'active'
    JOIN stores_posting AS posted ON posted.guide_id = guide.id AND posted.during @> %s::date
    WHERE friend.member_id = served.member_id AND friend.until IS NULL)) AS friends
FROM members_servingperiod AS served
JOIN profiles_memberprofile AS profile ON profile.member_id = served.member_id
    AND profile.orders_365 > 0 AND profile.last_order_on >= %s
WHERE served.until IS NULL AND served.store_id = ANY(%s)
GROUP BY 1
"""
# 成交加微率, 订单口径: what came back as a whole is no order
_DEALS = f"""
SELECT key, count(*) FILTER (WHERE NOT was), count(*) FILTER (WHERE NOT was AND won)
FROM (
    SELECT {{key}} AS key, sale.id,
        coalesce(bool_or(friend.since <= sale.paid_at
            AND (friend.until IS NULL OR friend.until > sale.paid_at)), false) AS was,
        coalesce(bool_or(friend.since > sale.paid_at
            AND friend.since <= sale.paid_at + interval '24 hours'), false) AS won
    FROM ({NET_SALES} AND sale.store_id = ANY(%s) AND sale.business_on BETWEEN %s AND %s) AS sale
    {{join}}
    LEFT JOIN members_member AS buyer ON buyer.id = sale.member_id
    LEFT JOIN members_member AS person ON person.survivor_id = buyer.survivor_id
    LEFT JOIN members_followrelation AS friend ON friend.member_id = person.id
    WHERE sale.net_fen > 0
    GROUP BY 1, 2
) AS deal
GROUP BY 1
"""
# persons: for each place, for each class of stores, and for all of them
_SETS = "GROUPING SETS ((key), (store_class), ())"
_WHOSE = "grouping(key, store_class), key, store_class"
_BY_PLACE, _BY_CLASS = 0b01, 0b10  # what `grouping` says of a row: 1 = added up over
# 回购率, 订单口径, by person
_AGAIN = f"""
SELECT {_WHOSE}, count(DISTINCT person), count(DISTINCT person) FILTER (WHERE again)
FROM (
    SELECT bought.*, EXISTS (
        SELECT FROM ({NET_SALES} AND sale.business_on BETWEEN %s AND %s) AS later
        WHERE later.net_fen > 0 AND later.member_id IN (
            SELECT id FROM members_member AS one WHERE one.survivor_id = bought.person)) AS again
    FROM (
        SELECT DISTINCT {{key}} AS key, place.store_class, buyer.survivor_id AS person
        FROM ({NET_SALES} AND sale.store_id = ANY(%s) AND sale.business_on BETWEEN %s AND %s)
            AS sale {{join}}
        JOIN stores_store AS place ON place.id = sale.store_id
        JOIN members_member AS buyer ON buyer.id = sale.member_id
        WHERE sale.net_fen > 0
    ) AS bought
) AS buyers
GROUP BY {_SETS}
"""
# complaints beside the orders of the same days, also where one of the two is missing
_COMPLAINTS = f"""
SELECT coalesce(sold.key, came.key) AS key, coalesce(sold.n, 0) AS orders,
    coalesce(came.n, 0) AS complaints
FROM (
    SELECT {{key}} AS key, count(*) AS n
    FROM ({NET_SALES} AND sale.store_id = ANY(%s) AND sale.business_on BETWEEN %s AND %s) AS sale
    {{join}}
    WHERE sale.net_fen > 0
    GROUP BY 1
) AS sold
FULL JOIN (
    SELECT {{by}} AS key, count(*) AS n FROM cases_servicecase
    WHERE store_id = ANY(%s) AND opened_at >= %s AND opened_at < %s
    GROUP BY 1
) AS came ON came.key = sold.key
"""
# three pairs of numbers, one way to the database
_RELATIONS = f"""
SELECT 'buyers', {_BY_PLACE}, counted.{{by}}, NULL, served, friends FROM ({_FRIENDS}) AS counted
UNION ALL SELECT 'before', counted.* FROM ({_AGAIN}) AS counted
UNION ALL SELECT 'orders', {_BY_PLACE}, counted.key, NULL, orders, complaints
FROM ({_COMPLAINTS}) AS counted
"""
# by which place an order counts
_KEYS = {
    "store": ("sale.store_id", ""),
    "guide": ("row.selling_guide_id", "JOIN orders_order AS row ON row.id = sale.id"),
}
_NAMES = {
    "buyers": ("buyers", "friends"),
    "before": ("before", "again"),
    "orders": ("orders", "complaints"),
}
# 完成率 by task, 打扰率 by person
_WORK = f"""
SELECT {_WHOSE}, count(*), count(*) FILTER (WHERE in_time), count(*) FILTER (WHERE excused),
    count(DISTINCT person) FILTER (WHERE reached), count(DISTINCT person) FILTER (WHERE disturbed)
FROM ({{targets}}) AS target
GROUP BY {_SETS}
"""


class _Counted:
    """Numbers by place, and those of persons by class as well."""

    def __init__(self) -> None:
        self.places: dict[int, dict[str, int]] = {}
        self.together: dict[str, dict[str, int]] = {}

    def add(self, place: int, numbers: dict[str, int]) -> None:
        self.places.setdefault(place, {}).update(numbers)

    def add_grouped(
        self, whose: int, place: int, store_class: str | None, numbers: dict[str, int]
    ) -> None:
        if whose == _BY_PLACE:
            self.add(place, numbers)
        else:
            code = store_class if whose == _BY_CLASS else ""
            self.together.setdefault(code or "", {}).update(numbers)


def _figures(
    ids: list[int], period: Period, now: datetime, *, by: str
) -> tuple[dict[int, dict[str, int]], dict[str, dict[str, int]]]:
    """Numbers by store or by guide: sales and deals by *selling*, friends by *serving* guide; and
    those of persons by class of stores, "" for all."""
    today = clock.business_day(now)
    key, join = _KEYS[by]
    span = [*period.year_ago, period.first, period.last]
    counted = _Counted()
    with connection.cursor() as cursor:
        cursor.execute(_SALES.format(key=key, join=join), [*[period.first] * 3, ids, *span])
        for place, *fen in cursor.fetchall():
            names = ("member_fen", "all_fen", "year_ago")
            counted.add(place, dict(zip(names, fen, strict=True)))
        relations = _RELATIONS.format(by=f"{by}_id", key=key, join=join)
        came = _complaint_terms(ids, period)
        cursor.execute(relations, [today, today - _YEAR, ids, *_again_terms(ids, period), *came])
        for what, whose, place, store_class, *pair in cursor.fetchall():
            numbers = dict(zip(_NAMES[what], pair, strict=True))
            counted.add_grouped(whose, place, store_class, numbers)
        cursor.execute(_DEALS.format(key=key, join=join), [ids, period.first, period.last])
        for place, deals, friends in cursor.fetchall():
            counted.add(place, {"deals": deals, "deal_friends": friends})
    _add_work(counted, ids, period, by)
    return counted.places, counted.together


def _complaint_terms(ids: list[int], period: Period) -> list[Any]:
    start = clock.day_start(period.first)
    end = clock.day_start(period.last + timedelta(days=1))
    return [ids, period.first, period.last, ids, start, end]


def _again_terms(ids: list[int], period: Period) -> list[Any]:
    return [period.first, period.last, ids, *period.before]


def _again_by_guide(store_id: int, period: Period) -> dict[int | None, tuple[int, int]]:
    key, join = _KEYS["guide"]
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN.format(key=key, join=join), _again_terms([store_id], period))
        return {
            guide_id: (before, again)
            for whose, guide_id, _class, before, again in cursor.fetchall()
            if whose == _BY_PLACE
        }


def _add_work(counted: _Counted, ids: list[int], period: Period, by: str) -> None:
    start = clock.day_start(period.first)
    end = clock.day_start(period.last + timedelta(days=1))
    tasks = GuideTask.objects.filter(store_id__in=ids, due_at__gte=start, due_at__lt=end)
    targets = (
        TaskTarget.objects.asked_of_guides()
        .filter(task_id__in=tasks.values("pk"))
        .order_by()
        .values(
            key=F(f"{by}_id"),
            store_class=F("store__store_class"),
            person=F("member__survivor_id"),
            in_time=_says(Q(state=State.DONE, done_at__lte=F("due_at"))),
            excused=_says(Q(state=State.NOT_APPLICABLE)),
            reached=_says(was_reached()),
            disturbed=_says(was_disturbed()),
        )
    )
    sql, params = targets.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_WORK.format(targets=sql), params)
        for whose, place, store_class, *numbers in cursor.fetchall():
            issued, done, excused, reached, disturbed = numbers
            persons = {"reached": reached, "disturbed": disturbed}
            counted.add_grouped(whose, place, store_class, persons)
            if whose == _BY_PLACE:
                counted.add(place, {"issued": issued, "done": done, "excused": excused})


def _says(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _latest_lift(ids: list[int], now: datetime) -> PlaceLift | None:
    """Of the pushes of two months that kept a control group and went to serving guides, each the
    first of its campaign, the latest with somebody of these stores in both arms."""
    tasks = GuideTask.objects.filter(store_id__in=ids, due_at__gte=now - 2 * timedelta(days=DAYS))
    kept = PushForecast.objects.filter(control_members__isnull=False).values("push_id")
    push = (
        TaskPush.objects.filter(
            pk__in=tasks.values("push_id"), assign_by=AssignBy.SERVING, handed_out_at__lte=now
        )
        .filter(~Exists(guide_tasks.earlier_in_campaign()), pk__in=kept)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")
        .first()
    )
    if push is None:
        return None
    lift = push_lift(push=push, now=now, days=False, store_ids=ids)
    if not lift.control.members or not lift.treated.members:
        return None
    return PlaceLift(push.pk, push.title, lift)


# --- pushes that meet ----------------------------------------------------------------------------

_MEETING = """
WITH work AS (
    SELECT target.push_id, target.member_id, target.due_at,
        count(*) OVER (PARTITION BY target.member_id) AS pushes
    FROM guide_tasks_guidetask AS task
    JOIN guide_tasks_tasktarget AS target ON target.task_id = task.id
        AND target.state IN ('open', 'in_progress', 'to_verify') AND target.opens_at <= %s
    WHERE task.store_id = ANY(%s) AND task.due_at >= %s
)
SELECT push.id, push.title, count(*), count(*) FILTER (WHERE work.pushes > 1),
    count(*) * push.minutes_per_target, max(work.due_at)
FROM work JOIN guide_tasks_taskpush AS push ON push.id = work.push_id
GROUP BY push.id ORDER BY 4 DESC, 3 DESC, 1 DESC LIMIT 30
"""


@dataclass(frozen=True)
class MeetingPush:
    """A running push in these stores: customers open, of whom `shared` are in another push too,
    and the minutes it still asks for."""

    push_id: int
    title: str
    open: int
    shared: int
    minutes: int
    due_at: datetime


def meeting_pushes(*, store_ids: Sequence[int], now: datetime) -> list[MeetingPush]:
    """What is open in these stores, push by push, the most collisions first; one query."""
    since = now - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        cursor.execute(_MEETING, [now, list(store_ids), since])
        return [MeetingPush(*row) for row in cursor.fetchall()]
