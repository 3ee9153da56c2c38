"""How long WeCom takes to tell what became of a push: reckoned from the calls it lets us make, from
what one run of our job asks about, and from when a send is looked at again.

Of each send it is asked first who has confirmed, then what became of every customer of those; two
APIs, each with a limit of its own per minute and hour, so the slowest of these and the job decides.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import ceil

from django.conf import settings

from apps.outreach.services.polling import (
    BEAT_SECONDS,
    OWN_BEAT_SECONDS,
    OWN_SENDS_PER_BEAT,
    SENDS_PER_BEAT,
)
from apps.wecom.client.limits import seconds_for

WHO_CONFIRMED = "externalcontact/get_groupmsg_task"
WHAT_BECAME = "externalcontact/get_groupmsg_send_result"
RESULTS_PER_CALL = 1_000


@dataclass(frozen=True, slots=True)
class NextLook:
    """When a confirmation is seen: one within `often_for` of the hand-over `soon` after it at the
    latest, a later one `late` after it."""

    often_for: timedelta
    soon: timedelta
    late: timedelta


@dataclass(frozen=True, slots=True)
class TimeToKnow:
    """At least so long it takes to ask about every send once: when each guide sends one text to all
    of theirs, and when every customer gets a text of their own. On top comes the wait for the next
    look."""

    together: timedelta
    one_by_one: timedelta
    calls_together: int
    calls_one_by_one: int
    look: NextLook


def time_to_know(*, guides: int, customers: int) -> TimeToKnow:
    """For a push to so many guides about so many customers."""
    pages = ceil(customers / max(guides, 1) / RESULTS_PER_CALL) or 1
    return TimeToKnow(
        together=round_of(sends=guides, pages=pages),
        one_by_one=round_of(sends=customers, pages=1),
        calls_together=guides * (1 + pages),
        calls_one_by_one=customers * 2,
        look=next_look(),
    )


def next_look() -> NextLook:
    """The same for sends to customers and to groups."""
    looks = [0, *settings.WECOM_POLL_DELAYS]
    return NextLook(
        often_for=timedelta(seconds=looks[-1]),
        soon=timedelta(seconds=max(later - look for look, later in pairwise(looks))),
        late=timedelta(seconds=settings.WECOM_POLL_THEN_SECONDS),
    )


def round_of(*, sends: int, pages: int, a_beat: int = SENDS_PER_BEAT) -> timedelta:
    """One look at each of them, begun with nothing else to do; our job takes so many `a_beat`."""
    if not sends:
        return timedelta()
    return _at_least(ceil(sends / a_beat) * BEAT_SECONDS, sends, pages)


def _at_least(ours: int, sends: int, pages: int) -> timedelta:
    """What our own pace and WeCom's limits ask for."""
    allowed = max(seconds_for(WHO_CONFIRMED, sends), seconds_for(WHAT_BECAME, sends * pages))
    return timedelta(seconds=max(ours, ceil(allowed)))


def time_to_read_own(*, sends: int) -> timedelta:
    """Until so many sends that guides made by themselves at one moment are read once: the first
    run begins a beat after it at the latest, the last one has a beat to end."""
    return _at_least((ceil(sends / OWN_SENDS_PER_BEAT) + 1) * OWN_BEAT_SECONDS, sends, 1)
