"""How long WeCom takes to tell what became of a push: reckoned from the calls it lets us make.

Of each send it is asked first who has confirmed, then what became of every customer of those; two
APIs, each with a limit of its own per minute and hour, so the slower one decides.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from django.conf import settings

from apps.wecom.client.limits import seconds_for

WHO_CONFIRMED = "externalcontact/get_groupmsg_task"
WHAT_BECAME = "externalcontact/get_groupmsg_send_result"
RESULTS_PER_CALL = 1_000


@dataclass(frozen=True, slots=True)
class TimeToKnow:
    """From the last confirmation until every result is known: when each guide sends one text to
    all of theirs, and when every customer gets a text of their own."""

    together: timedelta
    one_by_one: timedelta
    calls_together: int
    calls_one_by_one: int


def time_to_know(*, guides: int, customers: int) -> TimeToKnow:
    """For a push to so many guides about so many customers."""
    pages = ceil(customers / max(guides, 1) / RESULTS_PER_CALL) or 1
    return TimeToKnow(
        together=_round_of(guides, pages),
        one_by_one=_round_of(customers, 1),
        calls_together=guides * (1 + pages),
        calls_one_by_one=customers * 2,
    )


def _round_of(sends: int, pages: int) -> timedelta:
    """The wait before a send is asked about, then one round over all of them."""
    if not sends:
        return timedelta()
    slower = max(seconds_for(WHO_CONFIRMED, sends), seconds_for(WHAT_BECAME, sends * pages))
    return timedelta(seconds=settings.WECOM_POLL_DELAYS[0] + ceil(slower))
