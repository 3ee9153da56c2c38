"""The stage rule: a pure function of (facts, date, version), once in Python and once in SQL.

No memory of yesterday's stage and no hysteresis; a test holds the two against each other.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from apps.profiles.models import Stage, StageVersion


@dataclass(frozen=True, slots=True)
class Facts:
    """What a stage is decided by. Days count only with a net-positive order."""

    first_order_on: date | None
    last_order_on: date | None
    order_days: int


def stage_of(facts: Facts, *, on: date, version: StageVersion) -> tuple[Stage, date | None]:
    """The stage on a day, and since which day it holds (of an active one: the last order)."""
    if facts.first_order_on is None or facts.last_order_on is None:
        return Stage.PROSPECT, None
    new_until = facts.first_order_on + timedelta(days=version.new_days)
    if facts.order_days == 1 and on < new_until:
        return Stage.NEW, facts.first_order_on
    # one-time buyers come out of 新客 by age alone
    earliest = new_until if facts.order_days == 1 else facts.last_order_on
    silent_from = facts.last_order_on + timedelta(days=version.silent_after_days)
    lost_from = facts.last_order_on + timedelta(days=version.lost_after_days)
    if on < silent_from:
        return Stage.ACTIVE, earliest
    if on < lost_from:
        return Stage.SILENT, max(earliest, silent_from)
    return Stage.LOST, max(earliest, lost_from)


# over columns first_order_on, last_order_on, order_days and the parameters on, new_days,
# silent_after_days, lost_after_days
STAGE_SQL = """
CASE
    WHEN last_order_on IS NULL THEN 'prospect'
    WHEN order_days = 1 AND %(on)s::date < first_order_on + %(new_days)s::int THEN 'new'
    WHEN %(on)s::date < last_order_on + %(silent_after_days)s::int THEN 'active'
    WHEN %(on)s::date < last_order_on + %(lost_after_days)s::int THEN 'silent'
    ELSE 'lost'
END
"""
_EARLIEST = """
CASE WHEN order_days = 1 THEN first_order_on + %(new_days)s::int ELSE last_order_on END
"""
SINCE_SQL = f"""
CASE
    WHEN last_order_on IS NULL THEN NULL
    WHEN order_days = 1 AND %(on)s::date < first_order_on + %(new_days)s::int THEN first_order_on
    WHEN %(on)s::date < last_order_on + %(silent_after_days)s::int THEN {_EARLIEST}
    WHEN %(on)s::date < last_order_on + %(lost_after_days)s::int
        THEN greatest({_EARLIEST}, last_order_on + %(silent_after_days)s::int)
    ELSE greatest({_EARLIEST}, last_order_on + %(lost_after_days)s::int)
END
"""


def parameters(*, on: date, version: StageVersion) -> dict[str, Any]:
    """What the two SQL texts are given."""
    return {
        "on": on,
        "new_days": version.new_days,
        "silent_after_days": version.silent_after_days,
        "lost_after_days": version.lost_after_days,
        "version_id": version.pk,
    }
