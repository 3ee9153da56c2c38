"""Read-only numbers across the rooms: the funnel, lift, breakdowns, the home page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, F, Min, Q, QuerySet

from apps.accounts import modules
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.modules import Module
from apps.cases.models import Holder, ServiceCase
from apps.commissions.models import CommissionQuestion
from apps.concessions.models import Concession
from apps.core import clock
from apps.core.querysets import keys_sql
from apps.customer_groups.models import GroupSend
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import (
    ITEM_KINDS,
    Grade,
    NotIssued,
    PushForecast,
    SeriesOccurrence,
    State,
    TaskPush,
    TaskTarget,
)
from apps.handovers.models import OwnershipClaim
from apps.members.models import AccessRequest, FollowRelation, LookUpAlert, ServingPeriod
from apps.orders.selectors import NET_SALES
from apps.outreach import policy
from apps.outreach.models import Dispatch, MomentPost, ScriptProposal
from apps.profiles.models import Stage
from apps.reports.disturbed import was_disturbed
from apps.reports.shapes import (
    Arm,
    BreakdownRow,
    DayPoint,
    Funnel,
    Home,
    Lift,
    LoopNumber,
    NextPush,
    PlannedPush,
    RecentPush,
    Todo,
    Verdict,
    rate,
)
from apps.reports.statistics import newcombe, smallest_visible, welch
from apps.risks.models import RiskCase
from apps.segments.compile import compile_definition, rests_on_profile
from apps.stores.models import AskLevel, Region
from apps.wecom.models import RawCallback
from apps.wecom_sync.models import GuideDay, SyncRun

ENOUGH_CONTROL = 200
# a sample "could have seen it" when it would show a fifth of the control's conversion
_CLEAR_SHARE = 0.2
_NEXT_PUSH_SECONDS = 300
_SPENT_FEN = 50_000
PERIOD_DAYS = 30
# a difference older than this is not asked about any more
MISMATCH_DAYS = 14
POINTS = 8


# --- the funnel ----------------------------------------------------------------------------------

_GRADE_NAMES = {
    Grade.DELIVERED: "delivered",
    Grade.INITIATED: "initiated",
    Grade.SELF_REPORTED: "self_reported",
    Grade.NONE: "none",
}


# executions, of those that were due: what is not applicable was not
_BEGUN = Q(started_at__isnull=False) & ~Q(state=State.NOT_APPLICABLE)
# who was lost at a step of a push: not begun, begun and not delivered, delivered and not bought.
# Each is a part of its own base, not what one step counts less than the one before
LOST: dict[str, Q] = {
    "not_begun": Q(started_at=None) & ~Q(state=State.NOT_APPLICABLE),
    "not_delivered": _BEGUN & ~Q(contact_grade=Grade.DELIVERED),
    "not_bought": Q(contact_grade=Grade.DELIVERED, purchased_at=None),
}


def push_funnel(*, push: TaskPush) -> Funnel:
    """Every planned member of a push in one place, and the two axes beside it."""
    found = guide_tasks.push_results(push)
    states = found.states
    timing = TaskTarget.objects.filter(push=push).aggregate(
        started=Count("pk", filter=_BEGUN),
        on_time=Count("pk", filter=Q(state=State.DONE, done_at__lte=F("due_at"))),
        declared=Count(
            "pk",
            filter=Q(state=State.DONE, contact_grade__in=[Grade.SELF_REPORTED, Grade.INITIATED]),
        ),
        not_delivered=Count("pk", filter=LOST["not_delivered"]),
        not_bought=Count("pk", filter=LOST["not_bought"]),
        disturbed=Count("pk", filter=was_disturbed()),
    )
    changes = PushForecast.objects.filter(push=push).values_list("changes", flat=True).first()
    return Funnel(
        not_issued=found.not_issued,
        control=found.control,
        done=states.get(State.DONE, 0),
        not_started=states.get(State.OPEN, 0),
        in_progress=states.get(State.IN_PROGRESS, 0),
        to_verify=states.get(State.TO_VERIFY, 0),
        never_begun=states.get(State.EXPIRED, 0),
        not_proven=states.get(State.NOT_DONE, 0),
        excused_by_reason=found.excused,
        grades={name: found.grades.get(grade, 0) for grade, name in _GRADE_NAMES.items()},
        engaged=found.outcomes["engaged"],
        visited=found.outcomes["visited"],
        purchased=found.outcomes["purchased"],
        guides=found.guides,
        guides_seen=found.guides_seen,
        guides_done=found.guides_done,
        changes=changes or [],
        **timing,
    )


# --- lift ----------------------------------------------------------------------------------------

# Both arms by assignment, whatever happened later; a member without an order counts with zero. Of
# a place: whom its stores served at the hand-out, one question for both arms, because a control
# member has no target that could name a store, and a target goes with its work.
_BY_ARM = f"""
WITH assigned AS (
    SELECT member_id, 'treated' AS arm FROM guide_tasks_tasktarget WHERE push_id = %s
    UNION ALL SELECT unnest(%s::bigint[]), 'control'
), arms AS (
    SELECT * FROM assigned WHERE %s::bigint[] IS NULL OR EXISTS (
        SELECT FROM members_servingperiod AS served
        WHERE served.member_id = assigned.member_id AND served.store_id = ANY(%s::bigint[])
            AND served.since <= %s AND (served.until IS NULL OR served.until > %s))
), persons AS (
    SELECT arms.arm, arms.member_id, person.id AS person_id
    FROM arms JOIN members_member AS given ON given.id = arms.member_id
    JOIN members_member AS person ON person.survivor_id = given.survivor_id
), sales AS (
    SELECT persons.arm, persons.member_id, sale.business_on, sum(sale.net_fen) AS net
    FROM persons JOIN ({NET_SALES}) AS sale ON sale.member_id = persons.person_id
    WHERE sale.paid_at >= %s AND sale.paid_at < %s
    GROUP BY 1, 2, 3
)
"""
_TOTALS = (
    _BY_ARM
    + """
SELECT arms.arm, count(*), count(*) FILTER (WHERE bought.net > 0),
    COALESCE(sum(bought.net), 0)::bigint, COALESCE(sum(bought.net * bought.net), 0)::numeric
FROM arms LEFT JOIN (
    SELECT arm, member_id, sum(net) AS net FROM sales GROUP BY 1, 2) AS bought
  ON bought.arm = arms.arm AND bought.member_id = arms.member_id
GROUP BY arms.arm
"""
)
_DAYS = _BY_ARM + "SELECT business_on, arm, sum(net)::bigint FROM sales GROUP BY 1, 2"


def push_lift(
    *, push: TaskPush, now: datetime, days: bool = True, store_ids: Sequence[int] | None = None
) -> Lift:
    """Treated against control, net sales 订单口径 in the campaign's window from the hand-out.

    With `store_ids` (the region board): members whom these stores served at the hand-out, in both
    arms alike, whoever was asked to contact them. Members nobody served are in neither, so the
    figures of all stores together may be fewer than those of the push.

    Of a campaign that went out before only the arms are told and no difference: whoever was
    reached the last time is left out of the treated by the reach policy, and of the control group
    nobody is, so the arms are no longer alike.
    """
    start = push.handed_out_at or now
    end = start + timedelta(days=push.campaign.window_days)
    until = min(end, max(now, start))
    control_ids = list(guide_tasks.control_members(push))
    places = None if store_ids is None else list(store_ids)
    params: list[Any] = [push.pk, control_ids, places, places, start, start, start, until]
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, params)
        arms = {row[0]: Arm(row[1], row[2], row[3], int(row[4])) for row in cursor.fetchall()}
    treated, control = (arms.get(name, Arm(0, 0, 0)) for name in ("treated", "control"))
    window = {"window_from": start, "window_until": end, "is_running": now < end}
    if control.members and guide_tasks.went_out_before(push):
        return _unlike(treated, control, **window)
    return _judged(
        treated, control, days=_by_day(params, treated, control) if days else [], **window
    )


def _unlike(treated: Arm, control: Arm, **window: Any) -> Lift:
    """Two arms that may not be compared."""
    return Lift(
        treated=treated,
        control=control,
        verdict=Verdict.REPEATED,
        conversion=None,
        per_member=None,
        smallest_visible=None,
        times_larger=None,
        **window,
    )


def _by_day(params: Sequence[Any], treated: Arm, control: Arm) -> list[DayPoint]:
    start, until = params[-2], params[-1]
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, params)
        net = {(day, arm): fen for day, arm, fen in cursor.fetchall()}
    points, sums = [], {"treated": 0, "control": 0}
    day, last = clock.business_day(start), clock.business_day(until)
    while day <= last:
        for arm in sums:
            sums[arm] += net.get((day, arm), 0)
        points.append(
            DayPoint(
                day,
                rate(sums["treated"], treated.members) or 0.0,
                rate(sums["control"], control.members) or 0.0,
            )
        )
        day += timedelta(days=1)
    return points


def _judged(treated: Arm, control: Arm, **rest: Any) -> Lift:
    conversion = newcombe(treated.buyers, treated.members, control.buyers, control.members)
    per_member = None
    if treated.members and control.members:
        per_member = welch(
            mean_a=treated.net_fen / treated.members,
            var_a=treated.variance,
            n_a=treated.members,
            mean_b=control.net_fen / control.members,
            var_b=control.variance,
            n_b=control.members,
        )
    pooled = rate(treated.buyers + control.buyers, treated.members + control.members) or 0.0
    visible = smallest_visible(pooled, treated.members, control.members)
    times = None
    if per_member is not None and per_member.value and per_member.spans_zero:
        times = ceil(10 * (per_member.half_width / per_member.value) ** 2) / 10
    lift = Lift(
        treated=treated,
        control=control,
        verdict=Verdict.NO_CONTROL,
        conversion=conversion,
        per_member=per_member,
        smallest_visible=visible,
        times_larger=times,
        **rest,
    )
    return Lift(**{**vars(lift), "verdict": _verdict(lift)})


def _verdict(lift: Lift) -> str:
    if not lift.control.members:
        return Verdict.NO_CONTROL
    if lift.control.members < ENOUGH_CONTROL:
        return Verdict.CONTROL_TOO_SMALL
    if lift.per_member is None:
        return Verdict.SAMPLE_TOO_SMALL
    if not lift.per_member.spans_zero:
        return Verdict.EFFECTIVE if lift.per_member.value > 0 else Verdict.LESS
    base = lift.control.conversion or 0.0
    clear = lift.smallest_visible is not None and lift.smallest_visible <= _CLEAR_SHARE * base
    return Verdict.NO_DIFFERENCE if base and clear else Verdict.SAMPLE_TOO_SMALL


# --- who did how ---------------------------------------------------------------------------------

_PLACES = {
    "region": ("region.id", "region.name", "''::text"),
    "store": ("store.id", "store.name", "region.name"),
    "guide": ("guide.id", "guide.name", "store.name"),
}
_BREAKDOWN = """
WITH bought AS (
    SELECT t.id, sum(sale.net_fen) AS net
    FROM guide_tasks_tasktarget AS t
    JOIN members_member AS given ON given.id = t.member_id
    JOIN members_member AS person ON person.survivor_id = given.survivor_id
    JOIN ({sales}) AS sale ON sale.member_id = person.id
        AND sale.paid_at >= %s AND sale.paid_at < %s
    WHERE t.push_id = %s GROUP BY t.id
)
SELECT {key}, {name}, {parent}, count(*),
    count(*) FILTER (WHERE t.state = 'done'),
    count(*) FILTER (WHERE t.state = 'done' AND t.done_at <= t.due_at),
    count(*) FILTER (WHERE t.state IN ('open', 'in_progress', 'to_verify')),
    count(*) FILTER (WHERE t.state IN ('expired', 'not_done')),
    count(*) FILTER (WHERE t.state = 'not_applicable'),
    count(*) FILTER (WHERE t.purchased_at IS NOT NULL),
    COALESCE(sum(bought.net), 0)::bigint
FROM guide_tasks_tasktarget AS t
JOIN stores_store AS store ON store.id = t.store_id
JOIN stores_region AS region ON region.id = store.region_id
JOIN stores_guide AS guide ON guide.id = t.guide_id
LEFT JOIN bought ON bought.id = t.id
WHERE t.push_id = %s AND t.id IN ({visible})
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2
"""


def push_breakdown(*, push: TaskPush, by: str, actor: Actor) -> list[BreakdownRow]:
    """A push by "region", "store" or "guide", as far as the actor may see. One query."""
    key, name, parent = _PLACES[by]
    visible, params = keys_sql(TaskTarget.objects.visible_to(actor).filter(push=push))
    start = push.handed_out_at
    if start is None:
        return []
    end = start + timedelta(days=push.campaign.window_days)
    sql = _BREAKDOWN.format(sales=NET_SALES, key=key, name=name, parent=parent, visible=visible)
    with connection.cursor() as cursor:
        cursor.execute(sql, [start, end, push.pk, push.pk, *params])
        return [BreakdownRow(*row) for row in cursor.fetchall()]


def total_of(rows: Sequence[BreakdownRow], name: str) -> BreakdownRow:
    """The sum of a breakdown as its last row."""
    columns = ("issued", "done", "on_time", "open", "expired", "excused", "purchased", "net_fen")
    sums = {column: sum(getattr(row, column) for row in rows) for column in columns}
    return BreakdownRow(key=0, name=name, parent="", **sums)


# --- the home page -------------------------------------------------------------------------------


def _next_definition(region_id: int) -> dict[str, Any]:
    return {
        "op": "and",
        "items": [
            {"field": "region", "operator": "in", "value": [region_id]},
            {"field": "stage", "operator": "in", "value": [str(Stage.SILENT)]},
            {"field": "net_fen", "operator": "gte", "value": _SPENT_FEN},
        ],
    }


def next_push(*, actor: Actor, now: datetime) -> NextPush | None:
    """The region with most silent customers of worth who can be reached now; kept for five
    minutes.
    """
    if not actor.sees_all and not actor.region_ids:
        return None
    scope = "all" if actor.sees_all else "-".join(map(str, sorted(actor.region_ids)))
    key = f"reports:next_push:{scope}:{clock.business_day(now)}"
    found = cache.get(key)
    if found is None:
        found = _best_region(actor, now) or False
        cache.set(key, found, _NEXT_PUSH_SECONDS)
    return found or None


def _best_region(actor: Actor, now: datetime) -> NextPush | None:
    regions = Region.objects.all()
    if not actor.sees_all:
        regions = regions.filter(pk__in=actor.region_ids)
    counted = [(region, _reach(_next_definition(region.pk), now)) for region in regions]
    best = max(counted, key=lambda row: row[1].get("", 0), default=None)
    if best is None or not best[1].get("", 0):
        return None
    region, places = best
    return NextPush(
        region_id=region.pk,
        region_name=region.name,
        planned=sum(places.values()),
        reachable=places.get("", 0),
        refused={
            refusal.value: places[refusal.value]
            for refusal in policy.Refusal
            if refusal.value in places
        },
        definition=_next_definition(region.pk),
    )


def _reach(definition: dict[str, Any], now: datetime) -> dict[str, int]:
    """How many of a segment fall under each refusal ("" = can be reached)."""
    compiled = compile_definition(definition, now=now)
    sql, params = policy.reach_select(
        members_sql=compiled.sql,
        members_params=compiled.params,
        now=now,
        marketing=True,
        recent_days=policy.RECENT_DAYS,
        by_profile=rests_on_profile(definition),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT refusal, count(*) FROM ({sql}) AS r GROUP BY refusal", params)
        return dict(cursor.fetchall())


def _handed_out(actor: Actor, now: datetime, *, days: int) -> list[TaskPush]:
    return list(
        TaskPush.objects.visible_to(actor)
        .filter(handed_out_at__gte=now - timedelta(days=days), handed_out_at__lte=now)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")
    )


def home(*, actor: Actor, now: datetime) -> Home:
    """Everything of the first page, in a fixed number of queries (lift of the latest pushes
    apart).
    """
    pushes = _handed_out(actor, now, days=2 * PERIOD_DAYS)
    since = now - timedelta(days=PERIOD_DAYS)
    return Home(
        next_push=next_push(actor=actor, now=now),
        loop=_loop(pushes, actor, now),
        pushes_in_period=sum((push.handed_out_at or since) >= since for push in pushes),
        period_days=PERIOD_DAYS,
        todos=todos(actor=actor, now=now),
        recent=_recent(actor, now),
        counted_at=now,
    )


_LOOP_COUNTS: dict[str, Any] = {
    "issued": Count("pk"),
    "started": Count("pk", filter=Q(started_at__isnull=False)),
    "begun": Count("pk", filter=_BEGUN),
    "asked": Count("pk", filter=~Q(state=State.NOT_APPLICABLE)),
    "delivered": Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
    "purchased": Count("pk", filter=Q(purchased_at__isnull=False)),
}


def _loop_counts(push_ids: Sequence[int], actor: Actor) -> dict[int, dict[str, int]]:
    rows: QuerySet[TaskTarget, Any] = (
        TaskTarget.objects.visible_to(actor)
        .filter(push_id__in=push_ids)
        .order_by()
        .values("push_id")
        .annotate(**_LOOP_COUNTS)
    )
    return {row["push_id"]: {name: row[name] for name in _LOOP_COUNTS} for row in rows}


def _loop(pushes: Sequence[TaskPush], actor: Actor, now: datetime) -> list[LoopNumber]:
    """人群 → 下发 → 执行 → 送达 → 成交 over the pushes handed out in the period, and the one
    before.
    """
    return _loop_numbers(
        [(push.handed_out_at or now, row) for push, row in _loop_rows(pushes, actor)], now
    )


def planned_pushes(*, actor: Actor, now: datetime) -> list[PlannedPush]:
    """What stands behind 人群: each push of the period with whom it chose and where they went."""
    since = now - timedelta(days=PERIOD_DAYS)
    return [
        PlannedPush(
            pk=push.pk,
            title=push.title,
            handed_out_at=push.handed_out_at,
            planned=row["planned"],
            issued=row["issued"],
            control=row["reachable"] - row["issued"],
            not_issued=row["planned"] - row["reachable"],
        )
        for push, row in _loop_rows(_handed_out(actor, now, days=PERIOD_DAYS), actor)
        if push.handed_out_at and push.handed_out_at > since
    ]


def _loop_rows(pushes: Sequence[TaskPush], actor: Actor) -> list[tuple[TaskPush, dict[str, int]]]:
    """Each push with its sums; three statements, and one for the control groups."""
    ids = [push.pk for push in pushes]
    rows = _loop_counts(ids, actor)
    refused = dict(
        NotIssued.objects.visible_to(actor)
        .filter(push_id__in=ids)
        .order_by()
        .values_list("push_id")
        .annotate(n=Count("pk"))
    )
    controls = guide_tasks.control_counts(ids) if actor.sees_all else {}
    table: list[tuple[TaskPush, dict[str, int]]] = []
    for push in pushes:
        row = rows.get(push.pk, dict.fromkeys(_LOOP_COUNTS, 0))
        control = controls.get(push.pk, 0)
        planned = row["issued"] + control + refused.get(push.pk, 0)
        reachable = row["issued"] + control
        sums = {"planned": planned, "reachable": reachable, "due": planned - control}
        table.append((push, {**row, **sums}))
    return table


def _loop_numbers(table: list[tuple[datetime, dict[str, int]]], now: datetime) -> list[LoopNumber]:
    since, before = now - timedelta(days=PERIOD_DAYS), now - timedelta(days=2 * PERIOD_DAYS)

    def total(name: str, start: datetime, end: datetime) -> int:
        return sum(row[name] for at, row in table if start < at <= end)

    def points(name: str) -> list[int]:
        step = (now - since) / POINTS
        return [total(name, since + step * k, since + step * (k + 1)) for k in range(POINTS)]

    def number(code: str, name: str, above: str, below: str) -> LoopNumber:
        return LoopNumber(
            code=code,
            value=total(name, since, now),
            before=total(name, before, since),
            rate=rate(total(above, since, now), total(below, since, now)),
            points=points(name),
        )

    return [
        number("planned", "planned", "reachable", "planned"),
        number("issued", "issued", "issued", "due"),
        number("started", "started", "begun", "asked"),
        number("delivered", "delivered", "delivered", "issued"),
        number("purchased", "purchased", "purchased", "issued"),
    ]


def todos(*, actor: Actor, now: datetime) -> list[Todo]:
    """What needs a person, worst first; nothing to do gives no row."""
    overdue = TaskTarget.objects.visible_to(actor).overdue(now)
    found = [
        _todo("overdue", overdue.aggregate(n=Count("pk"), since=Min("due_at"))),
    ]
    if actor.sees_all:
        found = [*_system_todos(now), *found, *_unserved(), *_mismatches(now), *_risks(actor)]
        found += [*_complaints(now), *_commission(actor)]
    return [todo for todo in found if todo.count]


def _todo(code: str, counted: dict[str, Any]) -> Todo:
    return Todo(code, counted["n"], counted["since"])


def _system_todos(now: datetime) -> list[Todo]:
    last_runs = (
        SyncRun.objects.filter(dry=False)
        .order_by("corp_id", "kind", "-started_at")
        .distinct("corp_id", "kind")
        .values_list("state", "started_at")
    )
    failed = [started for state, started in last_runs if state == SyncRun.State.FAILED]
    dead = RawCallback.objects.filter(status=RawCallback.Status.DEAD)
    unknown, posts = Dispatch.objects.unknown(), MomentPost.objects.unknown()
    to_groups = GroupSend.objects.unknown()
    scripts = ScriptProposal.objects.for_chain()
    if not modules.is_on(Module.SCRIPTS):
        scripts = scripts.none()
    look_ups = LookUpAlert.objects.filter(settled_at=None)
    left_out = SeriesOccurrence.objects.unread()
    return [
        Todo("sync_failed", len(failed), min(failed, default=None)),
        _todo("callback_dead", dead.aggregate(n=Count("pk"), since=Min("received_at"))),
        _todo("send_unknown", unknown.aggregate(n=Count("pk"), since=Min("unknown_since"))),
        _todo("moment_unknown", posts.aggregate(n=Count("pk"), since=Min("unknown_since"))),
        _todo("group_send_unknown", to_groups.aggregate(n=Count("pk"), since=Min("unknown_since"))),
        _todo(
            "series", left_out.aggregate(n=Count("series", distinct=True), since=Min("decided_at"))
        ),
        _todo("look_ups", look_ups.aggregate(n=Count("pk"), since=Min("raised_at"))),
        _todo("scripts", scripts.aggregate(n=Count("pk"), since=Min("reviewed_at"))),
        _asked(),
    ]


def _asked() -> Todo:
    """Looks that stores ask for, and what is head office's alone to decide: whose customer somebody
    is, a concession."""
    looks = AccessRequest.objects.waiting().values_list("asked_at")
    claims = OwnershipClaim.objects.waiting().filter(level=AskLevel.HQ).values_list("asked_at")
    wishes = Concession.objects.waiting().filter(level=AskLevel.HQ).values_list("asked_at")
    times = [at for (at,) in looks.union(claims, wishes, all=True)]
    return Todo("access", len(times), min(times, default=None))


def _mismatches(now: datetime) -> list[Todo]:
    """差异清单: guides' days of the last weeks nobody has asked about."""
    since = clock.business_day(now) - timedelta(days=MISMATCH_DAYS)
    rows = GuideDay.objects.waiting(since=since)
    return [_todo("mismatch", rows.aggregate(n=Count("pk"), since=Min("counted_at")))]


def _risks(actor: Actor) -> list[Todo]:
    """飞单 signals, for those who may read cases."""
    if not actor.can(Capability.VIEW_AUDIT):
        return []
    waiting = RiskCase.objects.visible_to(actor).undecided()
    return [_todo("risks", waiting.aggregate(n=Count("pk"), since=Min("found_at")))]


def _complaints(now: datetime) -> list[Todo]:
    """客诉 that head office has in hand, and those a store let go past its time."""
    in_hand = ServiceCase.objects.undecided().filter(holder=Holder.HQ)
    late = ServiceCase.objects.late(now).filter(holder=Holder.STORE)
    return [
        _todo("cases", in_hand.aggregate(n=Count("pk"), since=Min("opened_at"))),
        _todo("cases_late", late.aggregate(n=Count("pk"), since=Min("due_at"))),
    ]


def _commission(actor: Actor) -> list[Todo]:
    """Guides' questions about their commission, for those who answer them."""
    if not actor.can(Capability.SETTLE_COMMISSIONS):
        return []
    waiting = CommissionQuestion.objects.visible_to(actor).waiting()
    return [_todo("commission", waiting.aggregate(n=Count("pk"), since=Min("asked_at")))]


def _unserved() -> list[Todo]:
    """Friends whom nobody serves, or whose guide has left."""
    served = ServingPeriod.objects.current().filter(guide__status="active")
    friends = (
        FollowRelation.objects.current()
        .filter(member__erased_at=None)
        .exclude(member_id__in=served.values("member_id"))
    )
    counted = friends.aggregate(n=Count("member_id", distinct=True), since=Min("since"))
    return [_todo("unserved", counted)]


def _recent(actor: Actor, now: datetime, limit: int = 5) -> list[RecentPush]:
    pushes = list(
        TaskPush.objects.visible_to(actor)
        .filter(handed_out_at__isnull=False, handed_out_at__lte=now)
        .exclude(kind__in=ITEM_KINDS)
        .select_related("campaign")
        .order_by("-handed_out_at", "-pk")[:limit]
    )
    counts = _loop_counts([push.pk for push in pushes], actor)
    recent = []
    for push in pushes:
        row = counts.get(push.pk, dict.fromkeys(_LOOP_COUNTS, 0))
        recent.append(
            RecentPush(
                push_id=push.pk,
                title=push.title,
                status=push.status,
                kind=push.kind,
                handed_out_at=push.handed_out_at or now,
                window_until=(push.handed_out_at or now)
                + timedelta(days=push.campaign.window_days),
                issued=row["issued"],
                delivered=row["delivered"],
                purchased=row["purchased"],
                # lift is head office's figure: a scope sees too little of either arm
                lift=push_lift(push=push, now=now, days=False) if actor.sees_all else None,
            )
        )
    return recent
