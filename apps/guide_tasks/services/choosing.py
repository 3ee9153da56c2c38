"""Who of several guides gets a planned member: the push's setting, before the reach policy looks.

Candidates are TA's WeCom friends at work; without any the serving guide stands, and the policy says
why not. The result is the temporary table handout_serving, one row per planned member.
"""

from datetime import datetime

from django.db import connection

from apps.core import clock
from apps.guide_tasks.models import AssignBy
from apps.stores.selectors import stores_not_live

SERVING = "SELECT member_id, guide_id, store_id FROM handout_serving"

_CHOSEN = """
CREATE TEMP TABLE handout_serving ON COMMIT DROP AS
WITH serving AS (
    SELECT planned.member_id, period.guide_id, period.store_id
    FROM handout_planned AS planned
    LEFT JOIN members_servingperiod AS period
        ON period.member_id = planned.member_id AND period.until IS NULL
), friend AS (
    SELECT serving.member_id, follow.guide_id, posting.store_id, max(follow.since) AS since,
        max(talk.last_at) AS talked_at,
        bool_or(follow.guide_id = serving.guide_id) IS TRUE AS serves,
        bool_or(posting.store_id = serving.store_id) IS TRUE AS in_store,
        bool_or(follow.guide_id IN ({away})) AS is_away
    FROM serving
    JOIN members_member AS person ON person.survivor_id = serving.member_id
    JOIN members_followrelation AS follow
        ON follow.member_id = person.id AND follow.until IS NULL
    JOIN stores_guide AS guide ON guide.id = follow.guide_id AND guide.status = 'active'
    JOIN stores_posting AS posting
        ON posting.guide_id = follow.guide_id AND posting.during @> %s::date
        AND posting.store_id <> ALL(%s::bigint[])
    LEFT JOIN LATERAL ({talks}) AS talk ON true
    GROUP BY serving.member_id, follow.guide_id, posting.store_id
), ranked AS (
    SELECT friend.*, coalesce(busy.count, 0) + row_number() OVER (
        PARTITION BY friend.guide_id ORDER BY friend.member_id) AS load
    FROM friend LEFT JOIN ({busy}) AS busy ON busy.guide_id = friend.guide_id
    WHERE {among}
)
SELECT DISTINCT ON (serving.member_id) serving.member_id,
    coalesce(ranked.guide_id, serving.guide_id) AS guide_id,
    coalesce(ranked.store_id, serving.store_id) AS store_id
FROM serving LEFT JOIN ranked ON ranked.member_id = serving.member_id
ORDER BY serving.member_id, {order}
"""
_TALKS = """
SELECT max(occurred_at) AS last_at FROM members_interaction AS one
WHERE one.member_id = person.id AND one.guide_id = follow.guide_id AND one.kind <> 'note'
"""
_NO_TALKS = "SELECT NULL::timestamptz AS last_at"
_BUSY = """
SELECT guide_id, count(*) FROM guide_tasks_tasktarget
WHERE state IN ('open', 'in_progress', 'to_verify') GROUP BY guide_id
"""
_NOT_BUSY = "SELECT NULL::bigint AS guide_id, 0 AS count WHERE false"
# who is away comes after who is there, but the serving guide's work waits or is covered
_ORDER = {
    AssignBy.FRIEND: "ranked.serves DESC, ranked.is_away, ranked.in_store DESC, ranked.since DESC,"
    " ranked.guide_id",
    AssignBy.LAST: "ranked.talked_at DESC NULLS LAST, ranked.serves DESC, ranked.is_away,"
    " ranked.since DESC, ranked.guide_id",
    AssignBy.POOL: "ranked.load, ranked.guide_id",
}


def choose(*, assign_by: str, away: bool, now: datetime) -> str:
    """Fill handout_serving for the planned members; returns the SELECT the policy is to read."""
    pool = assign_by == AssignBy.POOL
    statement = _CHOSEN.format(
        away="SELECT guide_id FROM handout_away" if away else "NULL",
        talks=_TALKS if assign_by == AssignBy.LAST else _NO_TALKS,
        busy=_BUSY if pool else _NOT_BUSY,
        among="friend.in_store AND friend.is_away IS NOT TRUE" if pool else "true",
        order=_ORDER[AssignBy(assign_by)],
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS handout_serving")
        cursor.execute(statement, [clock.business_day(now), stores_not_live()])
        cursor.execute("ANALYZE handout_serving")
    return SERVING
