"""未入会原因: what people answered guides who asked them to join, and who joined after all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.accounts.actor import Actor
from apps.core import clock
from apps.members.models import JoinReason
from apps.reports.sources import MOST_DAYS, places_of
from apps.stores.models import Region

# the last answer of each person in the days; of a region, at the stores where it was given
_COUNTED = """
SELECT last.reason, count(*), count(*) FILTER (WHERE last.joined)
FROM (
    SELECT DISTINCT ON (person.id) refusal.reason, person.joined_at IS NOT NULL AS joined
    FROM members_joinrefusal AS refusal
    JOIN members_member AS m ON m.id = refusal.member_id
    JOIN members_member AS person ON person.id = m.survivor_id
    WHERE refusal.at >= %(since)s AND refusal.at < %(until)s
        AND (%(stores)s::bigint[] IS NULL OR refusal.store_id = ANY(%(stores)s))
    ORDER BY person.id, refusal.at DESC, refusal.id DESC
) AS last
GROUP BY last.reason
"""


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """How many people gave this answer last, and how many of them are members now."""

    name: str
    people: int
    joined: int


def not_joined(
    *, actor: Actor, now: datetime, days: int, region: Region | None = None
) -> list[ReasonRow]:
    """The answers of the last days, today included, the most frequent first. Two queries at most:
    whoever answered twice counts once, with the later answer."""
    today = clock.business_day(now)
    first = today - timedelta(days=min(max(days, 1), MOST_DAYS) - 1)
    given: dict[str, Any] = {
        "since": clock.day_start(first), "until": now, "stores": places_of(actor, region),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, given)
        counted = cursor.fetchall()
    labels = {value: str(label) for value, label in JoinReason.choices}
    rows = [ReasonRow(labels.get(reason, reason), *numbers) for reason, *numbers in counted]
    return sorted(rows, key=lambda one: (-one.people, one.name))
