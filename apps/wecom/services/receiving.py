"""What WeCom tells us is kept before it is answered."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction

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
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Row(NamedTuple):
    """`document`: the row as KEEP_SQL reads it."""

    key: bytes
    greets: bool
    document: str


def receive_callback(*, endpoint: EndpointConfig, seal: Seal, body: bytes) -> bool:
    """Verify, decrypt, keep one posted callback and ring; false when it was known already.

    Committed when this returns, unless the caller has a transaction open. Raises CallbackRejected.
    """
    row = open_callback(endpoint, seal, body)
    new = read(KEEP_SQL, [as_document([row])])
    transaction.on_commit(partial(ring, *bells_of([row])))
    return bool(new)


def open_callback(endpoint: EndpointConfig, seal: Seal, body: bytes) -> Row:
    """Verified and decrypted, not yet kept. Raises CallbackRejected."""
    text = open_sealed(keys=endpoint.keys, seal=seal, encrypted=read_envelope(body))
    fields = read_xml(text)
    key = callback_key(corp_id=endpoint.corp_id, agent_id=endpoint.agent_id, fields=fields)
    return _row(endpoint_id=endpoint.pk, key=key, fields=fields)


def as_document(rows: Iterable[Row]) -> str:
    """What KEEP_SQL takes, in the order of the keys so that two writers never wait for each other
    in a ring."""
    return f"[{','.join(row.document for row in sorted(rows, key=_key_of))}]"


def bells_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The jobs to ring once these are committed, the urgent one first."""
    return (WELCOME_JOB, HANDLER_JOB) if any(row.greets for row in rows) else (HANDLER_JOB,)


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


def _key_of(row: Row) -> bytes:
    return row.key
