"""Reads of the story for pages and health."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from apps.core import clock
from apps.members.selectors import VISIT_SOURCE
from apps.timeline.models import ConsumerCursor, Kind, MemberEvent

# Each step opens more monthly partitions; most pages find their rows in the first.
_FLOORS = (timedelta(days=92), timedelta(days=400), timedelta(days=3700))


def told_already() -> Q:
    """Proofs of what stands in the story by itself: a visit that a guide noted is there as that
    visit, however many tasks it counts for. For pages; the feed and the copy have them all."""
    return Q(kind=Kind.VISITED, payload__source__startswith=VISIT_SOURCE)


def timeline_page(
    *,
    member_ids: Iterable[int],
    before: datetime | None = None,
    until: datetime | None = None,
    limit: int = 20,
    proofs: bool = True,
) -> list[MemberEvent]:
    """Newest events of one person (all ids of a survivor), older than `before`, at most `limit`.

    The time floor widens until enough are found. `until` shows the story as of that moment,
    `proofs` also what is `told_already`.
    """
    ids = list(member_ids)
    newest = before or until or clock.now()
    found: list[MemberEvent] = []
    for floor in _FLOORS:
        events = MemberEvent.objects.of(member_ids=ids, since=newest - floor)
        if not proofs:
            events = events.exclude(told_already())
        if before is not None:
            events = events.filter(occurred_at__lt=before)
        if until is not None:
            events = events.filter(occurred_at__lte=until)
        found = list(events[:limit])
        if len(found) == limit:
            break
    return found


def feed_lag(*, consumer: str) -> int:
    """How many recorded events a consumer has not taken yet."""
    row = ConsumerCursor.objects.filter(name=consumer).first()
    position = (row.epoch, row.tx, row.event_id) if row else (0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM timeline_memberevent WHERE (epoch, tx, id) > (%s, %s, %s)",
            position,
        )
        return cursor.fetchone()[0]
