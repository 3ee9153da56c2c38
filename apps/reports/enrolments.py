"""入会来源: by which way members joined, and what they bought since."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.accounts.actor import Actor
from apps.core import clock
from apps.orders.selectors import NET_SALES
from apps.reports.sources import MOST_DAYS, places_of
from apps.stores.models import Region

# The words a till, a shop or a page sends; whatever else comes stands under its own name.
_WORDS = {
    "pos": pgettext_lazy("joined by", "till"),
    "mini_program": pgettext_lazy("joined by", "mini program"),
    "service_account": pgettext_lazy("joined by", "service account"),
    "mall": pgettext_lazy("joined by", "online mall"),
    "join_page": pgettext_lazy("joined by", "a guide's join code"),
    "wecom": pgettext_lazy("joined by", "WeCom friend"),
    "import": pgettext_lazy("joined by", "imported file"),
    "api": gettext_lazy("source not told"),
    "": gettext_lazy("source not told"),
}
_OTHER_SPELLINGS = {"miniprogram": "mini_program", "officialaccount": "service_account"}

# Order view: what is left of a sale after its returns, of sales since joining.
_COUNTED = f"""
WITH joined AS (
    SELECT m.id, m.joined_at, m.enrolling_guide_id, m.joined_by
    FROM members_member AS m
    WHERE m.survivor_id = m.id AND m.erased_at IS NULL
        AND m.joined_at >= %(since)s AND m.joined_at < %(until)s
        AND (%(stores)s::bigint[] IS NULL OR m.home_store_id = ANY(%(stores)s))
), bought AS (
    SELECT joined.id, count(*) AS orders, sum(sale.net_fen) AS net_fen
    FROM joined JOIN members_member AS person ON person.survivor_id = joined.id
    JOIN ({NET_SALES} AND sale.paid_at >= %(since)s) AS sale ON sale.member_id = person.id
    WHERE sale.paid_at >= joined.joined_at AND sale.net_fen > 0
    GROUP BY joined.id
)
SELECT joined.joined_by, count(*), count(joined.enrolling_guide_id),
    count(*) FILTER (WHERE EXISTS (
        SELECT FROM members_member AS person
        JOIN members_followrelation AS f ON f.member_id = person.id AND f.until IS NULL
        WHERE person.survivor_id = joined.id)),
    count(bought.id), coalesce(sum(bought.orders), 0)::bigint,
    coalesce(sum(bought.net_fen), 0)::bigint
FROM joined LEFT JOIN bought ON bought.id = joined.id
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Members who joined in the days by one way: with an enrolling guide, friends of a guide now,
    with an order since joining, these orders and their net."""

    name: str
    joined: int = 0
    with_guide: int = 0
    friends: int = 0
    bought: int = 0
    orders: int = 0
    net_fen: int = 0


@dataclass(frozen=True, slots=True)
class Enrolments:
    total: Enrolment
    rows: list[Enrolment]


def enrolments(
    *, actor: Actor, now: datetime, days: int, region: Region | None = None
) -> Enrolments:
    """Who joined in the last days, today included, by source, the most first. Two queries at most;
    of a region: members whose home store lies there."""
    days = min(max(days, 1), MOST_DAYS)
    since = clock.day_start(clock.business_day(now) - timedelta(days=days - 1))
    given: dict[str, Any] = {"since": since, "until": now, "stores": places_of(actor, region)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, given)
        counted = cursor.fetchall()
    found: dict[str, list[int]] = {}
    for source, *numbers in counted:
        known = found.get(name := words_of(source), [0] * len(numbers))
        found[name] = [a + b for a, b in zip(known, numbers, strict=True)]
    total = [sum(column) for column in zip(*found.values(), strict=True)]
    rows = [Enrolment(name, *numbers) for name, numbers in found.items()]
    return Enrolments(
        total=Enrolment(_("Total"), *total),
        rows=sorted(rows, key=lambda one: (-one.joined, one.name)),
    )


def words_of(source: str) -> str:
    """What a page says of the source a till or shop sent."""
    plain = source.strip().lower().replace("-", "_").replace(" ", "_")
    plain = _OTHER_SPELLINGS.get(plain.replace("_", ""), plain)
    return str(_WORDS[plain]) if plain in _WORDS else source
