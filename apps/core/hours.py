"""Windows of the chain's day: is a moment inside, and when is the next one that is."""

from datetime import datetime, time, timedelta

from apps.core import clock

# when a phone may ring for work that nobody gave hours of its own
CARDS_FROM, CARDS_UNTIL = time(7), time(23)
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


def for_cards(now: datetime) -> datetime:
    """When a card about this moment may reach a guide's phone."""
    return next_within(now, CARDS_FROM, CARDS_UNTIL)
