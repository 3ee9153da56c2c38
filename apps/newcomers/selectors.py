"""Who is new, and how far the plan is: counted from what happened, in one statement for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import DateField, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast, TruncDate

from apps.accounts.actor import Actor
from apps.accounts.modules import Module, is_on
from apps.core import clock
from apps.newcomers.models import DAYS, PlanStep, StepTold
from apps.news.models import NewsRead
from apps.news.selectors import open_to
from apps.stores.models import Posting

LISTED = 200
# New is who was never posted before and came after the store had begun: with a chain's first day
# in the product nobody who has worked there for years is new.
_NEW = """
SELECT guide.id, guide.name, store.name, begun.day,
    (SELECT count(DISTINCT person.survivor_id) FROM members_interaction AS talk
        JOIN members_member AS person ON person.id = talk.member_id
        WHERE talk.guide_id = guide.id AND talk.kind = 'message' AND talk.occurred_at >= begun.at),
    (SELECT count(*) FROM members_membernote AS note WHERE note.guide_id = guide.id
        AND note.withdrawn_at IS NULL AND note.created_at >= begun.at),
    (SELECT count(*) FROM members_interaction AS visit WHERE visit.guide_id = guide.id
        AND visit.kind = 'visit' AND visit.occurred_at >= begun.at),
    (SELECT count(*) FROM members_member AS person WHERE person.enrolling_guide_id = guide.id
        AND person.survivor_id = person.id AND person.joined_at >= begun.at)
FROM stores_posting AS posting
JOIN stores_store AS store ON store.id = posting.store_id
JOIN stores_guide AS guide ON guide.id = posting.guide_id AND guide.status = 'active'
LEFT JOIN accounts_user AS account ON account.id = guide.user_id
JOIN LATERAL (
    SELECT first.day, first.day::timestamp AT TIME ZONE %s AS at
    FROM (SELECT min(lower(during)) AS day FROM stores_posting WHERE guide_id = guide.id) AS first
) AS begun ON begun.day > %s AND begun.day > (store.live_since AT TIME ZONE %s)::date
WHERE posting.during @> %s::date AND lower(posting.during) > %s
    AND coalesce(account.is_active, TRUE)
    AND (guide.id = %s OR %s IS NULL AND (
        %s OR store.region_id = ANY(%s) OR store.id = ANY(%s)))
ORDER BY begun.day DESC, guide.name, guide.id
LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class StepState:
    """`count` of `step.number`; `is_due`: its day is here."""

    step: PlanStep
    count: int
    is_due: bool

    @property
    def is_done(self) -> bool:
        return self.count >= self.step.number


@dataclass(frozen=True, slots=True)
class Newcomer:
    """`day`: which of the first thirty today is."""

    guide_id: int
    name: str
    store: str
    day: int
    steps: list[StepState]

    @property
    def done(self) -> int:
        return sum(state.is_done for state in self.steps)

    @property
    def late(self) -> int:
        """Steps whose day is over."""
        return sum(not state.is_done and state.step.day < self.day for state in self.steps)

    @property
    def next(self) -> StepState | None:
        return next((state for state in self.steps if not state.is_done), None)


def has_plan() -> bool:
    """Whether head office has written any step."""
    return PlanStep.objects.filter(is_active=True).exists()


def first_day_of(guide_id: Any, day: Any) -> QuerySet[Any, Any]:
    """The first posting's day of somebody who came after the store had begun, where there is a
    plan; a question to stand in a larger one. `day_of` says which day that makes today."""
    here = Posting.objects.filter(guide_id=guide_id, during__contains=day)
    before = Posting.objects.filter(guide_id=guide_id, during__startswith__lt=OuterRef("begun"))
    begun = Posting.objects.filter(guide_id=guide_id).annotate(
        live_since=Subquery(here.values("store__live_since")[:1]),
        begun=Cast("during__startswith", DateField()),
    )
    plan = PlanStep.objects.filter(is_active=True)
    first = begun.filter(~Exists(before))
    after = first.filter(Exists(plan), begun__gt=TruncDate("live_since", tzinfo=clock.chain_tz()))
    return after.values("begun")[:1]


def day_of(begun: date | None, today: date) -> int:
    """1 to 30, or 0 for who is not new."""
    day = (today - begun).days + 1 if begun else 0
    return day if 0 < day <= DAYS else 0


def newcomers(*, actor: Actor, now: datetime) -> list[Newcomer]:
    """Who is new in the stores the actor leads, the newest first; five queries for all."""
    return _newcomers(actor=actor, guide_id=None, now=now)


def newcomer(*, guide_id: int, actor: Actor, now: datetime) -> Newcomer | None:
    """A guide's own first thirty days; None who is not new, or where there is no plan."""
    return next(iter(_newcomers(actor=actor, guide_id=guide_id, now=now)), None)


def _newcomers(*, actor: Actor, guide_id: int | None, now: datetime) -> list[Newcomer]:
    steps = list(PlanStep.objects.filter(is_active=True).select_related("news"))
    if not steps:
        return []
    today = clock.business_day(now)
    zone, oldest = settings.CHAIN_TIME_ZONE, today - timedelta(days=DAYS)
    scope: list[Any] = [actor.sees_all, list(actor.region_ids), list(actor.store_ids)]
    with connection.cursor() as cursor:
        cursor.execute(
            _NEW, [zone, oldest, zone, today, oldest, guide_id, guide_id, *scope, LISTED]
        )
        rows = cursor.fetchall()
    ids = [row[0] for row in rows]
    told = set(StepTold.objects.filter(guide__in=ids).values_list("guide_id", "step_id"))
    read, may_read = _read(steps, ids), _may_read(steps, ids, now)
    return [
        _newcomer(row, _steps_of(row[0], steps, read | may_read), told, read, today) for row in rows
    ]


def _may_read(steps: Sequence[PlanStep], ids: Sequence[int], now: datetime) -> set[tuple[int, int]]:
    pieces = [step.news_id for step in steps if step.news_id is not None]
    return open_to(news_ids=pieces, guide_ids=ids, now=now) if is_on(Module.NEWS) else set()


def _steps_of(
    guide_id: int, steps: Sequence[PlanStep], readable: set[tuple[int, int]]
) -> list[PlanStep]:
    """Without what nobody can do: reading a piece that is over, or is for others."""
    news = PlanStep.Proof.NEWS
    return [step for step in steps if step.proof != news or (guide_id, step.news_id) in readable]


def _read(steps: Sequence[PlanStep], ids: Sequence[int]) -> set[tuple[int, int]]:
    """(guide, piece) of what they have read, whichever version; a must-read one they said so of."""
    pieces = {step.news_id: step.news for step in steps if step.news is not None}
    rows = NewsRead.objects.filter(news__in=list(pieces), guide__in=ids)
    return {
        (guide_id, news_id)
        for guide_id, news_id, said in rows.values_list("guide_id", "news_id", "confirmed_at")
        if said or not pieces[news_id].must_read
    }


def _newcomer(
    row: tuple[Any, ...],
    steps: Sequence[PlanStep],
    told: set[tuple[int, int]],
    read: set[tuple[int, int]],
    today: date,
) -> Newcomer:
    guide_id, name, store, begun, *counts = row
    day = (today - begun).days + 1
    facts = dict(zip(("delivered", "notes", "visits", "enrolled"), counts, strict=True))

    def count(step: PlanStep) -> int:
        if step.proof == PlanStep.Proof.TOLD:
            return step.number if (guide_id, step.pk) in told else 0
        if step.proof == PlanStep.Proof.NEWS:
            return step.number if (guide_id, step.news_id) in read else 0
        return int(facts[step.proof])

    states = [StepState(step, count(step), step.day <= day) for step in steps]
    return Newcomer(guide_id, name, store, day, states)
