"""Small drawings as numbers for inline SVG: they print, need no script and no colour but ours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

from apps.reports.shapes import DayPoint
from apps.reports.statistics import Interval

FEN = 100


@dataclass(frozen=True, slots=True)
class Spark:
    """A line over a field of 100 × 30; `area` closes it below."""

    path: str
    area: str
    x: float
    y: float


def spark(values: Sequence[float]) -> Spark | None:
    """The trend of a few points, the last one marked; nothing when there is nothing to see."""
    if len(values) < 2 or not any(values):
        return None
    low, high = min(values), max(values)
    pad = (high - low or 1) * 0.15
    low, high = low - pad, high + pad
    points = [
        (1 + 97 * place / (len(values) - 1), 28 - 26 * (value - low) / (high - low))
        for place, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Spark(
        path="M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points),
        area=f"1,30 {line} {points[-1][0]:.1f},30",
        x=points[-1][0],
        y=points[-1][1],
    )


def _step(span: float, parts: int) -> float:
    """A round distance between marks: 1, 2 or 5 times a power of ten."""
    raw = max(span, 1e-9) / parts
    power = 10 ** floor(log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)


def _yuan(value: float, signed: bool = False) -> str:
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    digits = 0 if abs(value) >= 10 or value == int(value) else 2
    return f"{sign}¥{abs(value):,.{digits}f}"


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Positions on a line 420 wide: ends and middle of the interval, the zero, the marks below."""

    low: float
    width: float
    middle: float
    zero: float
    label: str
    marks: list[tuple[float, str]]


def interval(found: Interval) -> IntervalChart:
    """The interval with its zero line; values in fen, marks in yuan."""
    low, high = min(found.low, 0) / FEN, max(found.high, 0) / FEN
    step = _step((high - low) or 1, 4)
    start, end = floor(low / step) * step, ceil(high / step) * step
    if start == end:
        end = start + step

    def at(value: float) -> float:
        return round(24 + 372 * (value - start) / (end - start), 1)

    marks, value = [], start
    while value <= end + step / 2:
        marks.append((at(value), _yuan(round(value, 6), signed=True)))
        value += step
    return IntervalChart(
        low=at(found.low / FEN),
        width=round(at(found.high / FEN) - at(found.low / FEN), 1),
        middle=at(found.value / FEN),
        zero=at(0),
        label=_yuan(found.value / FEN, signed=True),
        marks=marks,
    )


@dataclass(frozen=True, slots=True)
class LineChart:
    """Two lines on 420 × 132, labelled at their ends."""

    treated: str
    control: str
    end_x: float
    treated_y: float
    control_y: float
    treated_label: str
    control_label: str
    rows: list[tuple[float, str]] = field(default_factory=list)
    columns: list[tuple[float, str]] = field(default_factory=list)


def lines(days: Sequence[DayPoint]) -> LineChart | None:
    """Net sales per assigned member, cumulated day by day, treated against control."""
    if len(days) < 2:
        return None
    top = max(max(day.treated_fen, day.control_fen) for day in days) / FEN
    bottom = min(0.0, *(min(day.treated_fen, day.control_fen) / FEN for day in days))
    step = _step((top - bottom) or 1, 3)
    low, high = floor(bottom / step) * step, max(ceil(top / step) * step, step)

    def x(place: int) -> float:
        return round(40 + 290 * place / (len(days) - 1), 1)

    def y(fen: float) -> float:
        return round(108 - 96 * (fen / FEN - low) / (high - low), 1)

    def path(values: Sequence[float]) -> str:
        return "M" + " L".join(f"{x(place)} {y(value)}" for place, value in enumerate(values))

    last = days[-1]
    treated_y, control_y = y(last.treated_fen), y(last.control_fen)
    if abs(treated_y - control_y) < 14:
        middle, sign = (treated_y + control_y) / 2, 1 if treated_y <= control_y else -1
        treated_y, control_y = middle - 7 * sign, middle + 7 * sign
    every = max(1, ceil(len(days) / 6))
    return LineChart(
        treated=path([day.treated_fen for day in days]),
        control=path([day.control_fen for day in days]),
        end_x=x(len(days) - 1) + 6,
        treated_y=treated_y + 4,
        control_y=control_y + 4,
        treated_label=_yuan(last.treated_fen / FEN),
        control_label=_yuan(last.control_fen / FEN),
        rows=[
            (y((low + step * place) * FEN), _yuan(low + step * place))
            for place in range(round((high - low) / step) + 1)
        ],
        columns=[
            (x(place), f"{day.on:%m-%d}") for place, day in enumerate(days) if place % every == 0
        ],
    )
