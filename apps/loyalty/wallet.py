"""What is left of somebody's points: a function of the movements told, whatever came first.

Whoever spends uses what ends first. What is left of a day's points when the day is over is gone;
nobody has to say so, and a till that does say so takes nothing twice. Spent and told late, it is
counted on the day it was spent.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from apps.core import clock
from apps.loyalty.models import PointsEntry

Kind = PointsEntry.Kind
NEVER = date.max


@dataclass(frozen=True, slots=True)
class Move:
    """One entry as far as it counts."""

    occurred_at: datetime
    points: int
    kind: str
    expires_on: date | None = None


@dataclass(slots=True)
class Wallet:
    """`lots` by their last day, `days`: those days, the first to end first, `owed`: spent beyond
    what there was, `ended`: what was over unused, by the last day it counted, as far as nobody else
    said so."""

    lots: dict[date, int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    owed: int = 0
    ended: dict[date, int] = field(default_factory=dict)

    @property
    def balance(self) -> int:
        return sum(self.lots.values()) - self.owed

    def add(self, points: int, expires_on: date | None) -> None:
        paid = min(points, self.owed)
        self.owed -= paid
        if points > paid:
            day = expires_on or NEVER
            if day not in self.lots:
                insort(self.days, day)
            self.lots[day] = self.lots.get(day, 0) + points - paid

    def take(self, points: int) -> None:
        while points and self.days:
            day = self.days[0]
            used = min(points, self.lots[day])
            points -= used
            self.lots[day] -= used
            if not self.lots[day]:
                self._drop_first()
        self.owed += points

    def end(self, *, before: date) -> None:
        """Days that are over take what is left of theirs."""
        while self.days and self.days[0] < before:
            day, points = self._drop_first()
            self.ended[day] = self.ended.get(day, 0) + points

    def _drop_first(self) -> tuple[date, int]:
        day = self.days.pop(0)
        return day, self.lots.pop(day)

    def say_ended(self, points: int) -> None:
        """The till says what we know already, or that more is over."""
        for day in sorted(self.ended):
            known = min(points, self.ended[day])
            points -= known
            self.ended[day] -= known
        self.take(points)


def wallet_of(moves: Iterable[Move], *, on: date) -> Wallet:
    """Every movement in its time, then as it stands on this day."""
    wallet = Wallet()
    for move in sorted(moves, key=_in_time):
        wallet.end(before=clock.business_day(move.occurred_at))
        if move.points > 0:
            wallet.add(move.points, move.expires_on)
        elif move.kind == Kind.EXPIRED:
            wallet.say_ended(-move.points)
        else:
            wallet.take(-move.points)
    wallet.end(before=on)
    return wallet


def _in_time(move: Move) -> tuple[datetime, int, str, date]:
    """Of the same moment what was earned comes first."""
    return move.occurred_at, -move.points, move.kind, move.expires_on or NEVER
