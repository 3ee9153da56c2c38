"""完成率 and the two figures that always stand beside it: one definition for every page."""

from typing import Protocol


def rate(part: float, whole: float) -> float | None:
    """part / whole, None when there is nothing to divide by."""
    return part / whole if whole else None


class Counted(Protocol):
    """Whatever counts pieces of work: issued ones, and of them the done and the excused."""

    @property
    def issued(self) -> int: ...
    @property
    def done(self) -> int: ...
    @property
    def excused(self) -> int: ...


class InTime(Counted, Protocol):
    @property
    def in_time(self) -> int: ...


class Completion:
    """The three rates of counted work. The first is never shown without the other two."""

    @property
    def in_time(self: Counted) -> int:
        """Done by the deadline. Where `done` counts late ones as well, the class has its own."""
        return self.done

    @property
    def completion_rate(self: InTime) -> float | None:
        """任务完成率 = done by the deadline / (issued − excused)."""
        return rate(self.in_time, self.issued - self.excused)

    @property
    def raw_rate(self: InTime) -> float | None:
        """done by the deadline / issued."""
        return rate(self.in_time, self.issued)

    @property
    def excused_rate(self: Counted) -> float | None:
        """不适用率 = excused / issued."""
        return rate(self.excused, self.issued)
