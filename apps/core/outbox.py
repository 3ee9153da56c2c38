"""An outbox: what is to happen outside is a row first, and a worker makes it happen.

The worker claims due rows under a lease (`batches`), makes the call, and settles the row in one
statement that writes only while the lease is still its own (`LeasedModel.settle`). A call that did
not succeed is judged in one place (`fate_of`): too early, another try, never again, or an outcome
that nobody knows, which is looked up or left to a person and never repeated blindly.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, Self
from uuid import UUID

import structlog
from django.db import models
from django.db.models import QuerySet

from apps.core import lease
from apps.core.errors import kind_of

log = structlog.get_logger(__name__)


class OutboxQuerySet(models.QuerySet):
    def due(self, at: datetime) -> Self:
        """What need not wait any longer, the longest waiting first."""
        return self.filter(not_before__lte=at).order_by("not_before", "pk")

    def held(self, pk: int, token: UUID) -> Any:
        """The row, locked, if it is still this token's."""
        row: QuerySet[Any] = self.filter(pk=pk)
        return lease.holds(row, token).select_for_update(of=("self",)).first()


def batches(
    due: Callable[[datetime], QuerySet[Any]],
    *,
    clock: Callable[[], datetime],
    seconds: int,
    batch: int,
    limit: int,
) -> Iterator[tuple[UUID, list[int]]]:
    """Lease what is due, `batch` rows at a time, until nothing is or `limit` rows were taken.

    Any number of workers may run this at once, and any of them may die at any point.
    """
    seen = 0
    while seen < limit:
        at = clock()
        token, ids = lease.claim(due(at), now=at, seconds=seconds, limit=min(batch, limit - seen))
        if not ids:
            return
        seen += len(ids)
        yield token, ids


@contextmanager
def alone(event: str, *, but: type[Exception] | tuple[()] = (), **about: object) -> Iterator[None]:
    """A row that cannot be worked off stops no other: its lease runs out like a dead worker's.
    Only `but` goes on: an error that the others would meet too."""
    try:
        yield
    except but:
        raise
    except Exception as error:
        log.error(event, error=kind_of(error), **about)


class CallFailed(Protocol):
    """An error that knows whether the call may be made again, and whether it took effect. One that
    names `retry_after` seconds was not even asked."""

    retryable: bool
    outcome_unknown: bool


@dataclass(frozen=True)
class Patience:
    """How long the pauses between tries grow, and how many tries there are; None = as many as its
    time allows."""

    first: timedelta
    most: timedelta
    tries: int | None = None

    def pause(self, failed: int) -> timedelta:
        """After so many failures before this one; not all rows in the same moment."""
        longest = min(self.first * 2 ** min(failed, 16), self.most)
        return longest * random.uniform(0.7, 1)


class Fate(NamedTuple):
    """What becomes of a row whose call did not succeed."""

    lost: bool  # nobody knows whether it took effect
    over: bool  # no further try
    attempts: int
    not_before: datetime

    @property
    def again(self) -> dict[str, Any]:
        """The fields of the next try."""
        return {"attempts": self.attempts, "not_before": self.not_before}


def fate_of(
    error: CallFailed, *, failed: int, patience: Patience, at: datetime, harmless: bool = False
) -> Fate:
    """`failed` tries came before this one. A `harmless` call may be made twice, so that an open
    outcome is just tried again."""
    wait = getattr(error, "retry_after", None)
    if wait is not None:  # however often it is put off, it has not failed
        spread = wait * random.uniform(1, 1.3)
        return Fate(False, False, failed, at + timedelta(seconds=spread))
    lost = error.outcome_unknown and not harmless
    again = error.retryable or error.outcome_unknown
    last = patience.tries is not None and failed + 1 >= patience.tries
    over = not lost and (not again or last)
    return Fate(lost, over, failed + 1, at + patience.pause(failed))
