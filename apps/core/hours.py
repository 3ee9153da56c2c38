"""Windows of the chain's day: is a moment inside, and when is the next one that is."""

from datetime import datetime, time, timedelta

from django.conf import settings

from apps.core import clock

# the latest time a form can be given
_LAST_MINUTE = time(23, 59)


def is_within(moment: datetime, start: time, end: time) -> bool:
    """Half-open; an end before the start runs over midnight, equal ends mean the whole day.

    An end at 23:59 runs to midnight: who types 00:00 to 23:59 means the whole day, and a push of
    that minute would else wait for the next one.
    """
    local = moment.astimezone(clock.chain_tz()).time()
    if end == _LAST_MINUTE:
        return local >= start
    if start == end:
        return True
    if start < end:
        return start <= local < end
    return local >= start or local < end


def next_within(moment: datetime, start: time, end: time) -> datetime:
    """The moment itself when it is allowed, else the next time the hours begin."""
    if is_within(moment, start, end):
        return moment
    local = moment.astimezone(clock.chain_tz())
    begin = datetime.combine(local.date(), start, tzinfo=clock.chain_tz())
    return begin if begin > moment else begin + timedelta(days=1)


def closing(moment: datetime, start: time, end: time) -> datetime:
    """When the hours that run at this moment are over; outside them the moment itself."""
    if not is_within(moment, start, end):
        return moment
    local = moment.astimezone(clock.chain_tz())
    last = time.min if end == _LAST_MINUTE else end
    over = datetime.combine(local.date(), last, tzinfo=clock.chain_tz())
    return over if over > moment else over + timedelta(days=1)


def for_cards(now: datetime) -> datetime:
    """When a card about this moment may reach a phone, for work without hours of its own."""
    return next_within(now, settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL)
