"""How likely somebody comes back: the share of those who stood there before and did.

Not a model of the person: a table of the house's own past. Everybody stands in a cell by two facts,
days since the last purchase and number of purchase days. A cell's share is counted from orders:
who stood in it `HORIZON_DAYS` ago, and how many of them have bought since. A thin cell leans on
the share of all cells (as if `LEAN` more members had behaved like everybody).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from apps.orders.selectors import NET_SALES

HORIZON_DAYS = 90
AWAY_BANDS = (0, 31, 61, 91, 181, 366, 541)
ORDER_BANDS = (1, 2, 3, 5)
LEAN = 50
# so many members tell the shares well enough; more would only take longer
SAMPLE = 200_000

Cell = tuple[int, int]


@dataclass(frozen=True)
class Chances:
    """The counted table: cell → (members, of whom came back)."""

    cells: Mapping[Cell, tuple[int, int]]

    @cached_property
    def overall(self) -> float | None:
        members = sum(count for count, _returned in self.cells.values())
        returned = sum(back for _count, back in self.cells.values())
        return returned / members if members else None

    def of(self, *, last_order_on: date | None, order_days: int, on: date) -> float | None:
        """The share of this member's cell; None before anything was bought or counted."""
        overall = self.overall
        if last_order_on is None or overall is None:
            return None
        cell = cell_of((on - last_order_on).days, order_days)
        members, returned = self.cells.get(cell, (0, 0))
        return (returned + LEAN * overall) / (members + LEAN)


def _band(bands: tuple[int, ...], value: int) -> int:
    return bands[max(bisect_right(bands, value) - 1, 0)]


def cell_of(away_days: int, order_days: int) -> Cell:
    """The lower ends of the two bands somebody stands in."""
    return _band(AWAY_BANDS, away_days), _band(ORDER_BANDS, order_days)


def table_of(rows: Iterable[tuple[int, int, int, int]]) -> Chances:
    """From (away band, order band, members, returned)."""
    return Chances({(away, orders): (count, back) for away, orders, count, back in rows})


# members by where they stood at the end of `then`, and whether they bought until the end of `on`;
# of a large house every n-th member alone
COUNT_RETURNS = f"""
WITH days AS (
    SELECT DISTINCT person.survivor_id, sale.business_on
    FROM members_member AS person
    JOIN ({NET_SALES}) AS sale ON sale.member_id = person.id
    WHERE person.survivor_id %% %(every)s = 0 AND sale.net_fen > 0
        AND sale.business_on <= %(on)s
), stood AS (
    SELECT survivor_id,
        %(then)s::date - max(business_on) FILTER (WHERE business_on <= %(then)s) AS away,
        count(*) FILTER (WHERE business_on <= %(then)s) AS orders,
        bool_or(business_on > %(then)s) AS came
    FROM days GROUP BY survivor_id
)
SELECT (%(away)s::int[])[width_bucket(away, %(away)s::int[])],
    (%(orders)s::int[])[width_bucket(orders::int, %(orders)s::int[])],
    count(*), count(*) FILTER (WHERE came)
FROM stood WHERE orders > 0
GROUP BY 1, 2
"""
