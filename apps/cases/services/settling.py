"""What becomes of a complaint: taken up, closed with a result, opened again. Repeats change
nothing; who comes second to something else is told so."""

from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.cases.errors import (
    AboutYourself,
    NotYoursToSettle,
    ResultMissing,
    WithHeadOffice,
)
from apps.cases.models import Holder, Kind, Result, ServiceCase, State
from apps.cases.selectors import may_settle
from apps.cases.services import news
from apps.cases.services.steps import due_after, held, move, tidy

RESULTS = tuple(one for one in Result if one != Result.ERASED)


@transaction.atomic
def take_up(*, case_id: int, actor: Actor, now: datetime) -> ServiceCase:
    """Say that somebody is at it. Head office takes it out of the store's hand, also when the store
    is at it. Safe to repeat. Raises NotYoursToSettle, WithHeadOffice, CaseMoved.
    """
    case = _settled_by(case_id, actor)
    holder = Holder.HQ if actor.sees_all else Holder.STORE
    if case.state == State.IN_HAND:
        if case.holder == holder:
            return case
        # from hand to hand: open in between, so that the history shows both steps
        move(case, State.OPEN, actor=actor, now=now)
    return move(case, State.IN_HAND, actor=actor, now=now, holder=holder)


@transaction.atomic
def hand_back(*, case_id: int, actor: Actor, now: datetime) -> ServiceCase:
    """Head office leaves it to the store, whose manager hears of it. Safe to repeat.

    Raises NotYoursToSettle, CaseMoved.
    """
    case = _settled_by(case_id, actor)
    if case.holder == Holder.STORE and case.state in (State.OPEN, State.REOPENED):
        return case
    move(case, State.OPEN, actor=actor, now=now, holder=Holder.STORE, late_told_at=None)
    news.reopened(case, by_guide=actor.guide_id, now=now)
    return case


@transaction.atomic
def close(*, case_id: int, result: str, words: str, actor: Actor, now: datetime) -> ServiceCase:
    """Closed, with what came of it and a sentence. The same again changes nothing.

    Raises ResultMissing, WordsMissing, NumberInWords, NotYoursToSettle, WithHeadOffice,
    AboutYourself, CaseMoved.
    """
    if result not in RESULTS:
        raise ResultMissing
    case = _settled_by(case_id, actor)
    if case.is_closed and (case.result, case.closed_by) == (result, actor.label):
        return case
    if case.kind == Kind.ATTITUDE and case.guide_id == actor.guide_id is not None:
        raise AboutYourself
    move(
        case,
        State.CLOSED,
        actor=actor,
        now=now,
        words=tidy(words),
        result=result,
        closed_by=actor.label,
        closed_at=now,
    )
    news.closed(case, by_guide=actor.guide_id, now=now)
    return case


@transaction.atomic
def reopen(*, case_id: int, words: str, actor: Actor, now: datetime) -> ServiceCase:
    """It was not over: it waits again, with a new time and why. Safe to repeat.

    Raises WordsMissing, NumberInWords, NotYoursToSettle.
    """
    case = _settled_by(case_id, actor)
    if not case.is_closed:
        return case
    move(
        case,
        State.REOPENED,
        actor=actor,
        now=now,
        words=tidy(words),
        result="",
        closed_by="",
        closed_at=None,
        due_at=due_after(now),
        late_told_at=None,
    )
    news.reopened(case, by_guide=actor.guide_id, now=now)
    return case


def _settled_by(case_id: int, actor: Actor) -> ServiceCase:
    """The case, held, for somebody who may settle it."""
    case = held(case_id)
    if not may_settle(case, actor):
        raise NotYoursToSettle
    if case.holder == Holder.HQ and not actor.sees_all and not case.is_closed:
        raise WithHeadOffice
    return case
