"""Fixed questions, asked thousands of times: PostgreSQL plans each once for a connection and
answers in its own binary form, which costs a fraction of reading dates and numbers from text.

For statements whose text never changes; what changes goes into the places. Everything else asks
through Django's own cursor.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.adapt import Loader
from psycopg.postgres import types
from psycopg.pq import Format

_JSONB = types["jsonb"].oid


class _JsonAsText(Loader):
    """Django's fields read JSON themselves, as they do from an ordinary cursor."""

    format = Format.BINARY

    def load(self, data: Any) -> str:
        return bytes(data)[1:].decode()  # the first byte is the form's version


class _Prepared(ServerBindingCursor):
    """Plans once, answers in binary."""

    def __init__(self, asked: Any) -> None:
        super().__init__(asked)
        self.format = Format.BINARY

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        answer = super().execute(query, params, **options)
        # Django's log of questions looks here; psycopg leaves it empty for what was planned before
        self._query = SimpleNamespace(query=query.encode())
        return answer


def read(sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Any]:
    """All rows of a fixed question, as tuples."""
    connection.ensure_connection()
    asked: Any = connection.connection
    if asked.adapters.get_loader(_JSONB, Format.BINARY) is not _JsonAsText:
        asked.adapters.register_loader("jsonb", _JsonAsText)
    with connection.wrap_database_errors:
        cursor = _Prepared(asked)
    # as Django wraps its own: checked, timed and counted like any other question
    with connection._prepare_cursor(cursor) as wrapped:
        wrapped.execute(sql, params)
        return wrapped.fetchall()
