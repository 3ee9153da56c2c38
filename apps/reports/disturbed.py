"""打扰率, one definition for a push and for a place: of those reached, who ended the friendship or
asked for silence within a week of it."""

from datetime import timedelta

from django.db.models import DateTimeField, Exists, ExpressionWrapper, OuterRef, Q, Value

from apps.guide_tasks.models import Grade
from apps.members.models import FollowRelation, StopMark

_WITHIN = timedelta(days=7)


def was_reached() -> Q:
    return Q(contact_grade=Grade.DELIVERED)


def was_disturbed() -> Q:
    """Of targets: reached, and it was one too many."""
    reached = OuterRef("contacted_at")
    until = ExpressionWrapper(reached + Value(_WITHIN), output_field=DateTimeField())
    whose = {"member_id": OuterRef("member_id")}
    stops = StopMark.objects.filter(**whose, since__gte=reached, since__lt=until)
    ends = FollowRelation.objects.filter(
        **whose,
        guide_id=OuterRef("guide_id"),
        ended_by=FollowRelation.EndedBy.CUSTOMER,
        until__gte=reached,
        until__lt=until,
    )
    return was_reached() & (Q(Exists(stops)) | Q(Exists(ends)))
