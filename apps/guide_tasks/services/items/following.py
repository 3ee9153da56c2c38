"""Items of who has gone or is away: what the place needs is handed on, what was theirs ends.

A display or a free task goes to a colleague who has none of that push, so that nobody does it
twice. A quota, a post, a send to groups is one person's: it follows nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from psycopg.types.range import DateRange

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.customer_groups import services as customer_groups
from apps.guide_tasks import hours
from apps.guide_tasks.models import ItemExcuse, ItemMove, State, TaskItem, TaskPush
from apps.guide_tasks.services.following import in_parts
from apps.guide_tasks.services.items import acts
from apps.guide_tasks.services.recalling import LONGEST
from apps.guide_tasks.wording import short_moment
from apps.outreach import services as outreach
from apps.stores import selectors as stores
from apps.stores.models import Guide, Posting

Kind = TaskPush.Kind
# bound to the place; whoever works there can do it
OF_THE_PLACE = (Kind.DISPLAY, Kind.FREE)
# a photo that was handed in waits for the manager, not for its guide
_UNDONE = (State.OPEN, State.IN_PROGRESS)
# one transaction looks at so many
PART = 2_000
_AUDITED = 50


def move_items(*, now: datetime) -> int:
    """One look at who is away and who has gone; returns how many items were handed on or ended.
    Safe to repeat."""
    return in_parts(_of_gone, now) + in_parts(_of_covered, now)


def _held(which: QuerySet[TaskItem], after: int) -> tuple[list[TaskItem], int | None]:
    """The next part, held until the transaction ends, and where the one after it begins."""
    mine = which.filter(pk__gt=after, guide__isnull=False, state__in=_UNDONE)
    rows = list(
        mine.select_for_update(of=("self",)).select_related("push", "guide").order_by("pk")[:PART]
    )
    return rows, rows[-1].pk if len(rows) == PART else None


# --- who has gone ---------------------------------------------------------------------------------


@transaction.atomic
def _of_gone(now: datetime, after: int) -> tuple[int, int | None]:
    """A leaver's items, and what somebody who works elsewhere now had to do in the old place.

    What nobody at work can take waits for the next look while somebody else may still come in
    before it is due: a day off or a shut store takes nothing away.
    """
    today = clock.business_day(now)
    rows, last = _held(_whose_guide_is_gone(today, now), after)
    if not rows:
        return 0, None
    ahead = [row for row in rows if row.push.kind in OF_THE_PLACE and row.due_at > now]
    to = _colleagues(ahead, now)
    words = _("%(name)s does not work there any more, please take it over. Until %(due)s.")
    _hand_on(ahead, to, "left", words, now)
    waiting = _with_somebody_to_come([row for row in ahead if row.pk not in to], today)
    ended = [row for row in rows if row.pk not in to and row.pk not in waiting]
    _end(ended, "left", _("its guide does not work there any more"), now)
    return len(to) + len(ended), last


def _whose_guide_is_gone(today: date, now: datetime) -> QuerySet[TaskItem]:
    """Who begins elsewhere in some days has not gone: their own quota waits for them."""
    posted = Posting.objects.filter(guide_id=OuterRef("guide_id"))
    left = Q(guide__status=Guide.Status.LEFT)
    here = posted.on(today).filter(store_id=OuterRef("store_id"))
    elsewhere = Q(push__kind__in=OF_THE_PLACE) & ~Exists(here)
    nowhere = ~Exists(posted.filter(during__overlap=DateRange(today, None)))
    # an item may wait as long as one may be planned ahead
    gone = stores.gone(day=today, within=LONGEST)
    found = TaskItem.objects.filter(left | elsewhere | nowhere, guide__in=gone.values("pk"))
    return found.exclude(Exists(acts.confirmed_send(now)))


def _with_somebody_to_come(rows: Sequence[TaskItem], today: date) -> set[int]:
    """Those in whose store a guide is posted, whether off today or not, before they are due."""
    posted = Posting.objects.filter(
        store_id__in={row.store_id for row in rows},
        role=Posting.PostingRole.GUIDE,
        guide__status=Guide.Status.ACTIVE,
        during__overlap=DateRange(today, None),
    )
    begins = posted.order_by().values_list("store_id").annotate(first=Min("during__startswith"))
    first = dict(begins)
    return {
        row.pk
        for row in rows
        if row.store_id in first and first[row.store_id] <= clock.business_day(row.due_at)
    }


def _colleagues(rows: Sequence[TaskItem], now: datetime) -> dict[int, int]:
    """Item → the least busy guide at work in its store who has none of that push."""
    if not rows:
        return {}
    here: dict[int, list[int]] = defaultdict(list)
    day = clock.business_day(now)
    for posting in stores.at_work(store_ids={row.store_id for row in rows}, day=day):
        if posting.role == Posting.PostingRole.GUIDE:
            here[posting.store_id].append(posting.guide_id)
    people = {guide_id for guides in here.values() for guide_id in guides}
    taken, busy = _have_one(rows, people), _loads(people)
    to: dict[int, int] = {}
    for row in rows:
        free = [one for one in here[row.store_id] if (row.push_id, one) not in taken]
        if free:
            chosen = min(free, key=lambda one: (busy[one], one))
            busy[chosen] += 1
            taken.add((row.push_id, chosen))
            to[row.pk] = chosen
    return to


def _have_one(rows: Iterable[TaskItem], guide_ids: Iterable[int]) -> set[tuple[int, int | None]]:
    """(push, guide) of those who have, or had, an item of these pushes."""
    theirs = TaskItem.objects.filter(
        push_id__in={row.push_id for row in rows}, guide_id__in=set(guide_ids)
    )
    return set(theirs.values_list("push_id", "guide_id"))


def _loads(guide_ids: Iterable[int]) -> Counter[int]:
    """Open items of each guide."""
    rows = TaskItem.objects.open().filter(guide_id__in=guide_ids).order_by()
    return Counter({pk: n for pk, n in rows.values_list("guide_id").annotate(n=Count("pk")) if pk})


# --- who is covered -------------------------------------------------------------------------------


@transaction.atomic
def _of_covered(now: datetime, after: int) -> tuple[int, int | None]:
    """What falls due before they are back goes to who covers. What nobody could take ends when it
    is due, not before: a cover that is called off has taken nothing away."""
    covered = _covers_lately(now)
    if not covered:
        return 0, None
    theirs = TaskItem.objects.filter(
        guide_id__in={guide_id for guide_id, _day in covered},
        push__kind__in=OF_THE_PLACE,
        opens_at__lte=now,
        due_at__gt=now - hours.grace(),
    )
    rows, last = _held(theirs, after)
    today = clock.business_day(now)
    wanted: dict[int, tuple[TaskItem, int]] = {}
    for row in rows:
        one = covered.get((row.guide_id or 0, today))
        if one and one.covering_id and row.due_at > now and _is_due_before_back(row, one):
            wanted[row.pk] = (row, one.covering_id)
    to = _covering(wanted, now)
    words = _("You work for %(name)s, who is away. Until %(due)s.")
    _hand_on([row for row, _covering_id in wanted.values()], to, "covered", words, now)
    # by who was away when it was due: the look may come after midnight, and what was overdue
    # before somebody went away stays theirs
    ended = [
        row
        for row in rows
        if row.due_at <= now and (row.guide_id, clock.business_day(row.due_at)) in covered
    ]
    _end(ended, "away", _("its guide was away until after it was due"), now)
    return len(to) + len(ended), last


def _covers_lately(now: datetime) -> dict[tuple[int, date], stores.Absence]:
    """(guide, day) of who is covered today, or was on a day of which work is still open."""
    today, first = clock.business_day(now), clock.business_day(now - hours.grace())
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    return {
        (one.guide_id, one.day): one
        for one in stores.absences(days=days)
        if one.covering_id is not None
    }


def _is_due_before_back(row: TaskItem, one: stores.Absence) -> bool:
    return one.back_on is None or row.due_at < clock.day_start(one.back_on)


def _covering(wanted: Mapping[int, tuple[TaskItem, int]], now: datetime) -> dict[int, int]:
    """Item → who covers, where that one works in its store today and has none of that push."""
    rows, people = [row for row, _one in wanted.values()], {one for _row, one in wanted.values()}
    day = clock.business_day(now)
    here = set(
        Posting.objects.on(day).filter(guide_id__in=people).values_list("guide_id", "store_id")
    )
    taken = _have_one(rows, people)
    to: dict[int, int] = {}
    for pk, (row, guide_id) in wanted.items():
        if (guide_id, row.store_id) in here and (row.push_id, guide_id) not in taken:
            taken.add((row.push_id, guide_id))
            to[pk] = guide_id
    return to


# --- handed on, ended -----------------------------------------------------------------------------


def _hand_on(
    rows: Sequence[TaskItem], to: Mapping[int, int], cause: str, words: str, now: datetime
) -> None:
    """Give items to their receivers, with history and a card that says from whom and why."""
    moved = [row for row in rows if row.pk in to]
    if not moved:
        return
    before = {row.pk: (row.guide_id, row.guide.name if row.guide else "") for row in moved}
    ItemMove.objects.bulk_create(
        ItemMove(
            item=row,
            from_state=row.state,
            to_state=row.state,
            at=now,
            actor=SYSTEM.label,
            reason=f"{cause}:guide:{row.guide_id}>guide:{to[row.pk]}",
        )
        for row in moved
    )
    for row in moved:
        row.guide_id, row.seen_at, row.chases, row.chased_at = to[row.pk], None, 0, None
    TaskItem.objects.bulk_update(moved, ["guide", "seen_at", "chases", "chased_at"])
    outreach.queue_cards(
        cards=[
            outreach.GuideCard(
                guide_id=to[row.pk],
                source=f"{row.source}:from:{before[row.pk][0]}",
                title=row.push.title,
                body=words % {"name": before[row.pk][1], "due": short_moment(row.due_at)},
                path=acts.page_of(row),
                not_before=hours.next_within(now, row.push.hand_out_from, row.push.hand_out_until),
            )
            for row in moved
        ]
    )
    _audit("item.moved", cause, moved)


def _end(rows: Sequence[TaskItem], reason: str, sentence: str, now: datetime) -> None:
    """Nobody's any more: 不适用 (taken back), outside every rate."""
    if not rows:
        return
    acts.move_set(
        which=TaskItem.objects.filter(pk__in=[row.pk for row in rows]),
        sources=_UNDONE,
        to=State.NOT_APPLICABLE,
        at=now,
        reason=reason,
        excuse=ItemExcuse.WITHDRAWN,
        sentence=sentence,
    )
    for row in rows:
        if row.push.kind == Kind.GROUP_SEND:
            customer_groups.drop_group_sends(source=row.push.source, guide_id=row.guide_id, now=now)
    _audit("item.ended", reason, rows)


def _audit(action: str, cause: str, rows: Sequence[TaskItem]) -> None:
    ids = [row.pk for row in rows[:_AUDITED]]
    accounts.audit(
        actor=SYSTEM, action=action, detail={"cause": cause, "count": len(rows), "items": ids}
    )
