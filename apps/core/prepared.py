"""Fixed statements, run thousands of times: PostgreSQL plans each once for a connection and
answers in its own binary form, which costs a fraction of reading dates and numbers from text.

For statements whose text never changes; what changes goes into the places. Everything else asks
through Django's own cursor.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID

from django.db import connection
from psycopg import Cursor
from psycopg.adapt import Loader
from psycopg.postgres import types
from psycopg.pq import Format

_JSONB = types["jsonb"].oid


class _JsonAsText(Loader):
    """Django's fields read JSON themselves, as they do from an ordinary cursor."""

    format = Format.BINARY

    def load(self, data: Any) -> str:
        return bytes(data)[1:].decode()  # the first byte is the form's version


class _Prepared(Cursor[Any]):
    """Plans once, answers in binary."""

    # Django's log of questions looks here; psycopg leaves it empty for what was planned before
    _query: Any

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        answer = super().execute(query, params, **options)
        self._query = SimpleNamespace(query=query.encode())
        return answer


def _ask(sql: str, params: Sequence[Any] | Mapping[str, Any] | None) -> Any:
    django: Any = connection
    django.ensure_connection()
    asked = django.connection
    if asked.adapters.get_loader(_JSONB, Format.BINARY) is not _JsonAsText:
        asked.adapters.register_loader("jsonb", _JsonAsText)
    with django.wrap_database_errors:
        cursor = _Prepared(asked)
    cursor.format = Format.BINARY
    # as Django wraps its own: checked, timed and counted like any other question
    wrapped = django._prepare_cursor(cursor)
    wrapped.execute(sql, params)
    return wrapped


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Many rows for one statement: `… FROM json_to_recordset(%s::json) AS given (name type, …)`.

    One document costs a tenth of an array for each column. A name that a row lacks is NULL.
    """
    return json.dumps(list(rows), default=_written, ensure_ascii=False, separators=(",", ":"))


def _written(value: object) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot stand in a row")


def as_keys(keys: Iterable[bytes]) -> str:
    """Keys to look up by `= ANY(%s::bytea[])`, which a prepared plan answers from the index."""
    inside = ",".join(f'"\\\\x{key.hex()}"' for key in keys)
    return f"{{{inside}}}"


def read(sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Any]:
    """All rows of a fixed question, as tuples."""
    with _ask(sql, params) as asked:
        return list(asked.fetchall())


def write(sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> int:
    """Runs a fixed statement that answers nothing; how many rows it wrote."""
    with _ask(sql, params) as asked:
        return int(asked.rowcount)
