"""Emptying the database after a test that really commits.

Django truncates every table and makes its own rows again, which with our partitions takes a second
and a half. Here only tables that hold rows lose them, and what the migrations left is put back only
if a test changed it.
"""

from django.db import connections, transaction
from django.test import TransactionTestCase

# waits, as TRUNCATE does, for whoever is still writing; without triggers, so in any order
LOCK = """
DO $$ BEGIN EXECUTE (
  SELECT format('LOCK TABLE %s IN EXCLUSIVE MODE', string_agg(oid::regclass::text, ', '))
  FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
); END $$
"""
USED = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND pg_relation_size(oid) > 0
"""
HISTORY = "django_migrations"

_first_rows: dict[str, bytes] = {}


def _copied(cursor, table):
    with cursor.copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(copy)


def _used(cursor):
    cursor.execute(USED)
    return {table for (table,) in cursor.fetchall()} - {HISTORY}


def remember(connection):
    """Keep the rows of a database nobody has used yet."""
    with connection.cursor() as cursor:
        found = {table: _copied(cursor, table) for table in _used(cursor)}
    _first_rows.update({table: rows for table, rows in found.items() if rows})


def empty(connection):
    """Every table as `remember` found it."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in _used(cursor) - _first_rows.keys():
            cursor.execute(f"DELETE FROM {table}")
        for table, rows in _first_rows.items():
            if _copied(cursor, table) != rows:
                cursor.execute(f"DELETE FROM {table}")
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)


def _fixture_teardown(self):
    for name in self._databases_names(include_mirrors=False):
        empty(connections[name])


def install():
    """For tests that commit; those in a transaction of their own are rolled back as ever."""
    TransactionTestCase._fixture_teardown = _fixture_teardown
