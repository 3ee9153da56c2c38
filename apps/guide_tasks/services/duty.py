"""Nothing goes to people off duty: cover works for who is away, else the work waits for them.

Looked at after the reach policy and before the control group is drawn. Away on the day the work
opens: the covering guide gets it if they are TA's WeCom friend; else it opens on the guide's next
day at work, if that is before it is due; else it is refused, for the guide is not at work. With
nobody away this costs three small questions.
"""

from collections.abc import Iterable
from datetime import date, datetime, time

from django.db import connection

from apps.core import clock
from apps.guide_tasks import hours
from apps.outreach.policy import Refusal
from apps.stores import selectors as stores

_AWAY = """
CREATE TEMP TABLE handout_away ON COMMIT DROP AS
SELECT * FROM unnest(%s::bigint[], %s::date[], %s::bigint[], %s::bigint[], %s::timestamptz[])
    AS given (guide_id, day, covering_id, covering_store_id, back_at)
"""


def load_away(*, days: Iterable[date], opens: time) -> bool:
    """Who is away on these days, as the temporary table handout_away; False when nobody is."""
    found = stores.absences(days=list(days))
    if not found:
        return False
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS handout_away")
        cursor.execute(
            _AWAY,
            [
                [one.guide_id for one in found],
                [one.day for one in found],
                [one.covering_id for one in found],
                [one.covering_store_id for one in found],
                [_opening(one.back_on, opens) for one in found],
            ],
        )
        cursor.execute("ANALYZE handout_away")
    return True


def _opening(day: date | None, opens: time) -> datetime | None:
    return datetime.combine(day, opens, tzinfo=clock.chain_tz()) if day else None


# --- a push: the table handout_reach, before the draw ---------------------------------------------

_COVERED = """
UPDATE {table} AS reach
SET guide_id = found.covering_id, store_id = found.covering_store_id,
    external_userid = found.external_userid
FROM (
    SELECT mine.member_id, away.covering_id, away.covering_store_id,
        min(follow.external_userid) AS external_userid
    FROM {table} AS mine {found}
    JOIN handout_away AS away ON away.guide_id = mine.guide_id AND away.covering_id IS NOT NULL
        {on_its_day}
    JOIN members_member AS person ON person.survivor_id = mine.member_id
    JOIN members_followrelation AS follow ON follow.member_id = person.id
        AND follow.guide_id = away.covering_id AND follow.until IS NULL
    WHERE {passed} GROUP BY 1, 2, 3
) AS found
WHERE reach.member_id = found.member_id
"""
_WAITING = """
UPDATE handout_reach AS reach
SET opens_at = away.back_at,
    refusal = CASE WHEN away.back_at < coalesce(%s::timestamptz, 'infinity') THEN ''
                   ELSE %s END
FROM handout_away AS away WHERE reach.guide_id = away.guide_id AND reach.refusal = ''
"""


def settle_reach(*, due_at: datetime | None) -> None:
    """Everybody let through whose guide is away today: covered, waiting or refused."""
    covered = _COVERED.format(
        table="handout_reach", found="", on_its_day="", passed="mine.refusal = ''"
    )
    with connection.cursor() as cursor:
        cursor.execute(covered)
        cursor.execute(_WAITING, [due_at, Refusal.GUIDE_OFF.value])


# --- a rule: the tables handout and rule_found ----------------------------------------------------

_DAYS = "SELECT DISTINCT (opens_at AT TIME ZONE %s)::date FROM rule_found"
_ON_ITS_DAY = "AND away.day = (rule_found.opens_at AT TIME ZONE %s)::date"
_RULE_REFUSED = f"""
UPDATE handout AS mine SET place = %s
FROM rule_found, handout_away AS away
WHERE rule_found.member_id = mine.member_id AND mine.place = 'issued'
    AND away.guide_id = mine.guide_id {_ON_ITS_DAY}
    AND (away.back_at < rule_found.due_at) IS NOT TRUE
"""
_RULE_WAITS = f"""
UPDATE rule_found SET opens_at = greatest(rule_found.opens_at, away.back_at)
FROM handout AS mine, handout_away AS away
WHERE rule_found.member_id = mine.member_id AND mine.place = 'issued'
    AND away.guide_id = mine.guide_id {_ON_ITS_DAY}
"""


def settle_found() -> None:
    """The same for what a rule found, each occasion on the day its work opens. What is refused is
    looked at again the next day, as long as the rule still finds it."""
    zone = str(clock.chain_tz())
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [zone])
        days = [row[0] for row in cursor.fetchall()]
        if not load_away(days=days, opens=hours.CONTACT_FROM):
            return
        covered = _COVERED.format(
            table="handout",
            found="JOIN rule_found ON rule_found.member_id = mine.member_id",
            on_its_day=_ON_ITS_DAY,
            passed="mine.place = 'issued'",
        )
        cursor.execute(covered, [zone])
        cursor.execute(_RULE_REFUSED, [Refusal.GUIDE_OFF.value, zone])
        cursor.execute(_RULE_WAITS, [zone])
