"""Which groups go with a handover, and who owns them then: a colleague who is in the group already
first, else who owns fewest."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count

from apps.core.wake import wake
from apps.customer_groups.models import CustomerGroup, GroupMembership
from apps.handovers import reasons
from apps.handovers.errors import HandedOverMeanwhile
from apps.handovers.models import HandoverGroup, HandoverRun
from apps.stores.models import Guide

JOB = "handovers.send_groups"
# WeCom lets a group change owners on the job twice in this time
WINDOW = timedelta(days=90)
MOST_IN_WINDOW = 2
_OPEN_ONCE = "handovers_group_open_once"

State = HandoverGroup.State


def choose_owners(
    groups: Sequence[CustomerGroup], *, among: Sequence[int]
) -> dict[int, int | None]:
    """{group: successor}; three queries, however many. None where there is nobody."""
    names = dict(Guide.objects.filter(pk__in=among).values_list("wecom_userid", "pk"))
    inside: dict[int, set[int]] = defaultdict(set)
    stays = GroupMembership.objects.filter(group__in=groups, left_at=None, wecom_id__in=names)
    for group_id, userid in stays.values_list("group_id", "wecom_id"):
        inside[group_id].add(names[userid])
    load = _owned(among)
    chosen: dict[int, int | None] = {}
    for group in groups:
        rank = {pk: (pk not in inside[group.pk], load[pk], pk) for pk in among}
        taken = min(among, key=lambda pk: rank[pk], default=None)
        if taken is not None:
            load[taken] += 1
        chosen[group.pk] = taken
    return chosen


def _owned(guide_ids: Collection[int]) -> Counter[int]:
    rows = CustomerGroup.objects.living().filter(owner_id__in=guide_ids).order_by()
    return Counter(dict(rows.values_list("owner_id").annotate(n=Count("pk"))))


def keep(run: HandoverRun, groups: Sequence[CustomerGroup], among: Sequence[int]) -> None:
    """A planned row for every group."""
    chosen = choose_owners(groups, among=among)
    _add(
        HandoverGroup(run=run, guide_id=run.guide_id, group=group, takeover_id=chosen[group.pk])
        for group in groups
    )


def _add(rows: Iterable[HandoverGroup]) -> None:
    """A group is on its way once: of two people at the same moment the second one hears of it.
    Raises HandedOverMeanwhile."""
    try:
        with transaction.atomic():
            HandoverGroup.objects.bulk_create(rows)
    except IntegrityError as error:
        if _OPEN_ONCE not in str(error):
            raise
        raise HandedOverMeanwhile() from error


def queue(*, run: HandoverRun, now: datetime) -> int:
    """A run begins: its planned groups wait for WeCom; what cannot go says why. How many go."""
    planned = run.groups.current().filter(state=State.PLANNED)
    planned.filter(takeover=None).update(state=State.LEFT, reason=reasons.NOBODY, ended_at=now)
    spent = used_up(run=run, group_ids=planned.values_list("group_id", flat=True), now=now)
    planned.filter(group_id__in=spent).update(
        state=State.CANNOT, reason=reasons.TWICE, ended_at=now
    )
    going = planned.update(state=State.QUEUED, due_at=now)
    if going:
        wake(JOB)
    return going


def used_up(*, run: HandoverRun, group_ids: Collection[int], now: datetime) -> set[int]:
    """Groups that changed owners on the job as often as WeCom allows, from our own history."""
    if run.has_left:
        return set()
    rows = (
        HandoverGroup.objects.called_since(now - WINDOW)
        .filter(group_id__in=list(group_ids), run__kind=HandoverRun.Kind.ON_JOB)
        .order_by()
        .values_list("group_id")
        .annotate(n=Count("pk"))
        .filter(n__gte=MOST_IN_WINDOW)
    )
    return {group_id for group_id, _n in rows}


def attempt(*, run: HandoverRun, rows: Sequence[HandoverGroup], to: Guide, now: datetime) -> int:
    """A next attempt for each of these groups; the ones before stay as history."""
    HandoverGroup.objects.filter(pk__in=[one.pk for one in rows]).update(is_current=False)
    _add(
        HandoverGroup(
            run=run,
            guide_id=run.guide_id,
            takeover=to,
            group_id=one.group_id,
            attempt=one.attempt + 1,
            state=State.QUEUED,
            due_at=now,
        )
        for one in rows
    )
    if rows:
        wake(JOB)
    return len(rows)
