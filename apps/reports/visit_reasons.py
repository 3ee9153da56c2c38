"""到店原因: why customers bought or left without, as guides noted it, and at how many visits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.accounts.actor import Actor
from apps.core import clock
from apps.members.models import VisitReason
from apps.reports.sources import MOST_DAYS, places_of
from apps.stores.models import Region

# of a region: where the guide worked on the day of the visit
_COUNTED = """
SELECT visit.reason, count(*)
FROM members_interaction AS visit
WHERE visit.kind = 'visit' AND visit.occurred_at >= %(since)s AND visit.occurred_at < %(until)s
    AND (%(stores)s::bigint[] IS NULL OR EXISTS (
        SELECT 1 FROM stores_posting AS p
        WHERE p.guide_id = visit.guide_id AND p.store_id = ANY(%(stores)s)
            AND p.during @> (visit.occurred_at AT TIME ZONE %(zone)s)::date))
GROUP BY visit.reason
"""


@dataclass(frozen=True, slots=True)
class VisitRow:
    name: str
    visits: int


@dataclass(frozen=True, slots=True)
class Visits:
    """All visits noted in the days, `told` of them with a reason; the reasons, the most first."""

    visits: int
    told: int
    rows: list[VisitRow]


def visit_reasons(
    *, actor: Actor, now: datetime, days: int, region: Region | None = None
) -> Visits:
    """The visits of the last days, today included. Two queries at most."""
    today = clock.business_day(now)
    first = today - timedelta(days=min(max(days, 1), MOST_DAYS) - 1)
    given: dict[str, Any] = {
        "since": clock.day_start(first), "until": now, "zone": str(clock.chain_tz()),
        "stores": places_of(actor, region),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, given)
        counted: dict[str, int] = dict(cursor.fetchall())
    labels: dict[Any, str] = {value: str(label) for value, label in VisitReason.choices}
    rows = [VisitRow(labels.get(code, code), number) for code, number in counted.items() if code]
    return Visits(
        visits=sum(counted.values()),
        told=sum(row.visits for row in rows),
        rows=sorted(rows, key=lambda row: (-row.visits, row.name)),
    )
