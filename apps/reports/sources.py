"""好友来源: by which way friends came, and what became of them since."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.contact_codes.models import STATE_MARK
from apps.contact_codes.selectors import names_of_states
from apps.core import clock
from apps.members.models import AddWay
from apps.stores.models import Region, Store

MOST_DAYS = 90

# A friendship is counted where its guide works today. Whom the company assigned nobody won.
_COUNTED = """
SELECT f.add_way,
       CASE WHEN starts_with(f.state, %(mark)s) THEN f.state ELSE '' END AS code,
       count(*) AS adds,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT 1 FROM members_followrelation AS before
           WHERE before.corp_id = f.corp_id AND before.external_userid = f.external_userid
               AND before.since < f.since)) AS new,
       count(*) FILTER (WHERE f.until IS NULL OR f.ended_by = 'transfer') AS kept,
       count(*) FILTER (WHERE person.joined_at IS NOT NULL) AS joined,
       count(*) FILTER (WHERE profile.last_order_on >= (f.since AT TIME ZONE %(zone)s)::date)
           AS bought
FROM members_followrelation AS f
JOIN members_member AS m ON m.id = f.member_id
JOIN members_member AS person ON person.id = m.survivor_id
LEFT JOIN profiles_memberprofile AS profile ON profile.member_id = person.id
WHERE f.since >= %(since)s AND f.since < %(until)s AND f.add_way <> %(assigned)s
    AND (%(stores)s::bigint[] IS NULL OR EXISTS (
        SELECT 1 FROM stores_posting AS p
        WHERE p.guide_id = f.guide_id AND p.store_id = ANY(%(stores)s) AND p.during @> %(today)s))
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Source:
    """One way by which friends came in the days. `new` of them were nobody's friend before, `kept`
    are friends still or went to a colleague by handover, `joined` are members now, `bought` have an
    order since the day they were added."""

    name: str
    is_code: bool
    adds: int = 0
    new: int = 0
    kept: int = 0
    joined: int = 0
    bought: int = 0


@dataclass(frozen=True, slots=True)
class Sources:
    first: date
    total: Source
    rows: list[Source]


def sources(*, actor: Actor, now: datetime, days: int, region: Region | None = None) -> Sources:
    """Friends who came in the last days, today included, by code and by WeCom's own word for the
    way; the most first. Three queries at most."""
    days = min(max(days, 1), MOST_DAYS)
    today = clock.business_day(now)
    first = today - timedelta(days=days - 1)
    given: dict[str, Any] = {
        "mark": STATE_MARK, "zone": str(clock.chain_tz()), "since": clock.day_start(first),
        "until": now, "assigned": AddWay.ASSIGNED, "today": today,
        "stores": places_of(actor, region),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, given)
        counted = cursor.fetchall()
    names = names_of_states({code for _way, code, *_n in counted if code})
    found: dict[tuple[str, bool], list[int]] = {}
    for way, code, *numbers in counted:
        key = (names.get(code) or AddWay.words(way), code in names)
        known = found.get(key, [0] * len(numbers))
        found[key] = [a + b for a, b in zip(known, numbers, strict=True)]
    rows = [Source(*key, *numbers) for key, numbers in found.items()]
    total = [sum(column) for column in zip(*found.values(), strict=True)]
    return Sources(
        first=first,
        total=Source(_("Total"), False, *total),
        rows=sorted(rows, key=lambda one: (-one.adds, one.name)),
    )


def places_of(actor: Actor, region: Region | None) -> list[int] | None:
    """The stores that count; None for the whole chain."""
    if actor.sees_all and region is None:
        return None
    stores = Store.objects.visible_to(actor)
    if region is not None:
        stores = stores.filter(region=region)
    return list(stores.values_list("pk", flat=True))
