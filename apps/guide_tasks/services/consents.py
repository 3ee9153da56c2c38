"""A consent taken back ends the work that needed it: it is 不适用, and held against nobody."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.guide_tasks.models import (
    PROFILED_KINDS,
    SERVICE_KINDS,
    ExcuseReason,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import targets
from apps.members.models import Consent
from apps.members.selectors import survivor_group
from apps.segments.compile import rests_on_profile

Purpose = Consent.Purpose
# what work may need beside the membership
_NEEDED = (Purpose.WECOM_MARKETING, Purpose.PROFILING)


def by_profile(push: TaskPush) -> bool:
    """Was it chosen by what we worked out from purchases whom this push goes to?"""
    if push.segment_run is None:
        return push.kind in PROFILED_KINDS
    return rests_on_profile(push.segment_run.version.definition)


def _stands(group: list[int], purpose: str) -> bool:
    return Consent.objects.valid().filter(member_id__in=group, purpose=purpose).exists()


def _excuse(ids: list[int], now: datetime) -> int:
    which = TaskTarget.objects.open().filter(pk__in=ids)
    return len(targets.excuse_set(which=which, reason=ExcuseReason.CONSENT_GONE, at=now))


@transaction.atomic
def excuse_unconsented(*, member_id: int, purpose: str, now: datetime) -> int:
    """Open work for a person of whom the consent that it needs is gone: marketing, or being chosen
    by purchases. Safe to repeat."""
    group = survivor_group(member_id)
    if purpose not in _NEEDED or _stands(group, purpose):
        return 0
    theirs = TaskTarget.objects.open().filter(member_id__in=group)
    if purpose == Purpose.WECOM_MARKETING:
        found = theirs.exclude(push__kind__in=SERVICE_KINDS)
        return _excuse(list(found.values_list("pk", flat=True)), now)
    asked = theirs.select_related("push__segment_run__version").defer("push__segment_run__members")
    return _excuse([target.pk for target in asked if by_profile(target.push)], now)


def excuse_withdrawn_since(*, push: TaskPush, since: datetime, now: datetime) -> int:
    """The same for those customers of a push who took a consent back from `since` on."""
    theirs = TaskTarget.objects.open().filter(
        push=push, member__survivor_id=OuterRef("member__survivor_id")
    )
    gone = Consent.objects.filter(Exists(theirs), withdrawn_at__gte=since, purpose__in=_NEEDED)
    found = gone.order_by("pk").values_list("member_id", "purpose")
    return sum(
        excuse_unconsented(member_id=member_id, purpose=purpose, now=now)
        for member_id, purpose in found
    )


def excuse_refused(*, which: QuerySet[TaskTarget], push: TaskPush, now: datetime) -> int:
    """The same for some targets of one push that are open again, in one statement: a consent may
    have been taken back while they were over."""
    needed = []
    if push.kind not in SERVICE_KINDS:
        needed.append(Purpose.WECOM_MARKETING)
    # without the run's members, who may be a million
    chosen = TaskPush.objects.select_related("segment_run__version").defer("segment_run__members")
    if by_profile(chosen.get(pk=push.pk)):
        needed.append(Purpose.PROFILING)
    refused = Q(pk__in=[])
    for purpose in needed:
        theirs = Consent.objects.filter(
            purpose=purpose, member__survivor_id=OuterRef("member__survivor_id")
        )
        taken_back = theirs.filter(withdrawn_at__isnull=False)
        refused |= Q(Exists(taken_back)) & ~Q(Exists(theirs.valid()))
    gone = ExcuseReason.CONSENT_GONE
    return len(targets.excuse_set(which=which.filter(refused), reason=gone, at=now))
