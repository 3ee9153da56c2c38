"""What people do with a case. Each step is in the record; no step does anything to the guide."""

from datetime import datetime

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core.logs import scrub_text
from apps.risks.errors import CaseDecided, CaseNeedsAWord
from apps.risks.models import RiskCase

State = RiskCase.State
LEAST_WORDS = 4


def _locked(case_id: int, actor: Actor) -> RiskCase:
    case: RiskCase = (
        RiskCase.objects.visible_to(actor).select_for_update(of=("self",)).get(pk=case_id)
    )
    if not case.is_open:
        raise CaseDecided
    return case


@transaction.atomic
def look_into(*, case_id: int, actor: Actor) -> RiskCase:
    """Say that somebody is at it. Safe to repeat; raises CaseDecided."""
    case = _locked(case_id, actor)
    if case.taken_by_id != actor.user_id:
        case.state, case.taken_by_id = State.LOOKING, actor.user_id
        case.save(update_fields=["state", "taken_by"])
        accounts.audit(actor=actor, action="risk.taken", object_type="risk_case", object_id=case.pk)
    return case


@transaction.atomic
def decide(*, case_id: int, confirmed: bool, word: str, actor: Actor, now: datetime) -> RiskCase:
    """Close a case as confirmed or as a false alarm, with what was found.

    Raises CaseDecided, CaseNeedsAWord.
    """
    # a sentence may quote a number; cases hold nothing of customers
    words = scrub_text(" ".join(word.split()))[:300]
    if len(words) < LEAST_WORDS:
        raise CaseNeedsAWord
    case = _locked(case_id, actor)
    case.state = State.CONFIRMED if confirmed else State.FALSE_ALARM
    case.decided_by_id, case.decided_at, case.word = actor.user_id, now, words
    case.save(update_fields=["state", "decided_by", "decided_at", "word"])
    accounts.audit(
        actor=actor,
        action="risk.decided",
        object_type="risk_case",
        object_id=case.pk,
        detail={"outcome": case.state},
    )
    return case
