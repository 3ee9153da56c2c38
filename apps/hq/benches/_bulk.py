"""Building a measurement's data at the speed of the disk: no checks of keys, indexes made last."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

# every index but the primary key, as the statements that take it away and bring it back
_INDEXES = """
SELECT CASE WHEN con.oid IS NULL THEN format('DROP INDEX %%I', i.relname)
            ELSE format('ALTER TABLE %%I DROP CONSTRAINT %%I', t.relname, con.conname) END,
       CASE WHEN con.oid IS NULL THEN pg_get_indexdef(i.oid)
            ELSE format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s', t.relname, con.conname,
                        pg_get_constraintdef(con.oid)) END
FROM pg_index AS x
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_class AS i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint AS con ON con.conindid = i.oid AND con.contype IN ('u', 'x')
WHERE t.relname = ANY(%s) AND t.relkind = 'r' AND NOT x.indisprimary
"""
# the rows are consistent by their making; merges and hashes stay in memory
_FAST = {
    "session_replication_role": "replica",
    "maintenance_work_mem": "1GB",
    "work_mem": "256MB",
    "synchronous_commit": "off",
    # numbered rows have no statistics: left to itself the planner would loop over all pairs
    "enable_nestloop": "off",
}


def sql(statement: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def rows(statement: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


@contextmanager
def bulk(*tables: str) -> Iterator[None]:
    """Inside, inserts check no keys, and indexes of `tables` are away, built at its end."""
    found = rows(_INDEXES, [list(tables)])
    for name, value in _FAST.items():
        sql(f"SET {name} = '{value}'")
    for drop, _make in found:
        sql(drop)
    yield
    for _drop, make in found:
        sql(make)
    for name in _FAST:
        sql(f"RESET {name}")
