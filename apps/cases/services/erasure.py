"""A person asked to be deleted: what was written goes, what was open ends; numbers stay."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from apps.accounts.actor import SYSTEM
from apps.cases.models import CaseStep, Result, ServiceCase, State
from apps.cases.services.photos import forget_photos
from apps.cases.services.steps import move


@transaction.atomic
def forget_members(*, member_ids: Collection[int], now: datetime) -> int:
    """Empty the words, drop the photos, close what was open; returns how many cases there were."""
    cases = ServiceCase.objects.of_members(member_ids)
    for case in cases.undecided().select_for_update(of=("self",)).order_by("pk"):
        move(
            case,
            State.CLOSED,
            actor=SYSTEM,
            now=now,
            result=Result.ERASED,
            closed_by=SYSTEM.label,
            closed_at=now,
        )
    CaseStep.objects.filter(case__in=cases).update(words_enc=b"")
    forget_photos(case_ids=list(cases.values_list("pk", flat=True)))
    return cases.update(words_enc=b"")
