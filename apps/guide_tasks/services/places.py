"""Where each planned member goes: one path for the forecast, the hand-out and the rules.

The reach policy decides first; the control group is drawn last, among those it lets through. The
result stands in a temporary table until the transaction ends: handout(member_id, guide_id,
store_id, external_userid, opens_at, place, bucket, arm), place = a refusal's code, "control" or
"issued"; `opens_at` empty = at once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.db import connection
from pyroaring import BitMap

from apps.campaigns.models import Campaign
from apps.campaigns.services import draw_sql
from apps.core import clock
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import AssignBy, HandOutPart
from apps.guide_tasks.services import choosing, duty, sending
from apps.guide_tasks.shapes import CONTROL, ISSUED, PushPlaces
from apps.outreach import policy

_WORK_MEM = "192MB"

_PLANS = """guide_tasks_tasktarget AS target
            JOIN guide_tasks_taskpush AS push ON push.id = target.push_id
            WHERE target.state IN ('open', 'in_progress', 'to_verify')
                AND push.status IN ('handed_out', 'handing_out')
                AND push.kind = ANY(%s) AND target.due_at > %s"""
# Refusals of this room's own, after all of the policy's. Who has complained is offered nothing
# until that is settled, whichever of TA's numbers it was written down under.
_COMPLAINT = f"""
SELECT reach.member_id, reach.guide_id, reach.store_id, reach.external_userid,
    CASE WHEN reach.refusal = '' AND reach.member_id IN (
             SELECT person.survivor_id FROM cases_servicecase AS complaint
             JOIN members_member AS person ON person.id = complaint.member_id
             WHERE complaint.state IN ('open', 'in_hand', 'reopened'))
         THEN '{policy.Refusal.COMPLAINT.value}' ELSE reach.refusal END AS refusal
FROM ({{reach}}) AS reach
"""
# The work of another plan is not doubled. The policy speaks of survivors; a target keeps the member
# it was made for.
_ONE_PLAN = f"""
SELECT reach.member_id, reach.guide_id, reach.store_id, reach.external_userid,
    CASE WHEN reach.refusal = '' AND (
            EXISTS (SELECT FROM {_PLANS} AND target.member_id = reach.member_id)
            OR EXISTS (
                SELECT FROM {_PLANS} AND target.member_id IN (
                    SELECT person.id FROM members_member AS person
                    WHERE person.survivor_id = reach.member_id
                        AND (person.survivor_id <> person.id) IS TRUE)) {{or_soon}})
         THEN '{policy.Refusal.OTHER_PLAN.value}' ELSE reach.refusal END AS refusal
FROM ({{reach}}) AS reach
"""
# a large push decided a moment ago: whose part is not written yet
_SOON = f"""OR reach.member_id IN (
                SELECT planned.member_id FROM guide_tasks_handoutpart AS part
                JOIN guide_tasks_taskpush AS push ON push.id = part.push_id,
                    unnest(part.member_ids, part.places) AS planned (member_id, place)
                WHERE part.done_at IS NULL AND planned.place = '{ISSUED}'
                    AND push.kind = ANY(%s) AND push.due_at > %s)"""

_PLACED = f"""
SELECT member_id, guide_id, store_id, external_userid, opens_at, bucket, arm,
    CASE WHEN refusal <> '' THEN refusal WHEN arm = 'control' THEN '{CONTROL}'
         ELSE '{ISSUED}' END AS place
FROM ({{drawn}}) AS drawn
"""
_COUNTS = """
SELECT place, sum(members), count(guide_id), max(members), count(DISTINCT store_id) FROM (
    SELECT place, guide_id, count(*) AS members, min(store_id) AS store_id
    FROM handout GROUP BY place, guide_id
) AS per_guide GROUP BY place
"""


def as_array(ids: Iterable[int]) -> str:
    """Ids as PostgreSQL's array text: a million in a tenth of a second."""
    return "{" + ",".join(map(str, ids)) + "}"


def _for_many(cursor: Any) -> None:
    """Until this transaction ends."""
    # joins and sorts of a million rows stay in memory
    cursor.execute(f"SET LOCAL work_mem = '{_WORK_MEM}'")
    # plans of a second or two do not earn their compilation back
    cursor.execute("SET LOCAL jit = off")
    # three thousand rows tell of a temporary table what the planner needs
    cursor.execute("SET LOCAL default_statistics_target = 10")


def plan(member_ids: Iterable[int]) -> None:
    """The planned members, each given once: one temporary row each."""
    with connection.cursor() as cursor:
        _for_many(cursor)
        cursor.execute("DROP TABLE IF EXISTS handout, handout_reach, handout_planned")
        cursor.execute(
            "CREATE TEMP TABLE handout_planned ON COMMIT DROP AS"
            " SELECT unnest(%s::bigint[]) AS member_id",
            [as_array(member_ids)],
        )
        cursor.execute("ANALYZE handout_planned")


def plan_found() -> None:
    """The members a rule has found (table rule_found, each once): no id leaves the database."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS handout, handout_reach, handout_planned")
        cursor.execute(
            "CREATE TEMP TABLE handout_planned ON COMMIT DROP AS SELECT member_id FROM rule_found"
        )
        cursor.execute("ANALYZE handout_planned")


def lay_out(
    *,
    campaign: Campaign,
    now: datetime,
    marketing: bool,
    recent_days: int | None,
    draw: bool = True,
    one_plan: bool = False,
    opens: time | None = None,
    due_at: datetime | None = None,
    assign_by: str = AssignBy.SERVING,
    by_profile: bool = False,
) -> None:
    """Give every planned member a place. Call `plan` first, inside a transaction.

    `one_plan`: who stands in an open task of another marketing push stays with that one. `opens`:
    the time of day at which work begins for whoever is away today and back before `due_at`.
    `assign_by`: who of several friends gets a member. `by_profile`: they were chosen by purchases.
    """
    away = opens is not None and duty.load_away(days=[clock.business_day(now)], opens=opens)
    serving = None
    if assign_by != AssignBy.SERVING:
        serving = choosing.choose(assign_by=assign_by, away=away, now=now)
    reach, params = _reach(
        now, marketing, recent_days, serving, one_plan=one_plan, by_profile=by_profile
    )
    if away:
        _fill("handout_reach", reach, params)
        duty.settle_reach(due_at=due_at)
        reach, params = "SELECT * FROM handout_reach", []
    drawn = "SELECT *, NULL::int AS bucket, NULL::text AS arm FROM ({reach}) AS reach"
    if draw and campaign.control_share_bp:
        drawn, params = draw_sql(campaign, "{reach}", params, among="given.refusal = ''")
    _fill("handout", _PLACED.format(drawn=drawn.format(reach=reach)), params)
    with connection.cursor() as cursor:
        # what the statements that follow ask by; of the rest nothing need be known
        cursor.execute("ANALYZE handout (member_id, guide_id, place)")


def _reach(
    now: datetime,
    marketing: bool,
    recent_days: int | None,
    serving: str | None,
    *,
    one_plan: bool,
    by_profile: bool,
) -> tuple[str, list[Any]]:
    """Who of the planned may be reached by whom, or why not; nobody's work has an hour yet."""
    reach, params = policy.reach_select(
        members_sql="SELECT member_id FROM handout_planned",
        members_params=[],
        now=now,
        marketing=marketing,
        recent_days=recent_days,
        once=False,
        serving=serving,
        by_profile=by_profile,
    )
    if marketing:
        reach = _COMPLAINT.format(reach=reach)
    if one_plan and settings.CONTACT_ONE_PLAN:
        running = [sending.marketing_kinds(), now - grace()]
        soon = HandOutPart.objects.filter(done_at=None).exists()
        asked = running * 3 if soon else running * 2
        reach = _ONE_PLAN.format(reach=reach, or_soon=_SOON if soon else "")
        params = [*asked, *params]
    # "offset 0": each refusal is found out once, wherever it is asked about further out
    return f"SELECT *, NULL::timestamptz AS opens_at FROM ({reach}) AS r OFFSET 0", params


def _fill(table: str, select: str, params: Sequence[Any]) -> None:
    """Make the temporary table, with one row per planned member: second friendships go."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {table} ON COMMIT DROP AS {select}", params)
        made = cursor.rowcount
        cursor.execute("SELECT count(*) FROM handout_planned")
        if made > cursor.fetchone()[0]:
            cursor.execute(
                f"DELETE FROM {table} AS second USING {table} AS first"
                " WHERE first.member_id = second.member_id"
                " AND (first.external_userid, first.ctid) < (second.external_userid, second.ctid)"
            )


# --- a large hand-out, cut into parts -------------------------------------------------------------

# guide after guide, so that one part has all customers of each; who gets no task is spread evenly
_CUT = f"""
INSERT INTO guide_tasks_handoutpart (push_id, number, planned, issued, member_ids, places,
    guide_ids, store_ids, external_userids, opens, buckets)
SELECT %s, number, count(*), count(*) FILTER (WHERE place = '{ISSUED}'), array_agg(member_id),
    array_agg(place), array_agg(guide_id), array_agg(store_id), array_agg(external_userid),
    array_agg(opens_at), array_agg(bucket)
FROM (
    SELECT handout.*, CASE WHEN place = '{ISSUED}' THEN cut.number ELSE member_id %% %s END
        AS number
    FROM handout LEFT JOIN (
        SELECT guide_id, div((sum(customers) OVER (ORDER BY guide_id) - customers) * %s,
                             sum(customers) OVER ()) AS number
        FROM (SELECT guide_id, count(*) AS customers FROM handout WHERE place = '{ISSUED}'
              GROUP BY guide_id) AS loads
    ) AS cut ON cut.guide_id = handout.guide_id
) AS given GROUP BY number
"""
# several arrays of one length in a SELECT list go side by side, and are kept nowhere in between
_AGAIN = """
CREATE TEMP TABLE handout ON COMMIT DROP AS
SELECT given.*, CASE WHEN bucket IS NULL THEN NULL
                     WHEN place = 'control' THEN 'control' ELSE 'treated' END AS arm
FROM (
    SELECT unnest(member_ids) AS member_id, unnest(places) AS place, unnest(guide_ids) AS guide_id,
        unnest(store_ids) AS store_id, unnest(external_userids) AS external_userid,
        unnest(opens) AS opens_at, unnest(buckets) AS bucket
    FROM guide_tasks_handoutpart WHERE push_id = %s AND number = coalesce(%s, number)
) AS given
"""


def cut(*, push_id: int, into: int) -> None:
    """Keep the laid-out members as so many parts of about one size, each to be written on its
    own."""
    with connection.cursor() as cursor:
        cursor.execute(_CUT, [push_id, into, into])


def lay_out_again(*, push_id: int, number: int | None = None) -> None:
    """What was decided for a part (or for all of them), as the table handout."""
    with connection.cursor() as cursor:
        _for_many(cursor)
        cursor.execute("DROP TABLE IF EXISTS handout")
        cursor.execute(_AGAIN, [push_id, number])
        cursor.execute("ANALYZE handout (member_id, guide_id, place)")


# --- what stands there ----------------------------------------------------------------------------


def counts() -> PushPlaces:
    """The places of the laid-out members, counted."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    by_place = {place: int(row[0]) for place, row in found.items()}
    _issued, guides, most, stores = found.get(ISSUED, (0, 0, 0, 0))
    order = [refusal.value for refusal in policy.Refusal]
    return PushPlaces(
        planned=sum(by_place.values()),
        refused={place: by_place[place] for place in order if place in by_place},
        control=by_place.get(CONTROL, 0),
        issued=by_place.get(ISSUED, 0),
        guides=guides,
        stores=stores,
        per_guide_max=most,
    )


def loads() -> dict[str, int]:
    """How many of the issued fall to each guide (a JSON object: guide id → customers)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT guide_id::text, count(*) FROM handout"
            f" WHERE place = '{ISSUED}' GROUP BY guide_id"
        )
        return dict(cursor.fetchall())


def members_in(place: str | None = None) -> dict[str, BitMap]:
    """The laid-out members as bitmaps, by place (or of one place alone)."""
    where, params = (" WHERE place = %s", [place]) if place else ("", [])
    found: dict[str, BitMap] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT place, array_agg(member_id) FROM handout{where} GROUP BY place", params
        )
        for name, ids in cursor.fetchall():
            found[name] = BitMap(ids)
    return found


def differences(before: dict[str, BitMap], after: dict[str, BitMap]) -> list[dict[str, Any]]:
    """Who changed place between two countings: [{"from", "to", "count"}], "" = not planned."""
    everybody_before = BitMap.union(*before.values()) if before else BitMap()
    everybody_after = BitMap.union(*after.values()) if after else BitMap()
    old = {**before, "": everybody_after - everybody_before}
    new = {**after, "": everybody_before - everybody_after}
    return [
        {"from": was, "to": now_in, "count": len(both)}
        for was, ids in old.items()
        for now_in, others in new.items()
        if was != now_in and (both := ids & others)
    ]


def sentences(reasons: Sequence[str], *, recent_days: int | None) -> list[str]:
    """The stored sentence of each refusal."""
    days = recent_days or policy.RECENT_DAYS
    return [policy.sentence(reason, recent_days=days) for reason in reasons]
