"""The only place where a case's state changes, with a line in its history and in TA's story."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.cases.errors import CaseMoved, NumberInWords, WordsMissing
from apps.cases.models import NEXT, CaseStep, Result, ServiceCase, State
from apps.core import pii
from apps.timeline import services as timeline
from apps.timeline.models import Kind as Event

WORDS_LENGTH = 300
EVENTS = {
    State.OPEN: Event.CASE_OPENED,
    State.CLOSED: Event.CASE_CLOSED,
    State.REOPENED: Event.CASE_REOPENED,
}


def due_after(now: datetime) -> datetime:
    return now + timedelta(hours=settings.CASE_DUE_HOURS)


def tidy(words: str, *, required: bool = True) -> str:
    """What somebody wrote, as it is kept. Raises WordsMissing, NumberInWords."""
    words = words.strip()[:WORDS_LENGTH]
    if required and not words:
        raise WordsMissing
    if pii.holds_number(words):
        raise NumberInWords
    return words


def held(case_id: int) -> ServiceCase:
    """The case, nobody else's until the transaction ends."""
    rows = ServiceCase.objects.select_for_update(of=("self",))
    return rows.select_related("store").get(pk=case_id)


def move(
    case: ServiceCase, to: str, *, actor: Actor, now: datetime, words: str = "", **fields: Any
) -> ServiceCase:
    """Lead a case that the caller holds on. Raises CaseMoved."""
    if to not in NEXT[case.state]:
        raise CaseMoved
    before = case.state
    values = {"state": to, **fields}
    for name, value in values.items():
        setattr(case, name, value)
    case.save(update_fields=list(values))
    step = note(case, before=before, words=words, actor=actor.label, at=now)
    # what was called off because TA is forgotten has no story to stand in
    if to in (State.CLOSED, State.REOPENED) and case.result != Result.ERASED:
        timeline.record_events([event_of(case, key=f"{case.label}:{step.pk}", actor=actor, at=now)])
    accounts.audit(
        actor=actor,
        action=f"case.{to}",
        object_type="service_case",
        object_id=case.pk,
        detail={"store": case.store_id, **({"outcome": case.result} if case.result else {})},
    )
    return case


def note(case: ServiceCase, *, before: str, words: str, actor: str, at: datetime) -> CaseStep:
    return CaseStep.objects.create(**step_of(case, before=before, words=words, actor=actor, at=at))


def step_of(
    case: ServiceCase, *, before: str, words: str, actor: str, at: datetime
) -> dict[str, Any]:
    return {
        "case": case,
        "from_state": before,
        "to_state": case.state,
        "holder": case.holder,
        "result": case.result,
        "words_enc": pii.seal(words),
        "at": at,
        "actor": actor,
    }


def event_of(case: ServiceCase, *, key: str, actor: Actor, at: datetime) -> timeline.NewEvent:
    """A step in the customer's story; ids and codes alone."""
    return timeline.NewEvent(
        member_id=case.member_id,
        kind=EVENTS[State(case.state)],
        source=case.label,
        key=key,
        occurred_at=at,
        payload={
            "guide_id": case.guide_id,
            "store_id": case.store_id,
            "complaint": case.kind,
            "result": case.result,
        },
        actor=actor.label,
    )
