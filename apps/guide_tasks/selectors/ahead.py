"""What a message to groups or a post would come to, counted before it is handed out."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.core import clock
from apps.customer_groups.selectors import full_groups
from apps.guide_tasks.posted import ON_DUTY, POSTED
from apps.outreach import policy


@dataclass(frozen=True, slots=True)
class GroupSendAhead:
    """`full`: groups that have had all WeCom lets through (`cap` in the period), left out at the
    hand-out; `ownerless`: groups of these places whose owner is nobody who works there that day.
    Every group of the places is in one of the three."""

    owners: int
    groups: int
    full: int
    ownerless: int
    cap: int
    period: str


_OWNED = f"""
SELECT count(DISTINCT own.owner_id) FILTER (WHERE own.id <> ALL(%(full)s::bigint[])),
    count(DISTINCT own.id) FILTER (WHERE own.id <> ALL(%(full)s::bigint[])),
    count(DISTINCT own.id) FILTER (WHERE own.id = ANY(%(full)s::bigint[]))
FROM ({POSTED}) AS posted
JOIN customer_groups_customergroup AS own ON own.owner_id = posted.guide_id
    AND own.dismissed_at IS NULL AND own.standing IN (0, 3)
"""
_OWNERLESS = f"""
SELECT count(*) FROM customer_groups_customergroup AS lone
LEFT JOIN stores_store AS place ON place.id = lone.store_id
WHERE lone.dismissed_at IS NULL
    AND ((cardinality(%(regions)s::bigint[]) = 0 AND cardinality(%(stores)s::bigint[]) = 0)
        OR place.region_id = ANY(%(regions)s::bigint[]) OR place.id = ANY(%(stores)s::bigint[]))
    AND (lone.standing NOT IN (0, 3) OR NOT EXISTS (
        SELECT FROM ({POSTED}) AS posted WHERE posted.guide_id = lone.owner_id))
"""
_GUIDES = f"SELECT count(DISTINCT guide_id) FROM ({ON_DUTY}) AS duty WHERE role = 'guide'"


def group_send_ahead(
    *, region_ids: Collection[int], store_ids: Collection[int], at: datetime
) -> GroupSendAhead:
    """Handed out at that moment into these places; none chosen = the chain. Three queries."""
    values = {**_places(region_ids, store_ids, at), "full": full_groups(now=at)}
    with connection.cursor() as cursor:
        cursor.execute(_OWNED, values)
        owners, groups, full = cursor.fetchone()
        cursor.execute(_OWNERLESS, values)
        (ownerless,) = cursor.fetchone()
    return GroupSendAhead(
        owners=owners,
        groups=groups,
        full=full,
        ownerless=ownerless,
        cap=policy.monthly_cap(at),
        period=policy.cap_rule(),
    )


def guides_ahead(*, region_ids: Collection[int], store_ids: Collection[int], at: datetime) -> int:
    """Guides on duty that day, each of whom gets the post. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_GUIDES, _places(region_ids, store_ids, at))
        return int(cursor.fetchone()[0])


def _places(
    region_ids: Collection[int], store_ids: Collection[int], at: datetime
) -> dict[str, Any]:
    return {"day": clock.business_day(at), "regions": list(region_ids), "stores": list(store_ids)}
