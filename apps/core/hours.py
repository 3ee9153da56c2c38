"""Windows of the chain's day: is a moment inside, and when is the next one that is."""

from datetime import datetime, time, timedelta

from apps.core import clock


def is_within(moment: datetime, start: time, end: time) -> bool:
    """Half-open; an end before the start runs over midnight, equal ends mean the whole day."""
    local = moment.astimezone(clock.chain_tz()).time()
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
