"""已到店: a customer was in the shop, which counts for the work that asked for it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Min, OuterRef, Subquery, Value
from django.db.models.functions import Least

from apps.guide_tasks.models import Evidence, Outcome, TaskTarget
from apps.members.selectors import survivor_group
from apps.timeline import services as timeline
from apps.timeline.models import Kind

_WINDOW = ExpressionWrapper(
    F("push__campaign__window_days") * Value(timedelta(days=1)), output_field=DurationField()
)


@transaction.atomic
def record_visit(
    *, member_id: int, source: str, occurred_at: datetime, actor: str = "system"
) -> int:
    """已到店 for the targets whose window this visit falls into, whatever became of the contact: an
    outcome measures, it never completes one. `source` and `actor` say whose word it is.

    Returns how many proofs were new. Safe to repeat.
    """
    held = {  # in one order everywhere
        target.pk: target
        for target in TaskTarget.objects.filter(
            member_id__in=survivor_group(member_id),
            opens_at__lte=occurred_at,
            opens_at__gt=occurred_at - _WINDOW,
        )
        .order_by("pk")
        .select_for_update(of=("self",))
    }
    if not held:
        return 0
    fresh = Evidence.objects.add_outcome(
        target_ids=list(held),
        outcome=Outcome.VISITED,
        source=source,
        actor=actor,
        occurred_at=occurred_at,
    )
    TaskTarget.objects.filter(pk__in=fresh).update(visited_at=Least("visited_at", occurred_at))
    timeline.record_events(
        timeline.NewEvent(
            member_id=held[pk].member_id,
            kind=Kind.VISITED,
            source=held[pk].source,
            key=f"{held[pk].source}:visited:{source}",
            occurred_at=occurred_at,
            actor=actor,
            payload={"push_id": held[pk].push_id, "source": source},
        )
        for pk in fresh
    )
    return len(fresh)


@transaction.atomic
def take_back_visit(*, member_id: int, source: str) -> int:
    """The visit of this source was noted by mistake: its proofs go, another visit's stay.

    Returns how many proofs went. Safe to repeat.
    """
    targets = TaskTarget.objects.filter(member_id__in=survivor_group(member_id))
    held = list(  # in one order everywhere
        targets.exclude(visited_at=None)
        .order_by("pk")
        .select_for_update(of=("self",))
        .values_list("pk", flat=True)
    )
    visits = Evidence.objects.filter(outcome=Outcome.VISITED)
    proofs = visits.filter(target_id__in=held, source=source)
    touched = list(proofs.values_list("target_id", flat=True))
    proofs.delete()
    first = visits.filter(target_id=OuterRef("pk")).order_by().values("target_id")
    TaskTarget.objects.filter(pk__in=touched).update(
        visited_at=Subquery(first.annotate(at=Min("occurred_at")).values("at"))
    )
    return len(touched)
