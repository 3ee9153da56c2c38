"""Our tags on their way to WeCom: a row per friendship, claimed under a lease, the difference sent.

`mark_tag` says what is to be there, so after a lost answer it is simply said again; a crash between
the call and its record leaves a lease that runs out, and the same difference is sent once more.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction

from apps.core import lease, outbox
from apps.core.bites import delete_in_bites
from apps.core.outbox import Patience, fate_of
from apps.members.models import FollowRelation
from apps.timeline import services as timeline
from apps.timeline.models import Kind
from apps.wecom.client import NO_RELATION
from apps.wecom.errors import Refused, WeComError
from apps.wecom.services.rounds import Round
from apps.wecom_sync.models import FollowTags, TagWord
from apps.wecom_sync.services.tags.book import TagBook, carried, tag_book

log = structlog.get_logger(__name__)

CONSUMER = "wecom_sync.tags"
PUSH_JOB = "wecom_sync.push_tags"
FEED_BATCH = 5_000
BATCH = 100
LEASE_SECONDS = 120
MOST_ATTEMPTS = 6
KEEP_DAYS = 365
PATIENCE = Patience(first=timedelta(minutes=1), most=timedelta(hours=1))

_ASK = """
INSERT INTO wecom_sync_followtags (relation_id, corp_id, there, due_at, attempts, error)
SELECT follow.id, follow.corp_id, '{}', %(now)s, 0, ''
FROM members_followrelation AS follow
JOIN members_member AS member ON member.id = follow.member_id
WHERE follow.until IS NULL AND member.survivor_id = ANY(%(members)s)
ON CONFLICT (relation_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0, error = ''
"""


def note_tag_changes(*, now: datetime, batches: int = 20) -> int:
    """Read the feed for tags put on and taken off here; return how many members are to be told of.

    Safe to repeat: rows are asked for and the cursor moves in one transaction.
    """
    told = 0
    for _number in range(batches):
        with transaction.atomic():
            batch = timeline.read_feed(consumer=CONSUMER, limit=FEED_BATCH)
            if not batch.events:
                return told
            members = {
                event.member_id
                for event in batch.events
                if event.kind in (Kind.TAGGED, Kind.UNTAGGED)
            }
            if members:
                with connection.cursor() as cursor:
                    cursor.execute(_ASK, {"now": now, "members": sorted(members)})
            timeline.advance(consumer=CONSUMER, cursor=batch.cursor)
            told += len(members)
    return told


def push_tags(*, now: datetime, limit: int = 2_000) -> int:
    """Send what waits; return how many friends were marked in WeCom."""
    run, sent = Round(now), 0
    books: dict[str, TagBook] = {}
    due = FollowTags.objects.filter(due_at__lte=now)
    due.filter(relation__until__isnull=False).update(due_at=None)  # no friend, nobody to mark
    for token, keys in outbox.batches(
        lambda at: due.filter(relation__until=None).order_by("due_at"),
        clock=run.moment,
        seconds=LEASE_SECONDS,
        batch=BATCH,
        limit=limit,
    ):
        rows = FollowTags.objects.filter(pk__in=keys).select_related("relation__guide")
        for row in rows.select_related("relation__member"):
            if row.corp_id not in books:
                books[row.corp_id] = tag_book(row.corp_id)
            try:
                with outbox.alone("tags_not_sent", but=WeComError, relation_id=row.pk):
                    sent += _push(row, token, books[row.corp_id], run)
            except WeComError as error:  # too often, or nobody there: all of it waits
                log.warning("tags_not_sent", error=error.code)
                fate = fate_of(error, failed=0, patience=PATIENCE, at=run.moment())
                waiting = FollowTags.objects.filter(pk__in=keys)
                lease.release(waiting, token=token, due_at=fate.not_before)
                return sent
    return sent


def _push(row: FollowTags, token: uuid.UUID, book: TagBook, run: Round) -> bool:
    relation, scope = row.relation, book.sent
    ours = carried([relation.member.survivor_id]).get(relation.member.survivor_id, set()) & scope
    there = set(row.there) & scope
    add, remove = sorted(ours - there), sorted(there - ours)
    if not add and not remove:
        _settle(row, token, row.there)
        return False
    try:
        run.client(row.corp_id).mark_tag(
            userid=relation.guide.wecom_userid,
            external_userid=relation.external_userid,
            add=[book.wecom_id_of[tag] for tag in add],
            remove=[book.wecom_id_of[tag] for tag in remove],
        )
    except Refused as error:
        _refused(row, token, add, remove, error, run.moment())
        return False
    with transaction.atomic():
        if _settle(row, token, sorted((set(row.there) | set(add)) - set(remove)), run.moment()):
            _tell(row, add, remove, TagWord.Outcome.SENT, None, run.moment())
    return True


def _settle(
    row: FollowTags, token: uuid.UUID, there: Iterable[int], read_at: datetime | None = None
) -> bool:
    """WeCom has it now; True while the lease is ours. What changed meanwhile keeps it waiting."""
    held = lease.holds(FollowTags.objects.filter(pk=row.pk), token)
    held.filter(due_at=row.due_at).update(due_at=None)
    read_at = read_at or row.read_at
    return row.settle(token, there=list(there), read_at=read_at, attempts=0, error="")


def _refused(
    row: FollowTags,
    token: uuid.UUID,
    add: list[int],
    remove: list[int],
    error: Refused,
    now: datetime,
) -> None:
    """Not that guide's customer any more, or a tag is gone: said in the history, tried again a few
    times, then left for a person to see."""
    fate = fate_of(error, failed=row.attempts, patience=PATIENCE, at=now)
    over = error.errcode == NO_RELATION or fate.attempts >= MOST_ATTEMPTS
    with transaction.atomic():
        held = row.settle(
            token,
            attempts=fate.attempts,
            error=f"mark_tag {error.errcode}",
            due_at=None if over else fate.not_before,
        )
        if held and over:
            _tell(row, add, remove, TagWord.Outcome.REFUSED, error.errcode, now)


def _tell(
    row: FollowTags,
    add: list[int],
    remove: list[int],
    outcome: str,
    errcode: int | None,
    now: datetime,
) -> None:
    relation: FollowRelation = row.relation
    TagWord.objects.bulk_create(
        TagWord(
            at=now,
            corp_id=row.corp_id,
            member_id=relation.member.survivor_id,
            guide_id=relation.guide_id,
            tag_id=tag,
            side=TagWord.Side.HQ,
            added=tag in add,
            outcome=outcome,
            errcode=errcode,
        )
        for tag in [*add, *remove]
    )


def forget_old_words(*, now: datetime) -> int:
    """Delete history older than KEEP_DAYS; returns how many words went."""
    return delete_in_bites(TagWord.objects.filter(at__lt=now - timedelta(days=KEEP_DAYS)))
