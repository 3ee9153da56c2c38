"""The numbers as pages get them: frozen, each with what it is divided by. A rate without anything
to divide by is None and shown as —.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks.rates import Completion, rate
from apps.reports.statistics import Interval


@dataclass(frozen=True)
class Funnel(Completion):
    """Every planned member in exactly one place:

    planned = Σ not_issued + control + issued; issued = done + open + expired + excused.
    """

    not_issued: dict[str, int]
    control: int
    done: int
    not_started: int
    in_progress: int
    to_verify: int
    never_begun: int
    not_proven: int
    excused_by_reason: dict[str, int]
    grades: dict[str, int]
    engaged: int
    visited: int
    purchased: int
    disturbed: int
    guides: int
    guides_seen: int
    guides_done: int
    started: int
    on_time: int
    declared: int
    not_delivered: int
    not_bought: int
    changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def in_time(self) -> int:
        return self.on_time

    @property
    def declared_rate(self) -> float | None:
        """自报率: done on the guide's own word or an opened chat alone."""
        return rate(self.declared, self.done)

    @property
    def open(self) -> int:
        return self.not_started + self.in_progress + self.to_verify

    @property
    def expired(self) -> int:
        return self.never_begun + self.not_proven

    @property
    def excused(self) -> int:
        return sum(self.excused_by_reason.values())

    @property
    def issued(self) -> int:
        return self.done + self.open + self.expired + self.excused

    @property
    def not_issued_count(self) -> int:
        return sum(self.not_issued.values())

    @property
    def planned(self) -> int:
        return self.not_issued_count + self.control + self.issued

    @property
    def not_begun(self) -> int:
        """Issued = begun + not begun + not applicable."""
        return self.issued - self.excused - self.started

    @property
    def delivered(self) -> int:
        return self.grades["delivered"]

    @property
    def dispatch_rate(self) -> float | None:
        """任务下发率 = issued / (planned − control)."""
        return rate(self.issued, self.planned - self.control)

    @property
    def on_time_rate(self) -> float | None:
        return rate(self.on_time, self.done)

    @property
    def seen_rate(self) -> float | None:
        """查看率 = guides who opened it / guides."""
        return rate(self.guides_seen, self.guides)

    @property
    def execution_rate(self) -> float | None:
        """执行率 = begun / what was to be done, what is not applicable left out of both."""
        return rate(self.started, self.issued - self.excused)

    @property
    def reach_rate(self) -> float | None:
        """触达率 = delivered / treated."""
        return rate(self.delivered, self.issued)

    @property
    def engagement_rate(self) -> float | None:
        return rate(self.engaged, self.delivered)

    @property
    def conversion_rate(self) -> float | None:
        """转化率 = purchased / treated (intention to treat)."""
        return rate(self.purchased, self.issued)

    @property
    def disturbed_rate(self) -> float | None:
        return rate(self.disturbed, self.delivered)


@dataclass(frozen=True)
class Arm:
    """One arm by assignment: members, buyers in the window, net fen (订单口径)."""

    members: int
    buyers: int
    net_fen: int
    square_fen: int = 0

    @property
    def conversion(self) -> float | None:
        return rate(self.buyers, self.members)

    @property
    def net_per_member_fen(self) -> float | None:
        return rate(self.net_fen, self.members)

    @property
    def variance(self) -> float:
        """Sample variance of a member's net, zeros included."""
        if self.members < 2:
            return 0.0
        mean = self.net_fen / self.members
        return (self.square_fen - self.members * mean * mean) / (self.members - 1)


class Verdict(TextChoices):
    """The words for lift."""

    EFFECTIVE = "effective", _("effective")
    NO_DIFFERENCE = "no_difference", _("no difference seen")
    SAMPLE_TOO_SMALL = "sample_too_small", _("the sample is not large enough yet")
    CONTROL_TOO_SMALL = "control_too_small", _("control group below 200")
    NO_CONTROL = "no_control", _("no control group kept, lift cannot be computed")
    LESS = "less", _("less was bought")
    REPEATED = "repeated", _("not the first time, lift cannot be computed")


@dataclass(frozen=True)
class DayPoint:
    """Net fen per assigned member up to and including a day, by arm."""

    on: date
    treated_fen: float
    control_fen: float


@dataclass(frozen=True)
class Lift:
    """What the push changed, by assignment, within its window.

    `per_member` is the difference of net fen per assigned member with Welch's interval,
    `conversion` that of shares with Newcombe's. `times_larger`: so many times the members would
    settle it.
    """

    treated: Arm
    control: Arm
    window_from: datetime
    window_until: datetime
    is_running: bool
    verdict: str
    conversion: Interval | None
    per_member: Interval | None
    smallest_visible: float | None
    times_larger: float | None
    days: list[DayPoint] = field(default_factory=list)

    @property
    def verdict_word(self) -> str:
        return str(Verdict(self.verdict).label)

    @property
    def per_thousand_fen(self) -> Interval | None:
        """增量：每千人. Fen per thousand assigned members."""
        if self.per_member is None:
            return None
        each = self.per_member
        return Interval(each.value * 1000, each.low * 1000, each.high * 1000)

    @property
    def incremental_fen(self) -> float | None:
        """n_T · (r_T − r_C)."""
        return self.per_member.value * self.treated.members if self.per_member else None


@dataclass(frozen=True)
class BreakdownRow(Completion):
    """One region, store or guide of a push. Net fen of the treated, 订单口径."""

    key: int
    name: str
    parent: str
    issued: int
    done: int
    on_time: int
    open: int
    expired: int
    excused: int
    purchased: int
    net_fen: int

    @property
    def in_time(self) -> int:
        return self.on_time


@dataclass(frozen=True)
class LoopNumber:
    """One of the five numbers of the loop: value of the period, the one before, eight points, its
    rate.
    """

    code: str
    value: int
    before: int
    rate: float | None
    points: list[int]

    @property
    def change(self) -> float | None:
        """环比: against the period before."""
        return rate(self.value - self.before, self.before)


@dataclass(frozen=True)
class PlannedPush:
    """One push of the period: planned = issued + control + not issued."""

    pk: int
    title: str
    handed_out_at: datetime
    planned: int
    issued: int
    control: int
    not_issued: int


@dataclass(frozen=True)
class NextPush:
    """The best next push: a region's silent customers who can be reached, and why not the
    others.
    """

    region_id: int
    region_name: str
    planned: int
    reachable: int
    refused: dict[str, int]
    definition: dict[str, Any]


@dataclass(frozen=True)
class Todo:
    """Something that needs a person."""

    code: str
    count: int
    since: datetime | None = None


@dataclass(frozen=True)
class RecentPush:
    push_id: int
    title: str
    status: str
    kind: str
    handed_out_at: datetime
    window_until: datetime
    issued: int
    delivered: int
    purchased: int
    lift: Lift | None


@dataclass(frozen=True)
class Home:
    """The first page: the sentence, the loop, what needs somebody, the latest pushes."""

    next_push: NextPush | None
    loop: list[LoopNumber]
    pushes_in_period: int
    period_days: int
    todos: list[Todo]
    recent: list[RecentPush]
    counted_at: datetime
