"""Tags on members: every tag rests on claims, and goes when the last one is given up.

A claim is (kind, source): a rule's, a push's, WeCom's. People share one claim between them, so that
a colleague may take off what a guide put on.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import SYSTEM, Actor
from apps.core import partitions
from apps.core.errors import DomainError
from apps.core.prepared import as_rows
from apps.tagging.models import MemberTags, Tag, TagChange, TagGroup
from apps.tagging.selectors import CLAIM, STANDING
from apps.timeline import services as timeline
from apps.timeline.models import Kind


class UnknownTag(DomainError):
    code = "unknown_tag"
    message = _("One of the tags does not exist or is retired.")


class UnknownClaim(DomainError):
    code = "unknown_claim"
    message = _("A tag is claimed by a person, a rule, a push or WeCom.")


# --- the catalogue -------------------------------------------------------------------------------


@transaction.atomic
def take_over_tag(*, group: str, name: str, winner: str) -> Tag:
    """The tag of that name in the group of that name; what is missing of them is made.

    `winner` counts for a group nobody here knows yet; guides mark it on the other side only.
    """
    ours, _made = TagGroup.objects.get_or_create(
        name=group, defaults={"wecom": winner, "guides_may_apply": False}
    )
    tag, _new = Tag.objects.get_or_create(group=ours, name=name)
    return tag


@transaction.atomic
def rename_tag(*, tag_id: int, name: str) -> bool:
    """Another name, unless a tag of its group has it already; True when it is taken."""
    tag = Tag.objects.select_for_update().get(pk=tag_id)
    if Tag.objects.filter(group_id=tag.group_id, name=name).exclude(pk=tag_id).exists():
        return False
    tag.name = name
    tag.save(update_fields=["name"])
    return True


@transaction.atomic
def retire_tags(*, tag_ids: Iterable[int], at: datetime) -> int:
    """Nobody gets them any more; who carries them keeps them. Return how many were in use."""
    return Tag.objects.filter(pk__in=list(tag_ids), retired_at=None).update(retired_at=at)


class Claimed(NamedTuple):
    """A tag on a member, and on whose word."""

    member_id: int
    tag_id: int
    source: str


# --- claims --------------------------------------------------------------------------------------

# rows are made first and locked in one order, so that sets that cross wait for each other
_PREPARE = """
INSERT INTO tagging_membertags (member_id, tags)
SELECT DISTINCT member_id, '{}'::int[] FROM unnest(%s::bigint[]) AS member_id ORDER BY member_id
ON CONFLICT (member_id) DO NOTHING
"""
_LOCK = """
SELECT member_id FROM tagging_membertags WHERE member_id = ANY(%s) ORDER BY member_id FOR UPDATE
"""
# every tag for every member, or pairs that each name their source
_ALL_PAIRS = """
SELECT DISTINCT member_id, tag_id, %(source)s::text AS source
FROM unnest(%(members)s::bigint[]) AS member_id, unnest(%(tags)s::bigint[]) AS tag_id
"""
_EACH_PAIR = """
SELECT DISTINCT member_id, tag_id, source FROM json_to_recordset(%(pairs)s::json)
    AS given (member_id bigint, tag_id bigint, source text)
"""
_LOG = f"""
WITH standing AS ({STANDING}), pairs AS ({{pairs}})
INSERT INTO tagging_tagchange (at, member_id, tag_id, added, claim, source, actor, expires_at)
SELECT %(at)s, pairs.member_id, pairs.tag_id, %(added)s, %(claim)s, pairs.source, %(actor)s,
    %(expires_at)s
FROM pairs
LEFT JOIN standing ON standing.member_id = pairs.member_id AND standing.tag_id = pairs.tag_id
    AND standing.claim = %(claim)s AND standing.added
    AND standing.claim_source = CASE WHEN %(claim)s = 'person' THEN '' ELSE pairs.source END
WHERE {{needed}}
"""
# news is a claim that does not stand, or stands until another day
_ADDING = """
standing.member_id IS NULL OR standing.expires_at IS DISTINCT FROM %(expires_at)s::timestamptz
"""
_REMOVING = "standing.member_id IS NOT NULL"
# what the claims say against what the row says, for these tags alone
_SETTLE = f"""
WITH standing AS ({STANDING}), claimed AS (
    SELECT DISTINCT member_id, tag_id::int AS tag_id FROM standing WHERE added
), before AS (
    SELECT member_id, tags FROM tagging_membertags WHERE member_id = ANY(%(members)s)
), after AS (
    SELECT before.member_id, before.tags AS old, ARRAY(
        SELECT tag FROM unnest(before.tags) AS tag WHERE tag <> ALL(%(tags)s::int[])
        UNION
        SELECT claimed.tag_id FROM claimed WHERE claimed.member_id = before.member_id
        ORDER BY 1
    ) AS new FROM before
), written AS (
    UPDATE tagging_membertags AS row SET tags = after.new
    FROM after WHERE row.member_id = after.member_id AND after.new IS DISTINCT FROM after.old
    RETURNING row.member_id
)
SELECT after.member_id, tag, tag = ANY(after.new) AS added
FROM after JOIN written USING (member_id), unnest(%(tags)s::int[]) AS tag
WHERE (tag = ANY(after.new)) <> (tag = ANY(after.old))
"""


def _locked(cursor: Any, member_ids: list[int]) -> None:
    cursor.execute(_PREPARE, [member_ids])
    cursor.execute(_LOCK, [member_ids])


def _settle(
    cursor: Any,
    *,
    member_ids: list[int],
    tag_ids: list[int],
    source_of: Callable[[int, int], str],
    actor: str,
    at: datetime,
) -> list[tuple[int, int, bool]]:
    """Make the rows say what the claims say; return (member, tag, put on) for what has changed."""
    cursor.execute(_SETTLE, {"members": member_ids, "tags": tag_ids})
    changed = cursor.fetchall()
    timeline.record_events(
        timeline.NewEvent(
            member_id=member_id,
            kind=Kind.TAGGED if added else Kind.UNTAGGED,
            source=source,
            key=f"tag:{tag_id}:member:{member_id}:{added:d}:{at.isoformat()}:{source}",
            occurred_at=at,
            payload={"tag_id": tag_id},
            actor=actor,
        )
        for member_id, tag_id, added in changed
        for source in [source_of(member_id, tag_id)]
    )
    return changed


def _claim_change(
    *,
    added: bool,
    member_ids: Iterable[int],
    tag_ids: Iterable[int],
    claim: str,
    source: str,
    actor: Actor,
    at: datetime,
    expires_at: datetime | None = None,
    each: Sequence[Claimed] = (),
) -> list[tuple[int, int, bool]]:
    """All these tags on all these members; with `each` those pairs alone, by their sources."""
    members, tags = sorted(set(member_ids)), sorted(set(tag_ids))
    if claim not in TagChange.Claim.values:
        raise UnknownClaim
    if not members or not tags:
        return []
    month = partitions.month_of(at)
    partitions.ensure_months(TagChange._meta.db_table, month, month)
    values: dict[str, Any] = {
        "members": members,
        "tags": tags,
        "added": added,
        "at": at,
        "claim": claim,
        "source": source,
        "actor": actor.label,
        "expires_at": expires_at,
        "pairs": as_rows(one._asdict() for one in each),
    }
    pairs, needed = _EACH_PAIR if each else _ALL_PAIRS, _ADDING if added else _REMOVING
    sources = {(one.member_id, one.tag_id): one.source for one in each}
    with connection.cursor() as cursor:
        _locked(cursor, members)
        cursor.execute(_LOG.format(pairs=pairs, needed=needed), values)
        return _settle(
            cursor,
            member_ids=members,
            tag_ids=tags,
            source_of=lambda member_id, tag_id: sources.get((member_id, tag_id), source),
            actor=actor.label,
            at=at,
        )


def _demand_in_use(tag_ids: set[int]) -> None:
    if Tag.objects.filter(pk__in=tag_ids, retired_at=None).count() != len(tag_ids):
        raise UnknownTag


@transaction.atomic
def apply_tags(
    *,
    member_ids: Iterable[int],
    tag_ids: Iterable[int],
    claim: str,
    source: str,
    actor: Actor,
    at: datetime,
    expires_at: datetime | None = None,
) -> int:
    """Claim tags for survivors, set-wise; return how many tags came onto a member.

    Repeating a standing claim changes nothing. Raises UnknownTag for a retired or missing tag.
    """
    tags = set(tag_ids)
    _demand_in_use(tags)
    changed = _claim_change(
        added=True,
        member_ids=member_ids,
        tag_ids=tags,
        claim=claim,
        source=source,
        actor=actor,
        at=at,
        expires_at=expires_at,
    )
    return len(changed)


@transaction.atomic
def apply_each(*, claims: Collection[Claimed], claim: str, actor: Actor, at: datetime) -> int:
    """Claim for each survivor a tag of their own, by its own source; as `apply_tags`, in the same
    few statements for any number."""
    tags = {one.tag_id for one in claims}
    _demand_in_use(tags)
    changed = _claim_change(
        added=True,
        member_ids={one.member_id for one in claims},
        tag_ids=tags,
        claim=claim,
        source="",
        actor=actor,
        at=at,
        each=sorted(set(claims)),
    )
    return len(changed)


@transaction.atomic
def remove_tags(
    *,
    member_ids: Iterable[int],
    tag_ids: Iterable[int],
    claim: str,
    source: str,
    actor: Actor,
    at: datetime,
) -> int:
    """Give up a claim on tags; return how many tags left a member.

    A tag that another claim still holds stays.
    """
    changed = _claim_change(
        added=False,
        member_ids=member_ids,
        tag_ids=tag_ids,
        claim=claim,
        source=source,
        actor=actor,
        at=at,
    )
    return len(changed)


_STANDING_CLAIMS = f"""
SELECT member_id, tag_id, claim, claim_source FROM ({STANDING}) AS standing WHERE added
"""


@transaction.atomic
def drop_tags(
    *, member_ids: Iterable[int], tag_id: int, source: str, actor: Actor, at: datetime
) -> int:
    """Take a tag off whoever claimed it: every standing claim is given up, each in the log."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING_CLAIMS, {"members": sorted(set(member_ids)), "tags": [tag_id]})
        claims: dict[tuple[str, str], list[int]] = {}
        for member_id, _tag, claim, claim_source in cursor.fetchall():
            claims.setdefault((claim, claim_source), []).append(member_id)
    return sum(
        remove_tags(
            member_ids=ids,
            tag_ids=[tag_id],
            claim=claim,
            source=claim_source or source,
            actor=actor,
            at=at,
        )
        for (claim, claim_source), ids in sorted(claims.items())
    )


_EXPIRED = f"""
SELECT member_id, tag_id, claim, source FROM (
    SELECT DISTINCT ON (change.member_id, change.tag_id, change.claim, {CLAIM.format("change")})
        change.member_id, change.tag_id, change.claim, change.source, change.added,
        change.expires_at
    FROM tagging_tagchange AS change
    WHERE (change.member_id, change.tag_id) IN (
        SELECT due.member_id, due.tag_id FROM tagging_tagchange AS due
        WHERE due.expires_at <= %s AND due.added
    )
    ORDER BY change.member_id, change.tag_id, change.claim, {CLAIM.format("change")},
        change.id DESC
) AS latest
WHERE added AND expires_at <= %s
LIMIT %s
"""


@transaction.atomic
def expire_tags(*, now: datetime, limit: int = 10_000) -> int:
    """Give up claims whose time is over; return how many tags left a member. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, [now, now, limit])
        due = cursor.fetchall()
    members: dict[tuple[int, str, str], list[int]] = {}
    for member_id, tag_id, claim, source in due:
        members.setdefault((tag_id, claim, source), []).append(member_id)
    return sum(
        remove_tags(
            member_ids=ids, tag_ids=[tag_id], claim=claim, source=source, actor=SYSTEM, at=now
        )
        for (tag_id, claim, source), ids in sorted(members.items())
    )


@transaction.atomic
def forget_members(*, member_ids: Sequence[int]) -> int:
    """Members who asked to be deleted carry no tag any more; the log keeps numbers of nobody."""
    return MemberTags.objects.filter(member_id__in=member_ids).delete()[0]
