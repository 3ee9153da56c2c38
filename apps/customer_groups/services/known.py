"""How long WeCom takes to tell what became of a push to groups."""

from dataclasses import dataclass
from datetime import timedelta

from apps.customer_groups.services.sends import LIMIT, RESULTS_IN
from apps.outreach.services.asking import NextLook, next_look, round_of


@dataclass(frozen=True, slots=True)
class TimeToKnowGroups:
    """At least so long (`together`) it takes to ask about every owner once, with so many calls; on
    top comes the wait for the next look. WeCom names only groups that got it: which were `full` is
    known so long after their owner's tap."""

    together: timedelta
    calls: int
    full: timedelta
    look: NextLook


def time_to_know_groups(*, owners: int) -> TimeToKnowGroups:
    """For a push to the groups of so many owners: a send each, and one page of results."""
    return TimeToKnowGroups(
        together=round_of(sends=owners, pages=1, a_beat=LIMIT),
        calls=owners * 2,
        full=RESULTS_IN,
        look=next_look(),
    )
