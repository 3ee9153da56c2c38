"""Leases: one worker holds a row for a while, and every later write proves it still does."""

import uuid
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)


def claim(
    queryset: QuerySet[Any], *, now: datetime, seconds: int, limit: int
) -> tuple[uuid.UUID, list[Any]]:
    """Lease up to `limit` rows of `queryset` for `seconds`; return the owner token and the keys.

    One short transaction: rows locked by another worker are skipped, and so are rows whose lease
    still runs. The keys come in the order of the queryset.
    """
    token = uuid.uuid4()
    free = (
        queryset.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .select_for_update(skip_locked=True, of=("self",))
        .values_list("pk", flat=True)[:limit]
    )
    with transaction.atomic():
        keys = list(free)
        if keys:
            queryset.model._base_manager.filter(pk__in=keys).update(
                lease_token=token, lease_until=now + timedelta(seconds=seconds)
            )
    return token, keys


def release(queryset: QuerySet[Any], *, token: uuid.UUID, **outcome: object) -> int:
    """Give leases back and write how it ended; rows held by another token stay as they are."""
    return holds(queryset, token).update(lease_token=None, lease_until=None, **outcome)


def holds(queryset: QuerySet[M], token: uuid.UUID) -> QuerySet[M]:
    """The rows this token still owns. Every write under a lease goes through this filter."""
    return queryset.filter(lease_token=token)
