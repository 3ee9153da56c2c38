"""When WeCom is asked again what became of a send: 1, 5, 15, 60 minutes after it, then daily."""

from datetime import datetime, timedelta

from django.conf import settings

from apps.outreach.models import Dispatch

# the job that asks runs so often and takes so many sends at most: WeCom's 9,000 a minute
BEAT_SECONDS = 20
SENDS_PER_BEAT = 3_000
# the job that reads what guides sent by themselves: half of the calls an hour that WeCom allows one
# API, the other half is for our own sends
OWN_BEAT_SECONDS = 600
OWN_SENDS_PER_BEAT = 12_500


def first_poll_at(handed_over_at: datetime) -> datetime:
    """The first look after a send was handed over."""
    return handed_over_at + timedelta(seconds=settings.WECOM_POLL_DELAYS[0])


def next_poll_at(dispatch: Dispatch, now: datetime) -> datetime:
    """The next look after one at `now`; the last one is when the send expires."""
    begun = dispatch.handed_over_at or now
    ahead = (begun + timedelta(seconds=seconds) for seconds in settings.WECOM_POLL_DELAYS)
    later = now + timedelta(seconds=settings.WECOM_POLL_THEN_SECONDS)
    following = next((moment for moment in ahead if moment > now), later)
    return following if now >= dispatch.expires_at else min(following, dispatch.expires_at)
