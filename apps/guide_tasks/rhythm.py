"""How often a push repeats, in days of the chain's calendar. No clock, no database."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import models
from django.utils import dates
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MOST_DAYS = 90
LAST_DAY = 31


class Every(models.TextChoices):
    WEEK = "week", gettext_lazy("every week")
    MONTH = "month", gettext_lazy("every month")
    DAYS = "days", gettext_lazy("every so many days")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`number` is the weekday (1 = Monday … 7), the day of the month (a shorter month: its last
    day), or the days from one to the next, counted from `starts_on`."""

    every: str
    number: int
    starts_on: date

    def first_from(self, day: date) -> date:
        """Its first day that is not before `day` nor before the start."""
        day = max(day, self.starts_on)
        if self.every == Every.WEEK:
            return day + timedelta(days=(self.number - day.isoweekday()) % 7)
        if self.every == Every.DAYS:
            return day + timedelta(days=-(day - self.starts_on).days % self.number)
        here = _in_month(day, self.number)
        if here >= day:
            return here
        return _in_month(day.replace(day=1) + timedelta(days=32), self.number)

    def days(self, first: date, last: date) -> Iterator[date]:
        """All of its days from `first` to `last`, both included."""
        day = self.first_from(first)
        while day <= last:
            yield day
            day = self.first_from(day + timedelta(days=1))

    @property
    def shortest_gap(self) -> int:
        """The fewest days from one to the next."""
        return {Every.WEEK: 7, Every.MONTH: 28}.get(Every(self.every), self.number)

    @property
    def words(self) -> str:
        if self.every == Every.WEEK:
            return _("every %(weekday)s") % {"weekday": dates.WEEKDAYS[self.number - 1]}
        if self.every == Every.MONTH and self.number == LAST_DAY:
            return _("on the last day of every month")
        if self.every == Every.MONTH:
            return _("on day %(n)s of every month") % {"n": self.number}
        return _("every %(n)s days") % {"n": self.number} if self.number > 1 else _("every day")


def _in_month(day: date, number: int) -> date:
    last = calendar.monthrange(day.year, day.month)[1]
    return day.replace(day=min(number, last))
