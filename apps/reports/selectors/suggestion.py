"""The push that suggests itself: the most valuable customers who stayed away."""

from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import connection

from apps.accounts.actor import Actor
from apps.core import clock
from apps.outreach import policy
from apps.profiles.models import Stage
from apps.reports.shapes import NextPush
from apps.segments.compile import compile_definition, rests_on_profile
from apps.stores.models import Region

_NEXT_PUSH_SECONDS = 300
_SPENT_FEN = 50_000


def _next_definition(region_id: int) -> dict[str, Any]:
    return {
        "op": "and",
        "items": [
            {"field": "region", "operator": "in", "value": [region_id]},
            {"field": "stage", "operator": "in", "value": [str(Stage.SILENT)]},
            {"field": "net_fen", "operator": "gte", "value": _SPENT_FEN},
        ],
    }


def next_push(*, actor: Actor, now: datetime) -> NextPush | None:
    """The region with most silent customers of worth who can be reached now; kept for five
    minutes.
    """
    if not actor.sees_all and not actor.region_ids:
        return None
    scope = "all" if actor.sees_all else "-".join(map(str, sorted(actor.region_ids)))
    key = f"reports:next_push:{scope}:{clock.business_day(now)}"
    found = cache.get(key)
    if found is None:
        found = _best_region(actor, now) or False
        cache.set(key, found, _NEXT_PUSH_SECONDS)
    return found or None


def _best_region(actor: Actor, now: datetime) -> NextPush | None:
    regions = Region.objects.all()
    if not actor.sees_all:
        regions = regions.filter(pk__in=actor.region_ids)
    counted = [(region, _reach(_next_definition(region.pk), now)) for region in regions]
    best = max(counted, key=lambda row: row[1].get("", 0), default=None)
    if best is None or not best[1].get("", 0):
        return None
    region, places = best
    return NextPush(
        region_id=region.pk,
        region_name=region.name,
        planned=sum(places.values()),
        reachable=places.get("", 0),
        refused={
            refusal.value: places[refusal.value]
            for refusal in policy.Refusal
            if refusal.value in places
        },
        definition=_next_definition(region.pk),
    )


def _reach(definition: dict[str, Any], now: datetime) -> dict[str, int]:
    """How many of a segment fall under each refusal ("" = can be reached)."""
    compiled = compile_definition(definition, now=now)
    sql, params = policy.reach_select(
        members_sql=compiled.sql,
        members_params=compiled.params,
        now=now,
        marketing=True,
        recent_days=policy.RECENT_DAYS,
        by_profile=rests_on_profile(definition),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT refusal, count(*) FROM ({sql}) AS r GROUP BY refusal", params)
        return dict(cursor.fetchall())
