"""What this room's services and selectors hand back: frozen, finished, ready for a page."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from apps.guide_tasks.rates import Completion
from apps.guide_tasks.wording import MINUTES_PER_CUSTOMER

CONTROL, ISSUED = "control", "issued"


@dataclass(frozen=True)
class PushPlaces:
    """Every planned member in exactly one place: planned = Σ refused + control + issued.

    `guides` is whom the push goes to; each confirms once per customer for personal texts
    (`per_guide_max` at most) and once for the generic one.
    """

    planned: int
    refused: dict[str, int]
    control: int
    issued: int
    guides: int = 0
    stores: int = 0
    per_guide_max: int = 0
    minutes_each: int = MINUTES_PER_CUSTOMER
    changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def not_issued(self) -> int:
        return sum(self.refused.values())

    @property
    def reachable(self) -> int:
        """Let through by the policy: the issued and the control group."""
        return self.control + self.issued

    @property
    def per_guide_avg(self) -> float:
        return self.issued / self.guides if self.guides else 0.0

    @property
    def minutes(self) -> int:
        return self.issued * self.minutes_each


@dataclass(frozen=True)
class OnItsWay:
    """How far a push is that is being handed out in parts."""

    parts: int
    parts_in: int
    planned: int
    issued: int
    issued_in: int

    @property
    def issued_left(self) -> int:
        return self.issued - self.issued_in


@dataclass(frozen=True)
class LastBuy:
    """The last purchase in one line: what, size, when."""

    product: str
    colour: str
    size: str
    on: date
    days_ago: int


@dataclass(frozen=True)
class Card:
    """One customer of 今日 or of a task, as the guide sees them (own customers: full name).

    `colleague_at`: when a colleague was last in touch, while marketing has to wait for that.
    `also` counts further work open for the same customer, behind this card. `chance` is the share
    of those who stood where this customer stands and came back (`profiles.chances`).
    """

    target_id: int
    task_id: int
    push_id: int
    member_id: int
    public_id: str
    name: str
    gender: str
    level: str
    push_title: str
    kind: str
    why: str
    state: str
    grade: int
    value_fen: int
    due_at: datetime
    is_overdue: bool
    overdue_days: int
    is_chased: bool
    external_userid: str
    last_buy: LastBuy | None = None
    also: int = 0
    minutes: int = MINUTES_PER_CUSTOMER
    colleague_at: datetime | None = None
    by_rule: bool = False
    chance: float | None = None

    @property
    def at_stake_fen(self) -> float:
        """Value at risk × chance of return; without a count of chances, value alone."""
        return self.value_fen * (1 if self.chance is None else self.chance)


@dataclass(frozen=True)
class Proof:
    """One line under a name: when, and what was proven (a code the page has words for).

    Codes: to_confirm (on the guide's phone), sent (waits for WeCom), held, unknown, delivered,
    clicked, initiated, self_reported, engaged, visited, visit_noted (a guide's word),
    purchased.
    """

    at: datetime
    code: str


@dataclass(frozen=True)
class FinishedCard:
    """A customer who needs nothing more now. `chip` is the best that is proven so far: purchased,
    visited, engaged, delivered, initiated, self_reported, waiting, excused, not_done, expired."""

    target_id: int
    task_id: int
    member_id: int
    public_id: str
    name: str
    gender: str
    chip: str
    lines: list[Proof]
    sentence: str = ""


@dataclass(frozen=True)
class Shortcut:
    """The one tap that saves most taps: a task whose text can go to several at once."""

    task_id: int
    title: str
    count: int


@dataclass(frozen=True)
class Today:
    """The guide's day. total = done + waiting + to_contact; excused are outside it.

    `segments` draws the finish line: one of done, waiting, overdue, open per customer.
    """

    done: int
    waiting_count: int
    to_contact: int
    total: int
    minutes_left: int
    segments: list[str]
    shortcut: Shortcut | None
    cards: list[Card]
    finished: list[FinishedCard]
    waiting: list[FinishedCard]
    excused: list[FinishedCard]

    @property
    def excused_count(self) -> int:
        return len(self.excused)

    @property
    def is_empty(self) -> bool:
        return not (self.total or self.excused)


@dataclass(frozen=True)
class TaskPage:
    """One task of a guide: what, until when, what counts, and its customers by where they stand."""

    task_id: int
    push_id: int
    title: str
    kind: str
    body: str
    generic_text: str
    required_grade: int
    due_at: datetime
    is_overdue: bool
    asset_title: str
    created_by: str
    seen_at: datetime | None
    done: int
    waiting_count: int
    to_contact: int
    excused_count: int
    total: int
    segments: list[str]
    cards: list[Card]
    waiting: list[FinishedCard]
    finished: list[FinishedCard]
    excused: list[FinishedCard]
    words_of_store: bool = False

    @property
    def can_send_to_all(self) -> bool:
        return bool(self.generic_text) and bool(self.cards)


@dataclass(frozen=True)
class GuideProgress:
    """One guide's share. issued = done + open + expired + excused; open splits into the parts
    below.
    """

    task_ids: tuple[int, ...]
    guide_id: int
    guide_name: str
    store_id: int
    store_name: str
    issued: int
    done: int
    in_time: int
    delivered: int
    waiting: int
    in_progress: int
    not_started: int
    overdue: int
    expired: int
    excused: int
    purchased: int
    is_seen: bool
    is_on_duty: bool
    chases_today: int
    chases_left: int
    is_escalated: bool = False

    @property
    def open(self) -> int:
        return self.waiting + self.in_progress + self.not_started

    @property
    def due(self) -> int:
        """What is asked of the guide: issued without the excused."""
        return self.issued - self.excused

    @property
    def needs_help(self) -> bool:
        return self.open > 0 and (not self.is_seen or self.overdue > 0)


@dataclass(frozen=True)
class TeamProgress(Completion):
    """团队任务: a push (or everything that runs) over the guides an actor may see."""

    push_id: int | None
    title: str
    due_at: datetime | None
    guides: list[GuideProgress]
    off_duty: list[str]

    def _sum(self, name: str) -> int:
        return sum(getattr(guide, name) for guide in self.guides)

    @property
    def issued(self) -> int:
        return self._sum("issued")

    @property
    def done(self) -> int:
        return self._sum("done")

    @property
    def in_time(self) -> int:
        return self._sum("in_time")

    @property
    def delivered(self) -> int:
        return self._sum("delivered")

    @property
    def excused(self) -> int:
        return self._sum("excused")

    @property
    def due(self) -> int:
        return self._sum("due")

    @property
    def overdue(self) -> int:
        return self._sum("overdue")

    @property
    def not_seen(self) -> int:
        """Customers whose guide has not looked yet."""
        return sum(guide.open for guide in self.guides if not guide.is_seen)

    @property
    def doing(self) -> int:
        return self._sum("open") - self.not_seen

    @property
    def to_help(self) -> list[GuideProgress]:
        return [guide for guide in self.guides if guide.needs_help]

    @property
    def going_well(self) -> list[GuideProgress]:
        return [guide for guide in self.guides if not guide.needs_help]

    @property
    def can_chase(self) -> list[GuideProgress]:
        return [guide for guide in self.to_help if guide.chases_left]


@dataclass(frozen=True)
class PushResults:
    """The funnel's rows of a push: planned = not issued + control + issued,
    issued = done + open + expired + excused. Counts by reason or state."""

    not_issued: dict[str, int]
    control: int
    states: dict[str, int]
    excused: dict[str, int]
    grades: dict[int, int]
    outcomes: dict[str, int]
    guides: int
    guides_seen: int
    guides_done: int

    @property
    def issued(self) -> int:
        return sum(self.states.values())

    @property
    def planned(self) -> int:
        return sum(self.not_issued.values()) + self.control + self.issued


@dataclass(frozen=True)
class MyNumbers(Completion):
    """我的: seven days of one guide, only what rows prove. `done`: by the deadline."""

    issued: int
    done: int
    excused: int
    delivered: int
    purchased: int
