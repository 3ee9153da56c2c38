"""Who serves whom, and who is whose WeCom friend: dated relations, written in sets."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.accounts.actor import SYSTEM, Actor
from apps.core import clock, prepared
from apps.members import story
from apps.members.models import FollowRelation
from apps.stores.models import Posting


class FollowRow(NamedTuple):
    """One WeCom friendship that began."""

    corp_id: str
    guide_id: int
    member_id: int
    external_userid: str
    since: datetime
    state: str = ""
    add_way: int = 0


_LOCK = "SELECT id FROM members_member WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def lock_members(member_ids: Iterable[int]) -> None:
    """One order for all writers, so that sets that cross wait instead of blocking each other."""
    prepared.read(_LOCK, [sorted(set(member_ids))])


# --- 专属导购 ------------------------------------------------------------------------------------

_GIVEN = """
WITH given AS MATERIALIZED (
    SELECT DISTINCT ON (member_id) member_id, guide_id, store_id, since
    FROM json_to_recordset(%s::json) AS rows (
        member_id bigint, guide_id bigint, store_id bigint, since timestamptz, place int
    )
    ORDER BY member_id, place DESC
)
"""
# a period that began at this very moment is corrected; an older one ends and the next begins
_CORRECT = (
    _GIVEN
    + """
UPDATE members_servingperiod AS period
SET guide_id = given.guide_id, store_id = given.store_id, reason = %s
FROM given
WHERE period.member_id = given.member_id AND period.until IS NULL AND period.since >= given.since
    AND (period.guide_id, period.store_id) IS DISTINCT FROM (given.guide_id, given.store_id)
"""
)
_END = (
    _GIVEN
    + """
UPDATE members_servingperiod AS period SET until = given.since
FROM given
WHERE period.member_id = given.member_id AND period.until IS NULL AND period.since < given.since
    AND (period.guide_id, period.store_id) IS DISTINCT FROM (given.guide_id, given.store_id)
"""
)
_BEGIN = (
    _GIVEN
    + """
INSERT INTO members_servingperiod (member_id, guide_id, store_id, since, reason)
SELECT given.member_id, given.guide_id, given.store_id,
    greatest(given.since, (
        SELECT max(before.until) FROM members_servingperiod AS before
        WHERE before.member_id = given.member_id
    )), %s
FROM given
WHERE NOT EXISTS (
    SELECT 1 FROM members_servingperiod AS now
    WHERE now.member_id = given.member_id AND now.until IS NULL
)
RETURNING id, member_id, guide_id, store_id, since
"""
)


@transaction.atomic
def set_serving_guide(
    *, pairs: Sequence[tuple[int, int, int]], reason: str, now: datetime, actor: Actor
) -> int:
    """Give members their 专属导购, set-wise: (member, guide, store) each. Repeats change nothing.

    The period before ends where the new one begins. Returns how many periods began.
    """
    if not pairs:
        return 0
    rows = [_Serving(*pair, now) for pair in pairs]
    given = _numbered(rows)
    lock_members(row.member_id for row in rows)
    prepared.write(_CORRECT, [given, reason])
    prepared.write(_END, [given])
    return _begin_serving(rows, reason, actor)


class _Serving(NamedTuple):
    """Who serves a member from when on."""

    member_id: int
    guide_id: int
    store_id: int
    since: datetime


def _numbered(rows: Sequence[_Serving]) -> str:
    return prepared.as_rows({**row._asdict(), "place": place} for place, row in enumerate(rows))


def _begin_serving(rows: Sequence[_Serving], reason: str, actor: Actor) -> int:
    """Of members who are locked and whom nobody serves now."""
    if not rows:
        return 0
    begun = prepared.read(_BEGIN, [_numbered(rows), reason])
    story.tell(
        [
            story.Happening(
                member_id=member_id,
                kind=story.What.SERVING_CHANGED,
                source=f"serving_period:{period_id}",
                key=f"serving_period:{period_id}",
                occurred_at=since,
                payload={"guide_id": guide_id, "store_id": store_id, "reason": reason},
                actor=actor.label,
            )
            for period_id, member_id, guide_id, store_id, since in begun
        ]
    )
    return len(begun)


# --- WeCom friends ------------------------------------------------------------------------------

_COLUMNS = [one.attname for one in FollowRelation._meta.concrete_fields]
# a friendship that reaches past `since` is this one, told again or late
_START = """
INSERT INTO members_followrelation
    (corp_id, guide_id, member_id, external_userid, since, state, add_way, ended_by)
SELECT DISTINCT ON (guide_id, external_userid)
    corp_id, guide_id, member_id, external_userid, since, state, add_way, ''
FROM json_to_recordset(%s::json) AS given (
    corp_id text, guide_id bigint, member_id bigint, external_userid text, since timestamptz,
    state text, add_way int
)
WHERE NOT EXISTS (
    SELECT 1 FROM members_followrelation AS known
    WHERE known.corp_id = given.corp_id AND known.external_userid = given.external_userid
        AND known.guide_id = given.guide_id
        AND (known.until IS NULL OR known.until > given.since)
)
ORDER BY guide_id, external_userid, since
RETURNING {columns}
""".format(columns=", ".join(_COLUMNS))  # fmt: skip
_SERVED = "SELECT member_id FROM members_servingperiod WHERE member_id = ANY(%s) AND until IS NULL"


@transaction.atomic
def start_follows(
    *, rows: Sequence[FollowRow], now: datetime | None, actor: Actor = SYSTEM
) -> list[FollowRelation]:
    """Keep WeCom friendships that began, set-wise; return the new ones. Repeats change nothing.

    A member without 专属导购 is served by the guide they befriended first: from `now` on, or with
    None from the moment the friendship began.
    """
    if not rows:
        return []
    lock_members(row.member_id for row in rows)
    begun = prepared.read(_START, [prepared.as_rows(row._asdict() for row in rows)])
    relations = [FollowRelation.from_db(connection.alias, _COLUMNS, row) for row in sorted(begun)]
    story.tell(
        [
            story.Happening(
                member_id=relation.member_id,
                kind=story.What.FRIEND_ADDED,
                source=f"follow:{relation.pk}",
                key=f"follow:{relation.pk}:added",
                occurred_at=relation.since,
                payload={"guide_id": relation.guide_id, "state": relation.state},
                actor=actor.label,
            )
            for relation in relations
        ]
    )
    _begin_serving(_first_friends(relations, now), "first_friend", actor)
    return relations


def _first_friends(relations: Sequence[FollowRelation], now: datetime | None) -> list[_Serving]:
    """Who has no 专属导购 yet is served by the first guide they befriend, where that one works."""
    postings = Posting.objects.filter(guide__in={one.guide_id for one in relations})
    places: dict[int, list[tuple[Any, int]]] = {}
    for guide_id, during, store_id in postings.values_list("guide_id", "during", "store_id"):
        places.setdefault(guide_id, []).append((during, store_id))
    members = sorted({one.member_id for one in relations})
    served = {row[0] for row in prepared.read(_SERVED, [members])}
    first: dict[int, _Serving] = {}
    for one in sorted(relations, key=lambda one: (one.since, one.pk)):
        since = now or one.since
        day = clock.business_day(since)
        store = next((to for during, to in places.get(one.guide_id, ()) if day in during), None)
        if store is not None and one.member_id not in served:
            first.setdefault(one.member_id, _Serving(one.member_id, one.guide_id, store, since))
    return list(first.values())


def start_follow(
    *,
    corp_id: str,
    guide_id: int,
    member_id: int,
    external_userid: str,
    since: datetime,
    state: str = "",
    add_way: int = 0,
    actor: Actor = SYSTEM,
) -> FollowRelation | None:
    """Keep one friendship that began; None when it is known."""
    row = FollowRow(corp_id, guide_id, member_id, external_userid, since, state, add_way)
    begun = start_follows(rows=[row], now=None, actor=actor)
    return begun[0] if begun else None


_CORRECT_STATES = """
UPDATE members_followrelation AS follow SET state = given.state
FROM unnest(%s::bigint[], %s::text[]) AS given (id, state)
WHERE follow.id = given.id AND follow.state <> given.state
"""


@transaction.atomic
def correct_states(*, states: Mapping[int, str]) -> int:
    """By which code friends came, by friendship, as WeCom says; return how many were another."""
    with connection.cursor() as cursor:
        cursor.execute(_CORRECT_STATES, [list(states), list(states.values())])
        return cursor.rowcount


class FollowEnd(NamedTuple):
    """One WeCom friendship that ended, as somebody tells it."""

    corp_id: str
    guide_id: int
    external_userid: str
    at: datetime
    ended_by: str


_END_FOLLOWS = """
UPDATE members_followrelation AS follow SET until = given.at, ended_by = given.ended_by
FROM json_to_recordset(%s::json) AS given (id bigint, at timestamptz, ended_by text)
WHERE follow.id = given.id
"""


def _end(ends: Sequence[tuple[FollowRelation, datetime, str]], actor: Actor) -> None:
    """Of friendships that are locked."""
    if not ends:
        return
    rows = ({"id": one.pk, "at": at, "ended_by": by} for one, at, by in ends)
    prepared.write(_END_FOLLOWS, [prepared.as_rows(rows)])
    for relation, at, ended_by in ends:
        relation.until, relation.ended_by = at, ended_by
    story.tell(
        [
            story.Happening(
                member_id=relation.member_id,
                kind=story.What.FRIEND_ENDED,
                source=f"follow:{relation.pk}",
                key=f"follow:{relation.pk}:ended",
                occurred_at=at,
                payload={"guide_id": relation.guide_id, "ended_by": ended_by},
                actor=actor.label,
            )
            for relation, at, ended_by in ends
        ]
    )


@transaction.atomic
def end_told(*, ends: Sequence[FollowEnd], actor: Actor = SYSTEM) -> list[FollowRelation]:
    """End standing friendships, each at its own moment, set-wise; return those that stood. What
    began after its `at` stays (late news)."""
    told = {(end.corp_id, end.guide_id, end.external_userid): end for end in ends}
    if not told:
        return []
    standing = (
        FollowRelation.objects.current()
        .select_for_update()
        .filter(
            corp_id__in={end.corp_id for end in ends},
            external_userid__in={end.external_userid for end in ends},
            guide__in={end.guide_id for end in ends},
        )
        .order_by("pk")
    )
    ended = []
    for relation in standing:
        end = told.get((relation.corp_id, relation.guide_id, relation.external_userid))
        if end is not None and relation.since <= end.at:
            ended.append((relation, end.at, end.ended_by))
    _end(ended, actor)
    return [relation for relation, _at, _by in ended]


@transaction.atomic
def end_follow(
    *,
    corp_id: str,
    guide_id: int,
    external_userid: str,
    at: datetime,
    ended_by: str,
    actor: Actor = SYSTEM,
) -> FollowRelation | None:
    """End the standing friendship; None without one, or when it began after `at` (late news)."""
    end = FollowEnd(corp_id, guide_id, external_userid, at, ended_by)
    ended = end_told(ends=[end], actor=actor)
    return ended[0] if ended else None


@transaction.atomic
def end_follows(
    *, relation_ids: Sequence[int], at: datetime, ended_by: str, actor: Actor = SYSTEM
) -> int:
    """End standing friendships by their ids, set-wise; return how many stood."""
    relations = list(
        FollowRelation.objects.current()
        .select_for_update()
        .filter(pk__in=relation_ids, since__lte=at)
        .order_by("pk")
    )
    _end([(relation, at, ended_by) for relation in relations], actor)
    return len(relations)
