"""Stock as tills and stock systems tell it: one set for a batch, safe in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"

# In one order, so that two batches wait for each other. A row that loses to what is known is not
# returned.
_KEEP = """
INSERT INTO stock_stocklevel (store_id, product_id, quantity, as_of)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::timestamptz[])
    AS told (store_id, product_id, quantity, as_of)
ORDER BY store_id, product_id
ON CONFLICT (store_id, product_id) DO UPDATE
    SET quantity = excluded.quantity, as_of = excluded.as_of,
        back_at = CASE WHEN stock_stocklevel.quantity <= 0 AND excluded.quantity > 0
            THEN excluded.as_of ELSE stock_stocklevel.back_at END
    WHERE stock_stocklevel.as_of < excluded.as_of
RETURNING store_id, product_id, xmax = 0
"""


@dataclass(frozen=True, slots=True)
class Level:
    """One store's pieces of one product at a moment."""

    store_id: int
    product_id: int
    quantity: int
    as_of: datetime


@transaction.atomic
def keep_levels(*, levels: Sequence[Level]) -> list[str]:
    """Keep each level that is newer than the known one; says of each what became of it. Of two of
    the same store and product the newer one counts. Safe to repeat."""
    newest: dict[tuple[int, int], Level] = {}
    for level in levels:
        place = level.store_id, level.product_id
        if place not in newest or newest[place].as_of < level.as_of:
            newest[place] = level
    kept = _write(list(newest.values()))
    return [_word(level, newest, kept) for level in levels]


def _write(levels: Sequence[Level]) -> dict[tuple[int, int], str]:
    columns: list[Any] = [
        [level.store_id for level in levels],
        [level.product_id for level in levels],
        [level.quantity for level in levels],
        [level.as_of for level in levels],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, columns)
        return {(row[0], row[1]): CREATED if row[2] else UPDATED for row in cursor.fetchall()}


def _word(
    level: Level,
    newest: dict[tuple[int, int], Level],
    kept: dict[tuple[int, int], str],
) -> str:
    place = level.store_id, level.product_id
    return kept.get(place, UNCHANGED) if newest[place] is level else UNCHANGED
