"""What a push was worth: the treated against the control group."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db import connection

from apps.core import clock
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import TaskPush
from apps.orders.selectors import NET_SALES
from apps.reports.shapes import Arm, DayPoint, Lift, Verdict, rate
from apps.reports.statistics import newcombe, smallest_visible, welch

ENOUGH_CONTROL = 200
# a sample "could have seen it" when it would show a fifth of the control's conversion
_CLEAR_SHARE = 0.2


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
