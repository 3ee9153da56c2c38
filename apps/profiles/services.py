"""Profiles are recomputed from the orders, set-wise: the same rows step by step or at once."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError
from apps.members import selectors as members
from apps.orders.selectors import NET_SALES
from apps.profiles import chances
from apps.profiles.models import MemberProfile, ReturnShare, StageVersion
from apps.profiles.selectors import CHANCES_KEY, current_version
from apps.profiles.stages import SINCE_SQL, STAGE_SQL, parameters
from apps.timeline import services as timeline
from apps.timeline.models import Kind

NIGHTLY_CHUNK = 50_000
# a member whose order leaves the year is refreshed; the span covers nights that were missed
_YEAR_EDGE_DAYS = 31

Change = tuple[int, str, str]


class StageLimitsOutOfOrder(DomainError):
    code = "stage_limits"
    message = _("A member is silent before being lost, and new for at least a day.")


# rows are made first and locked in one order: orders of one member that arrive at once each see the
# other's when they come to count
_PREPARE = """
INSERT INTO profiles_memberprofile
    (member_id, stage, order_count, order_days, net_fen, net_365_fen, orders_365)
SELECT member_id, 'prospect', 0, 0, 0, 0, 0
FROM unnest(%(ids)s::bigint[]) AS member_id ORDER BY member_id
ON CONFLICT (member_id) DO NOTHING
"""
_LOCK = """
SELECT member_id FROM profiles_memberprofile
WHERE member_id = ANY(%(ids)s) ORDER BY member_id FOR UPDATE
"""
_PERSON = """
person AS MATERIALIZED (
    SELECT id, survivor_id FROM members_member WHERE survivor_id = ANY(%(ids)s)
)
"""
_REFRESH = f"""
WITH {_PERSON}, net AS (
    SELECT person.survivor_id, sale.business_on, sale.net_fen
    FROM person
    JOIN ({NET_SALES} AND sale.member_id IN (SELECT id FROM person)) AS sale
        ON sale.member_id = person.id
), facts AS (
    SELECT given.member_id,
        min(net.business_on) FILTER (WHERE net.net_fen > 0) AS first_order_on,
        max(net.business_on) FILTER (WHERE net.net_fen > 0) AS last_order_on,
        (count(*) FILTER (WHERE net.net_fen > 0))::int AS order_count,
        (count(DISTINCT net.business_on) FILTER (WHERE net.net_fen > 0))::int AS order_days,
        coalesce(sum(net.net_fen), 0)::bigint AS net_fen,
        coalesce(sum(net.net_fen) FILTER (WHERE net.business_on > %(on)s::date - 365), 0)::bigint
            AS net_365_fen,
        (count(*) FILTER (WHERE net.net_fen > 0 AND net.business_on > %(on)s::date - 365))::int
            AS orders_365
    FROM unnest(%(ids)s::bigint[]) AS given (member_id)
    LEFT JOIN net ON net.survivor_id = given.member_id
    GROUP BY given.member_id
), wanted AS (
    SELECT facts.*, {STAGE_SQL} AS stage, {SINCE_SQL} AS stage_since FROM facts
), before AS (
    SELECT member_id, stage FROM profiles_memberprofile WHERE member_id = ANY(%(ids)s)
), written AS (
    UPDATE profiles_memberprofile AS row SET
        first_order_on = wanted.first_order_on, last_order_on = wanted.last_order_on,
        order_count = wanted.order_count, order_days = wanted.order_days,
        net_fen = wanted.net_fen, net_365_fen = wanted.net_365_fen,
        orders_365 = wanted.orders_365, stage = wanted.stage, stage_since = wanted.stage_since,
        stage_version_id = %(version_id)s
    FROM wanted
    WHERE row.member_id = wanted.member_id AND (
        row.first_order_on, row.last_order_on, row.order_count, row.order_days, row.net_fen,
        row.net_365_fen, row.orders_365, row.stage, row.stage_since, row.stage_version_id
    ) IS DISTINCT FROM (
        wanted.first_order_on, wanted.last_order_on, wanted.order_count, wanted.order_days,
        wanted.net_fen, wanted.net_365_fen, wanted.orders_365, wanted.stage, wanted.stage_since,
        %(version_id)s::bigint
    )
    RETURNING row.member_id, row.stage
)
SELECT written.member_id, before.stage, written.stage
FROM written JOIN before USING (member_id)
WHERE before.stage <> written.stage
"""
# taste: only what was kept, the latest word on sizes; a rhythm needs two gaps
_TASTE = f"""
WITH {_PERSON}, kept AS MATERIALIZED (
    SELECT person.survivor_id, sale.id AS order_id, sale.paid_at, sale.business_on, sale.store_id,
        line.line_no, line.product_id, line.net_fen, product.category, product.size,
        line.quantity + coalesce((
            SELECT sum(returned.quantity)
            FROM orders_order AS back
            JOIN orders_orderline AS returned
                ON returned.order_id = back.id AND returned.paid_at = back.paid_at
            WHERE back.original_id = sale.id AND returned.original_line_no = line.line_no
        ), 0) AS quantity
    FROM person
    JOIN orders_order AS sale ON sale.member_id = person.id AND sale.kind = 'sale'
        AND NOT sale.is_staff AND NOT sale.is_group_buy AND NOT sale.is_stored_value
    JOIN orders_orderline AS line ON line.order_id = sale.id AND line.paid_at = sale.paid_at
        AND NOT line.is_gift
    JOIN orders_product AS product ON product.id = line.product_id
), bought AS (
    SELECT * FROM kept WHERE quantity > 0
), gaps AS (
    SELECT survivor_id, business_on - lag(business_on)
        OVER (PARTITION BY survivor_id ORDER BY business_on) AS gap
    FROM (SELECT DISTINCT survivor_id, business_on FROM bought) AS days
), rhythm AS (
    SELECT survivor_id, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY gap))::int AS gap
    FROM gaps WHERE gap IS NOT NULL GROUP BY survivor_id HAVING count(*) >= 2
), category AS (
    SELECT DISTINCT ON (survivor_id) survivor_id, category
    FROM bought GROUP BY survivor_id, category
    ORDER BY survivor_id, sum(quantity) DESC, category
), shoe AS (
    SELECT DISTINCT ON (survivor_id) survivor_id, size FROM bought
    WHERE category LIKE '%%鞋%%' AND size <> ''
    ORDER BY survivor_id, paid_at DESC, order_id DESC, line_no
), clothing AS (
    SELECT DISTINCT ON (survivor_id) survivor_id, size FROM bought
    WHERE category NOT LIKE '%%鞋%%' AND size NOT IN ('', '均码')
    ORDER BY survivor_id, paid_at DESC, order_id DESC, line_no
), latest AS (
    SELECT DISTINCT ON (survivor_id) survivor_id, product_id, store_id FROM bought
    ORDER BY survivor_id, paid_at DESC, order_id DESC, net_fen DESC, line_no
)
INSERT INTO profiles_memberfacts AS row (
    member_id, usual_gap_days, favourite_category, shoe_size, clothing_size, last_product_id,
    last_store_id
)
SELECT given.member_id, rhythm.gap, coalesce(category.category, ''), coalesce(shoe.size, ''),
    coalesce(clothing.size, ''), latest.product_id, latest.store_id
FROM unnest(%(ids)s::bigint[]) AS given (member_id)
LEFT JOIN rhythm ON rhythm.survivor_id = given.member_id
LEFT JOIN category ON category.survivor_id = given.member_id
LEFT JOIN shoe ON shoe.survivor_id = given.member_id
LEFT JOIN clothing ON clothing.survivor_id = given.member_id
LEFT JOIN latest ON latest.survivor_id = given.member_id
ORDER BY given.member_id
ON CONFLICT (member_id) DO UPDATE SET
    usual_gap_days = excluded.usual_gap_days, favourite_category = excluded.favourite_category,
    shoe_size = excluded.shoe_size, clothing_size = excluded.clothing_size,
    last_product_id = excluded.last_product_id, last_store_id = excluded.last_store_id
WHERE (row.usual_gap_days, row.favourite_category, row.shoe_size, row.clothing_size,
        row.last_product_id, row.last_store_id)
    IS DISTINCT FROM (excluded.usual_gap_days, excluded.favourite_category, excluded.shoe_size,
        excluded.clothing_size, excluded.last_product_id, excluded.last_store_id)
"""
# rows that differ are locked as they are read: an order that arrives in the night is counted before
# or after, and its stage is not written over from what stood there before it
_NIGHTLY = f"""
WITH wanted AS MATERIALIZED (
    SELECT member_id, stage AS old_stage, {STAGE_SQL} AS stage, {SINCE_SQL} AS stage_since
    FROM profiles_memberprofile
    WHERE member_id >= %(first)s AND member_id < %(last)s
        AND (stage, stage_since, stage_version_id)
            IS DISTINCT FROM ({STAGE_SQL}, {SINCE_SQL}, %(version_id)s::bigint)
    ORDER BY member_id FOR UPDATE
), written AS (
    UPDATE profiles_memberprofile AS row SET
        stage = wanted.stage, stage_since = wanted.stage_since, stage_version_id = %(version_id)s
    FROM wanted
    WHERE row.member_id = wanted.member_id
    RETURNING row.member_id, wanted.old_stage, row.stage
)
SELECT * FROM written WHERE old_stage <> stage
"""
_MISSING = """
SELECT member.id FROM members_member AS member
WHERE member.id >= %(first)s AND member.id < %(last)s AND member.survivor_id = member.id
    AND NOT EXISTS (
        SELECT 1 FROM profiles_memberprofile AS profile WHERE profile.member_id = member.id
    )
"""
_YEAR_EDGE = """
SELECT DISTINCT person.survivor_id
FROM orders_order AS sale JOIN members_member AS person ON person.id = sale.member_id
WHERE sale.kind = 'sale' AND person.survivor_id >= %(first)s AND person.survivor_id < %(last)s
    AND sale.business_on <= %(on)s::date - 365 AND sale.business_on > %(on)s::date - 365 - %(span)s
"""


def _tell(changes: list[Change], *, now: datetime) -> int:
    timeline.record_events(
        timeline.NewEvent(
            member_id=member_id,
            kind=Kind.STAGE_CHANGED,
            source="profiles",
            key=f"stage:{member_id}:{after}:{now.isoformat()}",
            occurred_at=now,
            payload={"from": before, "to": after},
        )
        for member_id, before, after in changes
    )
    return len(changes)


@transaction.atomic
def refresh_profiles(*, member_ids: Iterable[int], now: datetime) -> int:
    """Recompute the profiles of these members' survivors from their orders, set-wise.

    Stages follow at once; returns how many changed. Safe to repeat.
    """
    survivors = sorted(set(members.survivors_of(member_ids).values()))
    if not survivors:
        return 0
    version = current_version(now)
    values = {**parameters(on=clock.business_day(now), version=version), "ids": survivors}
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE, values)
        cursor.execute(_LOCK, values)
        cursor.execute(_REFRESH, values)
        changes = cursor.fetchall()
        cursor.execute(_TASTE, values)
    return _tell(changes, now=now)


def _ranges() -> Iterator[dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM members_member")
        top = cursor.fetchone()[0]
    for first in range(0, top + 1, NIGHTLY_CHUNK):
        yield {"first": first, "last": first + NIGHTLY_CHUNK}


@transaction.atomic
def _nightly_part(values: dict[str, Any], *, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, values)
        stale = [row[0] for row in cursor.fetchall()]
        cursor.execute(_YEAR_EDGE, {**values, "span": _YEAR_EDGE_DAYS})
        stale += [row[0] for row in cursor.fetchall()]
    changed = refresh_profiles(member_ids=stale, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_NIGHTLY, values)
        return changed + _tell(cursor.fetchall(), now=now)


def nightly_stages(*, now: datetime) -> int:
    """Let time pass: stages of everybody, the moving year, profiles still missing.

    Commits part by part (the feed must not stand still); returns how many stages changed.
    """
    version = current_version(now)
    values = parameters(on=clock.business_day(now), version=version)
    return sum(_nightly_part({**values, **part}, now=now) for part in _ranges())


@transaction.atomic
def publish_stage_version(
    *, new_days: int, silent_after_days: int, lost_after_days: int, now: datetime, actor: Actor
) -> StageVersion:
    """Put new stage limits in force; the next nightly run applies them to everybody."""
    if new_days < 1 or not 1 <= silent_after_days < lost_after_days:
        raise StageLimitsOutOfOrder
    version = StageVersion.objects.create(
        new_days=new_days,
        silent_after_days=silent_after_days,
        lost_after_days=lost_after_days,
        published_at=now,
    )
    accounts.audit(
        actor=actor,
        action="stage_version.published",
        object_type="stage_version",
        object_id=str(version.pk),
        detail={
            "new_days": new_days,
            "silent_after_days": silent_after_days,
            "lost_after_days": lost_after_days,
        },
    )
    return version


@transaction.atomic
def count_returns(*, now: datetime) -> int:
    """Count anew what share of whom comes back; returns how many members it was counted from."""
    on = clock.business_day(now) - timedelta(days=1)
    every = MemberProfile.objects.count() // chances.SAMPLE + 1
    with connection.cursor() as cursor:
        cursor.execute(
            chances.COUNT_RETURNS,
            {
                "on": on,
                "then": on - timedelta(days=chances.HORIZON_DAYS),
                "every": every,
                "away": list(chances.AWAY_BANDS),
                "orders": list(chances.ORDER_BANDS),
            },
        )
        counted = cursor.fetchall()
    ReturnShare.objects.all().delete()
    ReturnShare.objects.bulk_create(
        ReturnShare(
            away_from=away, orders_from=orders, members=members, returned=returned, counted_on=on
        )
        for away, orders, members, returned in counted
    )
    transaction.on_commit(lambda: cache.delete(CHANCES_KEY))
    return sum(members for _away, _orders, members, _returned in counted)
