"""What WeCom tells us is kept before it is answered.

Requests that arrive together share one statement and one commit: whoever comes first writes for all
who wait. Each is answered only after the commit that holds its row.
"""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import connection, transaction

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


# one statement: of two identical callbacks at once exactly one inserts, the other sees it
KEEP_SQL = """
    INSERT INTO wecom_rawcallback
        (key, endpoint_id, event, change_type, fields, created_by_wecom_at, greets)
    SELECT * FROM unnest(%s::bytea[], %s::bigint[], %s::text[], %s::text[], %s::jsonb[],
                         %s::timestamptz[], %s::boolean[])
    ON CONFLICT (key) DO NOTHING
    RETURNING key
"""
MOST_AT_ONCE = 200


class Row(NamedTuple):
    key: bytes
    endpoint_id: int
    event: str
    change_type: str
    fields: str
    happened_at: datetime | None
    greets: bool


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
    impersonal = {name: value for name, value in fields.items() if name not in PERSONAL_FIELDS}
    return Row(
        key=key,
        endpoint_id=endpoint_id,
        event=_word(event),
        change_type=_word(fields.get("ChangeType")),
        fields=json.dumps(impersonal, ensure_ascii=False),
        happened_at=_happened_at(fields),
        greets=bool(fields.get("WelcomeCode")),
    )


def _word(value: Any) -> str:
    return value[:64] if isinstance(value, str) else ""


def _happened_at(fields: Mapping[str, Any]) -> datetime | None:
    seconds = fields.get("CreateTime") or fields.get("TimeStamp") or ""
    with contextlib.suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(seconds), tz=UTC)
    return None


def _bells(rows: Sequence[Row]) -> tuple[str, ...]:
    # the urgent one first
    return (WELCOME_JOB, HANDLER_JOB) if any(row.greets for row in rows) else (HANDLER_JOB,)


def _write(rows: Sequence[Row]) -> set[bytes]:
    """One statement, in the order of the keys so that two writers never wait for each other in a
    ring; the keys that are new."""
    columns = [list(column) for column in zip(*sorted(rows, key=_key_of), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(KEEP_SQL, columns)
        return {bytes(key) for (key,) in cursor.fetchall()}


def _key_of(row: Row) -> bytes:
    return row.key


class _Waiting:
    """One request's row until somebody has written it."""

    __slots__ = ("error", "new", "row", "written")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.new = False
        self.written = False
        self.error: BaseException | None = None


class _Desk:
    """Where the requests of one process meet. While one writes, the next ones gather."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._turn = threading.Lock()

    def keep(self, row: Row) -> Kept:
        mine = _Waiting(row)
        self._waiting.append(mine)
        bells: tuple[str, ...] = ()
        with self._turn:
            while not mine.written:  # nobody wrote for us: we write for all who wait
                bells += self._write_together()
        if mine.error is not None:
            raise mine.error
        return Kept(new=mine.new, bells=bells)

    def _write_together(self) -> tuple[str, ...]:
        together: list[_Waiting] = []
        while self._waiting and len(together) < MOST_AT_ONCE:
            together.append(self._waiting.popleft())
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
