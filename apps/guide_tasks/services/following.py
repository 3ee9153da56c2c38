"""Open work follows the people: who is covered, has left or works elsewhere now hands it on.

To whom: for a cover, the covering guide; else the customer's serving guide of today, else the least
busy colleague at work in the store. Whoever it is must be TA's WeCom friend: else the work stays
where it is, is seen by the manager, and is looked at again.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.guide_tasks.models import State, TaskTarget
from apps.guide_tasks.services import assigning
from apps.members.models import ServingPeriod
from apps.stores import selectors as stores
from apps.stores.models import Guide, Posting

# one transaction looks at so many
PART = 5_000
_MOVABLE = (State.OPEN, State.IN_PROGRESS)


def move_work(*, now: datetime) -> int:
    """One look at who is away and who has gone; returns how many targets moved. Safe to repeat."""
    return in_parts(_move_covered, now) + in_parts(_move_of_gone, now)


def in_parts(look: Callable[[datetime, int], tuple[int, int | None]], now: datetime) -> int:
    """Part after part, each committed: what nobody can take stands in nobody's way."""
    total, after = 0, 0
    while True:
        moved, last = look(now, after)
        total += moved
        if last is None:
            return total
        after = last


def _last_of(ids: Collection[int]) -> int | None:
    """Where the next part begins; None when this was the last one."""
    return max(ids) if len(ids) == PART else None


@transaction.atomic
def _move_covered(now: datetime, after: int) -> tuple[int, int | None]:
    """What falls due before the absent guide is back goes to who covers; the rest waits."""
    today = clock.business_day(now)
    covered = {
        one.guide_id: one for one in stores.absences(days=[today]) if one.covering_id is not None
    }
    if not covered:
        return 0, None
    theirs = TaskTarget.objects.filter(
        pk__gt=after, state__in=_MOVABLE, guide_id__in=covered, opens_at__lte=now
    )
    rows = list(theirs.order_by("pk").values_list("pk", "guide_id", "member_id", "due_at")[:PART])
    wanted = {}
    for pk, guide_id, member_id, due_at in rows:
        one = covered[guide_id]
        if one.covering_id and (one.back_on is None or due_at < clock.day_start(one.back_on)):
            wanted[pk] = (member_id, one.covering_id)
    known = assigning.friends(
        member_ids={member for member, _guide in wanted.values()},
        guide_ids={guide for _member, guide in wanted.values()},
    )
    pairs = {pk: guide for pk, (member, guide) in wanted.items() if guide in known[member]}
    moves = assigning.move_to(pairs=pairs, cause="covered", actor=SYSTEM, now=now)
    return moves.moved, _last_of([pk for pk, *_rest in rows])


def left_behind(*, now: datetime) -> QuerySet[TaskTarget]:
    """Open targets in a store where their guide does not work (any more) today."""
    today = clock.business_day(now)
    posted = Posting.objects.on(today).filter(guide_id=OuterRef("guide_id"))
    return (
        TaskTarget.objects.filter(state__in=_MOVABLE, guide__in=stores.gone(day=today).values("pk"))
        .annotate(works_in=Subquery(posted.values("store_id")[:1]))
        .filter(Q(guide__status=Guide.Status.LEFT) | Q(works_in=None) | ~Q(works_in=F("store_id")))
    )


@transaction.atomic
def _move_of_gone(now: datetime, after: int) -> tuple[int, int | None]:
    found = (
        left_behind(now=now)
        .filter(pk__gt=after)
        .order_by("pk")
        .values_list("pk", "store_id", "member_id", "guide_id")[:PART]
    )
    rows = {pk: assigning.Work(*row) for pk, *row in found}
    if not rows:
        return 0, None
    pairs = _to_serving(rows, now)
    rest = {pk: row for pk, row in rows.items() if pk not in pairs}
    pairs |= assigning.share(rest, now=now)
    moves = assigning.move_to(pairs=pairs, cause="left", actor=SYSTEM, now=now)
    return moves.moved, _last_of(rows)


def _to_serving(wanted: dict[int, assigning.Work], now: datetime) -> dict[int, int]:
    """Target → the serving guide of its member, where that is another, a friend and at work."""
    serving = _serving_guides({one.member_id for one in wanted.values()})
    known = assigning.friends(member_ids=set(serving), guide_ids=set(serving.values()))
    working = set(
        Posting.objects.on(clock.business_day(now))
        .live()
        .filter(guide_id__in=set(serving.values()), guide__status=Guide.Status.ACTIVE)
        .values_list("guide_id", flat=True)
    )
    return {
        pk: guide_id
        for pk, one in wanted.items()
        if (guide_id := serving.get(one.member_id)) in working
        and guide_id in known[one.member_id]
        and guide_id != one.guide_id
    }


def _serving_guides(member_ids: Collection[int]) -> dict[int, int]:
    periods = ServingPeriod.objects.current().filter(member_id__in=member_ids)
    return dict(periods.values_list("member_id", "guide_id"))
