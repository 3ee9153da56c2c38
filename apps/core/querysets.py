"""Shared helpers for work in sets."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet


def chunked_ids(ids: Iterable[int], *, size: int = 1000) -> Iterator[list[int]]:
    """Cut ids into lists of at most `size`."""
    source = iter(ids)
    while chunk := list(islice(source, size)):
        yield chunk


def keys_sql(queryset: QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """The primary keys of a queryset as SQL and its parameters, for use in a larger statement."""
    try:
        return queryset.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # Django knows without asking that nothing can match
        return "SELECT NULL::bigint WHERE false", ()
