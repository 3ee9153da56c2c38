"""Writes of the story, and the feed by which upper rooms follow it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from apps.core import partitions
from apps.core.prepared import as_rows, write
from apps.timeline.models import ConsumerCursor, FeedEpoch, MemberEvent

_TABLE = MemberEvent._meta.db_table


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to record. `key` is unique over the whole story: the same key is the same event."""

    member_id: int
    kind: str
    source: str
    key: str
    occurred_at: datetime
    payload: dict[str, Any] = field(default_factory=dict)
    actor: str = "system"
    identity_id: int | None = None


_TOLD = tuple(one.name for one in fields(NewEvent))


@dataclass(frozen=True, slots=True)
class Cursor:
    epoch: int
    tx: int
    event_id: int


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Events in feed order, and the cursor to store once they are taken."""

    events: list[MemberEvent]
    cursor: Cursor


# Numbered as they were told: of one moment the story keeps that order. The keys go in order of
# their hash, so that two writers of the same keys wait for each other and go on.
# Keys first with do-nothing, then the events of the keys that were new: a unique index on the
# partitioned table would have to hold the time and could not recognise the key alone. "IS TRUE"
# keeps the last condition a hashed look-up: as a join the planner, which cannot know how many rows
# come, has looped over fifty thousand keys for each of them.
_NEW_KEYS = """numbered AS MATERIALIZED (
    SELECT DISTINCT ON (key_hash) * FROM (
        SELECT nextval('timeline_event_id_seq') AS event_id, rows.* FROM ({rows}) AS rows
    ) AS given
    ORDER BY key_hash, event_id
), fresh AS (
    INSERT INTO timeline_eventkey (key_hash, event_id, occurred_at)
    SELECT key_hash, event_id, occurred_at FROM numbered
    ON CONFLICT (key_hash) DO NOTHING
    RETURNING key_hash
)"""
_EVENTS = """
INSERT INTO timeline_memberevent
    (id, occurred_at, member_id, identity_id, kind, source, actor, payload)
SELECT event_id, occurred_at, member_id, identity_id, kind, source, actor, payload
FROM numbered WHERE (key_hash IN (SELECT key_hash FROM fresh)) IS TRUE
"""
_INSERT = f"WITH {_NEW_KEYS}{_EVENTS}"

_FROM_SELECT = """
SELECT sha256(convert_to(key, 'UTF8')) AS key_hash, occurred_at, member_id, identity_id, kind,
source,
       actor, payload
FROM ({select}) AS given (key, occurred_at, member_id, identity_id, kind, source, actor, payload)
"""

_GIVEN = """
SELECT * FROM json_to_recordset(%s::json) AS event (
    key text, occurred_at timestamptz, member_id bigint, identity_id bigint, kind text,
    source text, actor text, payload jsonb
)
"""
_RECORD = _INSERT.format(rows=_FROM_SELECT.format(select=_GIVEN))

_known_months: set[date] = set()


def ensure_months(first: datetime, last: datetime) -> None:
    """Late news of a past month needs its partition; DDL is rare, so remember what is there."""
    months = set(partitions.months_between(partitions.month_of(first), partitions.month_of(last)))
    if months - _known_months:
        partitions.ensure_months(_TABLE, min(months), max(months))
        # a rollback would take the months away again
        transaction.on_commit(lambda: _known_months.update(months))


def forget_known_months() -> None:
    """After a rollback or in another database the remembered months may be wrong."""
    _known_months.clear()


# part of the caller's transaction, whole or not at all: a mark of its own would be two more ways to
# the database for each event
@transaction.atomic(savepoint=False)
def record_events(events: Iterable[NewEvent]) -> int:
    """Record events set-wise; return how many were new. Known keys are left as they stand."""
    rows = list(events)
    if not rows:
        return 0
    times = [event.occurred_at for event in rows]
    ensure_months(min(times), max(times))
    return write(
        _RECORD, [as_rows({name: getattr(event, name) for name in _TOLD} for event in rows)]
    )


def record_event(
    *,
    member_id: int,
    kind: str,
    source: str,
    key: str,
    occurred_at: datetime,
    payload: dict[str, Any] | None = None,
    actor: str = "system",
    identity_id: int | None = None,
) -> bool:
    """Record one event; False when its key is known."""
    event = NewEvent(
        member_id=member_id,
        kind=kind,
        source=source,
        key=key,
        occurred_at=occurred_at,
        payload=payload or {},
        actor=actor,
        identity_id=identity_id,
    )
    return record_events([event]) == 1


@transaction.atomic
def record_from_select(
    *, select: str, params: Sequence[Any], first: datetime, last: datetime
) -> int:
    """Record the events that a SELECT of our own code yields, without their leaving the database.

    Its columns, in order: key text, occurred_at, member_id, identity_id, kind, source, actor,
    payload jsonb. `first` and `last` bound their times (for the partitions). Returns how many were
    new.
    """
    ensure_months(first, last)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(rows=_FROM_SELECT.format(select=select)), params)
        return cursor.rowcount


def story_steps(rows: str) -> str:
    """SQL: the same as named steps (`numbered`, `fresh`, `story`) in the WITH of a statement of the
    caller's own, where one way to the database is all an effect may cost.

    `rows` is a step before with the columns that `record_from_select` asks for. Call
    `ensure_months` for their times first.
    """
    given = _FROM_SELECT.format(select=f"SELECT * FROM {rows}")
    return f"{_NEW_KEYS.format(rows=given)}, story AS ({_EVENTS})"


# --- the feed -----------------------------------------------------------------------------------

# Of the current epoch only what every open transaction is older than: a lower tx can then no longer
# appear, so a cursor on (tx, id) loses nothing. Older epochs came from another cluster and are
# complete.
_FEED = """
SELECT id, occurred_at, recorded_at, tx, epoch, member_id, identity_id, kind, source, actor,
       payload::text
FROM timeline_memberevent
WHERE epoch = %s AND (tx, id) > (%s, %s)
  AND (%s OR tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
ORDER BY tx, id LIMIT %s
"""


def _feed_rows(params: list[Any]) -> list[MemberEvent]:
    # a raw queryset cannot read a model whose key has two columns
    with connection.cursor() as cursor:
        cursor.execute(_FEED, params)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [MemberEvent(**{**row, "payload": json.loads(row["payload"])}) for row in rows]


def read_feed(*, consumer: str, limit: int) -> FeedBatch:
    """The next events after the consumer's cursor, in an order that never goes back.

    Any open *writing* transaction in the cluster holds the feed still; none is lost by it.
    """
    row = ConsumerCursor.objects.filter(name=consumer).first()
    # epoch 0 is the cluster in which the tables were first made; each restore adds a row
    epochs = [0, *FeedEpoch.objects.order_by("pk").values_list("pk", flat=True)]
    cursor = Cursor(row.epoch, row.tx, row.event_id) if row else Cursor(epochs[0], 0, 0)
    while True:
        closed = cursor.epoch != epochs[-1]
        events = _feed_rows([cursor.epoch, cursor.tx, cursor.event_id, closed, limit])
        if events:
            last = events[-1]
            return FeedBatch(events, Cursor(cursor.epoch, last.tx, last.id))
        if not closed:
            return FeedBatch([], cursor)
        cursor = Cursor(next(epoch for epoch in epochs if epoch > cursor.epoch), 0, 0)


def advance(*, consumer: str, cursor: Cursor) -> None:
    """Remember how far a consumer has come; call it in the transaction that holds its effects."""
    ConsumerCursor.objects.update_or_create(
        name=consumer,
        defaults={"epoch": cursor.epoch, "tx": cursor.tx, "event_id": cursor.event_id},
    )


def after_restore() -> FeedEpoch:
    """Open a new epoch: transaction ids of the cluster that the data came from mean nothing
    here."""
    return FeedEpoch.objects.create()
