"""What WeCom tells us is kept before it is answered.

Requests that arrive together share one statement and one commit: whoever comes first writes for all
who wait. Each is answered only after the commit that holds its row.
"""

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.core.prepared import read
from apps.wecom.crypto import Seal, callback_key, open_sealed, read_envelope, read_xml
from apps.wecom.selectors import EndpointConfig
from apps.wecom.services.bells import HANDLER_JOB, WELCOME_JOB, ring

# What describes a person is re-read from WeCom by id when it is needed, and not kept here.
PERSONAL_FIELDS = frozenset(
    [
        "Name",
        "Mobile",
        "Telephone",
        "Email",
        "BizMail",
        "Address",
        "Avatar",
        "Alias",
        "Gender",
        "ExtAttr",
        "Content",
        "PicUrl",
        "Latitude",
        "Longitude",
        "Precision",
        "Location_X",
        "Location_Y",
        "Label",
        "SendLocationInfo",
        "Title",
        "Description",
        "ScanCodeInfo",
        "Url",
        "ThumbMediaId",
        "MediaId",
    ]
)


# One statement: of two identical callbacks at once exactly one inserts, the other sees it. The rows
# come as one document: a list for each column takes psycopg longer than PostgreSQL the insert.
KEEP_SQL = """
    INSERT INTO wecom_rawcallback
        (key, endpoint_id, event, change_type, fields, created_by_wecom_at, greets)
    SELECT decode(key, 'hex'), endpoint_id, event, change_type, fields, happened_at, greets
    FROM json_to_recordset(%s::json) AS given
        (key text, endpoint_id bigint, event text, change_type text, fields jsonb,
         happened_at timestamptz, greets boolean)
    ON CONFLICT (key) DO NOTHING
    RETURNING key
"""
MOST_AT_ONCE = 200
# a statement and its commit cost as much as ten rows: whoever writes lets those come along who are
# being read just now
GATHER_SECONDS = 0.001

_encode = json.JSONEncoder(ensure_ascii=False).encode


class Row(NamedTuple):
    """`document`: the row as KEEP_SQL reads it."""

    key: bytes
    greets: bool
    document: str


@dataclass(frozen=True, slots=True)
class Kept:
    """`bells`: the jobs to ring once this is committed; whoever wrote for others rings for them."""

    new: bool
    bells: tuple[str, ...]


def receive_callback(*, endpoint: EndpointConfig, seal: Seal, body: bytes) -> bool:
    """Verify, decrypt, keep one posted callback and ring; false when it was known already.

    Committed when this returns, unless the caller has a transaction open. Raises CallbackRejected.
    """
    kept = keep_callback(endpoint=endpoint, seal=seal, body=body)
    transaction.on_commit(partial(ring, *kept.bells))
    return kept.new


def keep_callback(*, endpoint: EndpointConfig, seal: Seal, body: bytes) -> Kept:
    """The same without ringing: for a door that answers first."""
    text = open_sealed(keys=endpoint.keys, seal=seal, encrypted=read_envelope(body))
    fields = read_xml(text)
    key = callback_key(corp_id=endpoint.corp_id, agent_id=endpoint.agent_id, fields=fields)
    row = _row(endpoint_id=endpoint.pk, key=key, fields=fields)
    if connection.in_atomic_block:  # nobody else's row may hang on this transaction
        new = _write([row])
        return Kept(new=bool(new), bells=_bells([row]))
    return _desk.keep(row)


def _row(*, endpoint_id: int, key: bytes, fields: Mapping[str, Any]) -> Row:
    event = fields.get("Event") or fields.get("InfoType") or fields.get("MsgType")
    greets = bool(fields.get("WelcomeCode"))
    columns = {
        "key": key.hex(),
        "endpoint_id": endpoint_id,
        "event": _word(event),
        "change_type": _word(fields.get("ChangeType")),
        "fields": {name: value for name, value in fields.items() if name not in PERSONAL_FIELDS},
        "happened_at": _happened_at(fields),
        "greets": greets,
    }
    return Row(key, greets, _encode(columns))


def _word(value: Any) -> str:
    return value[:64] if isinstance(value, str) else ""


def _happened_at(fields: Mapping[str, Any]) -> str | None:
    seconds = fields.get("CreateTime") or fields.get("TimeStamp") or ""
    with contextlib.suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat()
    return None


def _bells(rows: Sequence[Row]) -> tuple[str, ...]:
    # the urgent one first
    return (WELCOME_JOB, HANDLER_JOB) if any(row.greets for row in rows) else (HANDLER_JOB,)


def _write(rows: Sequence[Row]) -> set[bytes]:
    """One statement, in the order of the keys so that two writers never wait for each other in a
    ring; the keys that are new."""
    documents = ",".join(row.document for row in sorted(rows, key=_key_of))
    return {key for (key,) in read(KEEP_SQL, [f"[{documents}]"])}


def _key_of(row: Row) -> bytes:
    return row.key


class _Waiting:
    """One request's row until somebody has written it."""

    __slots__ = ("error", "new", "row", "turn", "written")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.new = False
        self.written = False
        self.error: BaseException | None = None
        self.turn = threading.Lock()  # freed when the row is written, or is the next to write
        self.turn.acquire()


class _Desk:
    """Where the requests of one process meet. While one writes, the next ones gather; then the
    first of those writes for them all."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._changing = threading.Lock()
        self._writing = False

    def keep(self, row: Row) -> Kept:
        mine = _Waiting(row)
        with self._changing:
            self._waiting.append(mine)
            first, self._writing = not self._writing, True
        if not first:
            mine.turn.acquire()
        bells: tuple[str, ...] = ()
        if not mine.written:  # nobody wrote for us: we write for all who wait
            time.sleep(GATHER_SECONDS)
            together = self._take()
            try:
                bells = self._write_together(together)
            finally:
                self._pass_on(mine, together)
        if mine.error is not None:
            raise mine.error
        return Kept(new=mine.new, bells=bells)

    def _take(self) -> list[_Waiting]:
        with self._changing:
            count = min(len(self._waiting), MOST_AT_ONCE)
            return [self._waiting.popleft() for _ in range(count)]

    def _pass_on(self, mine: _Waiting, together: list[_Waiting]) -> None:
        with self._changing:
            following = self._waiting[0] if self._waiting else None
            self._writing = following is not None
        if following is not None:
            following.turn.release()
        for one in together:
            if one is not mine:
                one.turn.release()

    def _write_together(self, together: list[_Waiting]) -> tuple[str, ...]:
        rows = [one.row for one in together]
        try:
            new = _write(rows)
        except BaseException as error:
            for one in together:
                one.error, one.written = error, True
            raise
        for one in together:
            one.new, one.written = one.row.key in new, True
            new.discard(one.row.key)  # of two equal ones only the first is new
        return _bells(rows)


_desk = _Desk()
