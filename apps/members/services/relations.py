"""Who serves whom, and who is whose WeCom friend: dated relations, written in sets."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

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
    SELECT DISTINCT ON (member_id) member_id, guide_id, store_id
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY
        AS rows (member_id, guide_id, store_id, place)
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
WHERE period.member_id = given.member_id AND period.until IS NULL AND period.since >= %s
    AND (period.guide_id, period.store_id) IS DISTINCT FROM (given.guide_id, given.store_id)
"""
)
_END = (
    _GIVEN
    + """
UPDATE members_servingperiod AS period SET until = %s
FROM given
WHERE period.member_id = given.member_id AND period.until IS NULL AND period.since < %s
    AND (period.guide_id, period.store_id) IS DISTINCT FROM (given.guide_id, given.store_id)
"""
)
_BEGIN = (
    _GIVEN
    + """
INSERT INTO members_servingperiod (member_id, guide_id, store_id, since, reason)
SELECT given.member_id, given.guide_id, given.store_id,
    greatest(%s::timestamptz, (
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
    given = _columns(pairs)
    lock_members(given[0])
    prepared.write(_CORRECT, [*given, reason, now])
    prepared.write(_END, [*given, now, now])
    return _begin_serving(pairs, reason, now, actor)


def _columns(pairs: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    return [list(column) for column in zip(*pairs, strict=True)]


def _begin_serving(
    pairs: Sequence[tuple[int, int, int]], reason: str, now: datetime, actor: Actor
) -> int:
    """Of members who are locked and whom nobody serves now."""
    if not pairs:
        return 0
    begun = prepared.read(_BEGIN, [*_columns(pairs), now, reason])
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
    *, rows: Sequence[FollowRow], now: datetime, actor: Actor = SYSTEM
) -> list[FollowRelation]:
    """Keep WeCom friendships that began, set-wise; return the new ones. Repeats change nothing.

    A member without 专属导购 is from now on served by the guide they befriended first.
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
    _begin_serving(_first_friends(relations, now), "first_friend", now, actor)
    return relations


def _first_friends(
    relations: Sequence[FollowRelation], now: datetime
) -> list[tuple[int, int, int]]:
    """Who has no 专属导购 yet is served by the first guide they befriend, where that one works."""
    works = Posting.objects.on(clock.business_day(now)).filter(
        guide__in={one.guide_id for one in relations}
    )
    store_of = dict(works.values_list("guide_id", "store_id"))
    members = sorted({one.member_id for one in relations})
    served = {row[0] for row in prepared.read(_SERVED, [members])}
    first: dict[int, tuple[int, int, int]] = {}
    for one in sorted(relations, key=lambda one: (one.since, one.pk)):
        if one.guide_id in store_of and one.member_id not in served:
            pair = (one.member_id, one.guide_id, store_of[one.guide_id])
            first.setdefault(one.member_id, pair)
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
    begun = start_follows(rows=[row], now=since, actor=actor)
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


def _end(relations: list[FollowRelation], *, at: datetime, ended_by: str, actor: Actor) -> None:
    FollowRelation.objects.filter(pk__in=[relation.pk for relation in relations]).update(
        until=at, ended_by=ended_by
    )
    for relation in relations:
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
            for relation in relations
        ]
    )


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
    relations = list(
        FollowRelation.objects.current()
        .select_for_update()
        .filter(corp_id=corp_id, guide_id=guide_id, external_userid=external_userid, since__lte=at)
    )
    _end(relations, at=at, ended_by=ended_by, actor=actor)
    return relations[0] if relations else None


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
    _end(relations, at=at, ended_by=ended_by, actor=actor)
    return len(relations)
