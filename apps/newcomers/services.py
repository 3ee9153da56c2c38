"""The one write of the newcomers' room: a word of their own."""

from datetime import datetime

from apps.newcomers.models import PlanStep, StepTold


def tell_step(*, step: PlanStep, guide_id: int, now: datetime) -> None:
    """The newcomer says that a step is done that nothing can count; the first word stays."""
    assert step.proof == PlanStep.Proof.TOLD
    StepTold.objects.bulk_create(
        [StepTold(step=step, guide_id=guide_id, told_at=now)], ignore_conflicts=True
    )
