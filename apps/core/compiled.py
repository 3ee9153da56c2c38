"""Queries whose SQL is written once for the process.

The ORM writes a long query anew each time it is asked, and takes longer over it than PostgreSQL
over the answer. Here it is written when it is first asked, with a `Place` for each value that
changes; after that only the values are filled in. The builder must give the same query whatever the
values are: nothing in it may look at them.

What is the same whatever the values stands in the text and not among the parameters: PostgreSQL
plans once for all values, and can use an index `WHERE state IN (…)` only if it sees the states.
"""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, BooleanField, Expression, F, Field, Func, QuerySet
from django.db.models.query import ModelIterable
from psycopg.sql import Literal

from apps.core.prepared import read


class Place(Expression):
    """Where a value goes. It stands in a queryset as the value itself would."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        return "%s", (_Slot(self.name),)


def among(column: str, name: str) -> Func:
    """The condition that the column is one of the ids in a list that goes there."""
    return Func(
        F(column),
        Place(name, BigIntegerField()),
        template="(%(expressions)s::bigint[]))",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


class _Slot(str):
    """A parameter that waits for its value."""

    __slots__ = ()


def fill(params: Sequence[Any], values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The parameters of a statement with the values in their places."""
    return tuple(values[param] if type(param) is _Slot else param for param in params)


_PARAMETER = re.compile("%[%s]")


def with_constants(sql: str, params: Sequence[Any]) -> tuple[str, list[Any]]:
    """The statement with what never changes written out; the parameters left wait for values."""
    django: Any = connections[DEFAULT_DB_ALIAS]
    django.ensure_connection()
    given, left = iter(params), list[Any]()

    def put(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%%"
        param = next(given)
        if type(param) is _Slot:
            left.append(param)
            return "%s"
        return Literal(param).as_string(django.connection).replace("%", "%%")

    return _PARAMETER.sub(put, sql), left


class Compiled:
    """A queryset of model rows, built and written once.

    `stand_ins`: numbers that the builder put where no `Place` can stand, by the names of what goes
    there.
    """

    def __init__(
        self, build: Callable[[], QuerySet], stand_ins: Mapping[int, str] | None = None
    ) -> None:
        self._build = build
        self._stand_ins = stand_ins or {}
        self._written: tuple[Any, str, Sequence[Any]] | None = None
        self._converters: Any = None

    def _write(self) -> tuple[Any, str, Sequence[Any]]:
        if self._written is None:  # two threads may both write it: the same
            compiler = self._build().query.get_compiler(DEFAULT_DB_ALIAS)
            try:
                sql, params = compiler.as_sql()
            except EmptyResultSet:  # its conditions let nothing through: there is nothing to ask
                sql, params = "", ()
            written = with_constants(sql, [self._place(param) for param in params])
            self._written = (compiler, *written)
        return self._written

    def _place(self, param: Any) -> Any:
        name = self._stand_ins.get(param) if type(param) is int else None
        return param if name is None else _Slot(name)

    def _filled(self, values: Mapping[str, Any]) -> Any:
        compiler, sql, params = self._write()
        asked = copy.copy(compiler)
        asked.connection = connections[DEFAULT_DB_ALIAS]  # a thread has its own
        asked.get_converters = self._converted_by(asked.get_converters)
        # the compiler reads rows chunk by chunk: here all are one
        asked.execute_sql = lambda *_args, **_kwargs: (
            [read(sql, fill(params, values))] if sql else []
        )
        return asked

    def _converted_by(self, find: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Which columns are converted, and how: asked of every column, but never changing."""

        def converters(columns: Any) -> Any:
            if self._converters is None:
                self._converters = find(columns)
            return self._converters

        return converters

    def statement(self, **values: Any) -> tuple[str, tuple[Any, ...]]:
        """The SQL and its parameters, to stand in a larger statement; "" if nothing is to ask."""
        _compiler, sql, params = self._write()
        return sql, fill(params, values)

    def rows(self, **values: Any) -> list[Any]:
        """The model rows for these values, with related rows and annotations, in one query."""
        asked = self._filled(values)
        # all that Django's own reader of rows asks of a queryset
        queryset: Any = SimpleNamespace(
            db=DEFAULT_DB_ALIAS,
            query=SimpleNamespace(get_compiler=lambda using: asked),
            _known_related_objects={},
        )
        return list(ModelIterable(queryset))

    def tuples(self, **values: Any) -> list[tuple[Any, ...]]:
        """The same of a queryset that ends in `values_list`."""
        return list(self._filled(values).results_iter(tuple_expected=True))
