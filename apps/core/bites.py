"""Deleting many rows without holding locks for long."""

from typing import Any

from django.db.models import QuerySet

BITE = 10_000


def delete_in_bites(rows: QuerySet[Any], *, bite: int = BITE) -> int:
    """Delete all these rows, a statement and a commit for each bite; returns how many went."""
    every, total = rows.model._base_manager, 0
    while True:
        keys = rows.order_by().values("pk")[:bite]
        _all, by_model = every.filter(pk__in=keys).delete()
        gone = by_model.get(rows.model._meta.label, 0)
        total += gone
        if gone < bite:
            return total
