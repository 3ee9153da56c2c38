"""Monthly partitions: who has them, making them ahead, and the migration step that begins it.

A room says so in its `apps.py`: `partitions.register("orders_orderline", "paid_at")` in `ready()`.
Bounds are months of the chain's own time. There is no default partition: a row without a month is
an error to notice, not a row to lose.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, migrations, transaction
from django.db.models import Func, Model, Value
from psycopg import sql

from apps.core import clock
from apps.core.locks import take_turn

MONTHS_AHEAD = 3


@dataclass(frozen=True)
class PartitionedTable:
    table: str
    column: str


_tables: dict[str, PartitionedTable] = {}


def register(table: str, column: str) -> None:
    """Say that a table is cut by month on a column."""
    _tables[table] = PartitionedTable(table, column)


def registered() -> list[PartitionedTable]:
    """Every table cut by month."""
    return list(_tables.values())


def month_of(moment: datetime | date) -> date:
    """The first day of the chain's month."""
    day = clock.business_day(moment) if isinstance(moment, datetime) else moment
    return day.replace(day=1)


def next_month(month: date, count: int = 1) -> date:
    """The first day of the month `count` later (or earlier when negative)."""
    place = month.year * 12 + month.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    """Every month from one to another, both in."""
    month, last = month_of(first), month_of(last)
    found = []
    while month <= last:
        found.append(month)
        month = next_month(month)
    return found


def partition_name(table: str, month: date) -> str:
    return f"{table}_y{month:%Y}m{month:%m}"


def monthly_partition_sql(table: str, month: date) -> str:
    """The statement that makes one month of a table."""
    statement = sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
    ).format(
        sql.Identifier(partition_name(table, month)),
        sql.Identifier(table),
        sql.Literal(clock.day_start(month).isoformat()),
        sql.Literal(clock.day_start(next_month(month)).isoformat()),
    )
    return statement.as_string(None)


def _missing(table: str, months: list[date]) -> list[date]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL",
            [[partition_name(table, month) for month in months]],
        )
        absent = {row[0] for row in cursor.fetchall()}
    return [month for month in months if partition_name(table, month) in absent]


def ensure_months(table: str, from_month: date, to_month: date) -> list[str]:
    """Make the missing months of a table, both ends in; return the names made. Safe to repeat."""
    wanted = _missing(table, months_between(from_month, to_month))
    for month in wanted:
        # two imports may meet here; the lock makes the second one see the first one's month
        with transaction.atomic(), connection.cursor() as cursor:
            take_turn(f"partition:{table}")
            cursor.execute(monthly_partition_sql(table, month))
    return [partition_name(table, month) for month in wanted]


def ensure_ahead(now: datetime, months: int = MONTHS_AHEAD) -> list[str]:
    """Make this month and the next ones for every registered table."""
    first = month_of(now)
    return [
        name
        for entry in registered()
        for name in ensure_months(entry.table, first, next_month(first, months))
    ]


def missing_months(now: datetime) -> list[str]:
    """Partitions of this and the next month that are not there: rows would be refused soon."""
    first = month_of(now)
    return [
        partition_name(entry.table, month)
        for entry in registered()
        for month in _missing(entry.table, [first, next_month(first)])
    ]


class NextVal(Func):
    """`db_default` of a key on a partitioned table: one sequence for all months."""

    function = "nextval"
    template = "%(function)s(%(expressions)s::regclass)"

    def __init__(self, sequence: Any, **extra: Any) -> None:
        value = Value(sequence) if isinstance(sequence, str) else sequence
        super().__init__(value, **extra)


@contextmanager
def _partitioned(schema_editor: Any, clause: str) -> Iterator[None]:
    plain = schema_editor.sql_create_table
    schema_editor.sql_create_table = f"{plain} {clause}"
    try:
        yield
    finally:
        schema_editor.sql_create_table = plain


class PartitionTable(migrations.operations.base.Operation):
    """Migration step: make a model's (still empty) table partitioned.

    Django cannot say PARTITION BY. The model is created as usual by `CreateModel`; this step, in a
    later migration, drops the empty table and creates it again with the clause, so names of indexes
    and constraints stay Django's. `by="range"` cuts by month on `column` (this month and the next
    ones are made at once); `by="hash"` makes `parts` pieces.
    """

    reversible = True
    reduces_to_sql = False

    def __init__(self, model_name: str, column: str, by: str = "range", parts: int = 8) -> None:
        self.model_name = model_name
        self.column = column
        self.by = by
        self.parts = parts

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs = {
            "model_name": self.model_name,
            "column": self.column,
            "by": self.by,
            "parts": self.parts,
        }
        return type(self).__qualname__, [], kwargs

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The model does not change, only how its rows lie."""

    def _rebuild(self, schema_editor: Any, model: type[Model], clause: str) -> None:
        table = schema_editor.quote_name(model._meta.db_table)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
            if cursor.fetchone()[0]:
                raise RuntimeError(f"{model._meta.db_table} has rows; this step needs it empty.")
        schema_editor.delete_model(model)
        with _partitioned(schema_editor, clause):
            schema_editor.create_model(model)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        table = model._meta.db_table
        column = schema_editor.quote_name(self.column)
        self._rebuild(schema_editor, model, f"PARTITION BY {self.by.upper()} ({column})")
        for statement in self._pieces(table):
            schema_editor.execute(statement, params=None)

    def _pieces(self, table: str) -> list[str]:
        if self.by == "hash":
            return [
                f'CREATE TABLE "{table}_h{piece}" PARTITION OF "{table}" '
                f"FOR VALUES WITH (MODULUS {self.parts}, REMAINDER {piece})"
                for piece in range(self.parts)
            ]
        first = month_of(clock.now())
        months = months_between(first, next_month(first, MONTHS_AHEAD))
        return [monthly_partition_sql(table, month) for month in months]

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        self._rebuild(schema_editor, to_state.apps.get_model(app_label, self.model_name), "")

    def describe(self) -> str:
        return f"Partition {self.model_name} by {self.by} of {self.column}"
