"""What time it is, and which day of the chain that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

_moved: ContextVar[datetime | None] = ContextVar("scrm_clock", default=None)


def now() -> datetime:
    """The current moment, aware; inside `at(...)` the moment given there."""
    return _moved.get() or timezone.now()


@contextmanager
def at(moment: datetime) -> Iterator[datetime]:
    """Move the clock for the code inside: the demo's past weeks and tests."""
    if timezone.is_naive(moment):
        raise ValueError("The clock needs an aware moment.")
    token = _moved.set(moment)
    try:
        yield moment
    finally:
        _moved.reset(token)


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def chain_tz() -> ZoneInfo:
    """The chain's own time zone (CHAIN_TIME_ZONE)."""
    return _zone(settings.CHAIN_TIME_ZONE)


def today() -> date:
    """The chain's date now."""
    return business_day(now())


def business_day(moment: datetime) -> date:
    """The chain's date at an aware moment."""
    return moment.astimezone(chain_tz()).date()


def minute_words(moment: datetime | None) -> str:
    """2026-03-18 14:05 by the chain's clocks; nothing for no moment."""
    return f"{moment.astimezone(chain_tz()):%Y-%m-%d %H:%M}" if moment else ""


def day_start(day: date) -> datetime:
    """The moment a day of the chain begins."""
    return datetime.combine(day, time.min, tzinfo=chain_tz())


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Begin (in) and end (out) of a day of the chain."""
    return day_start(day), day_start(day + timedelta(days=1))
