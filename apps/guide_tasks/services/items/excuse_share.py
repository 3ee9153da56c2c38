"""Much 不适用 of store work: the manager confirms it, or gives the work back.

One guide has one item of a push, so the share is the store's: how many of its guides say so. What
anybody of the store may do is off for all of them by one person's word; that always asks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import ItemExcuseDecision, ItemMove, State, TaskItem, TaskPush
from apps.guide_tasks.querysets import TaskItemQuerySet
from apps.guide_tasks.selectors import IN_TIME, Said, excuses_said
from apps.guide_tasks.services.items import acts as items
from apps.guide_tasks.services.items.excuses import GUIDE_REASONS
from apps.outreach import services as outreach
from apps.stores import selectors as stores

_ASKED_FOR = timedelta(days=14)
_LISTED = 20
_RETURNED = "returned"

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ItemsExcused:
    """A push in one store over the limit. `chosen`: the items somebody there called 不适用, with
    who said it; `excused` all of them, also what nobody there chose."""

    push: TaskPush
    issued: int
    done: int
    excused: int
    chosen: list[tuple[TaskItem, Said | None]]
    may_return: bool


def _by_others(actor: Actor) -> Q:
    """Called 不适用 by somebody else: nobody decides about their own word."""
    own = ItemMove.objects.filter(
        item=OuterRef("pk"), to_state=State.NOT_APPLICABLE, actor=actor.label
    )
    return Q(~Exists(own), state=State.NOT_APPLICABLE, excuse_reason__in=GUIDE_REASONS)


def _over(work: TaskItemQuerySet, actor: Actor, now: datetime) -> dict[Pair, dict[str, int]]:
    """(push, store) over the limit and not decided yet, with its numbers. Two queries, one if
    nothing is over it."""
    running = work.filter(
        push__status=TaskPush.Status.HANDED_OUT, due_at__gte=now - _ASKED_FOR
    ).asked_of_guides()
    rows = (
        running.order_by("push_id", "store_id")
        .values("push_id", "store_id")
        .annotate(
            issued=Count("pk"),
            done=Count("pk", filter=IN_TIME),
            excused=Count("pk", filter=Q(state=State.NOT_APPLICABLE)),
            shared=Count("pk", filter=Q(guide=None)),
            chosen=Count("pk", filter=_by_others(actor)),
        )
        .annotate(over=F("chosen") * 100 - F("issued") * settings.EXCUSED_PERCENT_LIMIT)
        .filter(Q(chosen__gte=settings.EXCUSED_ITEMS_FROM) | Q(shared__gt=0, chosen__gt=0))
        .filter(over__gte=0)
    )
    found = {(row["push_id"], row["store_id"]): row for row in rows}
    if not found:
        return {}
    decided = ItemExcuseDecision.objects.filter(push_id__in=[push for push, _store in found])
    kept = {
        (push_id, store_id): number
        for push_id, store_id, number in decided.order_by("pk").values_list(
            "push_id", "store_id", "kept"
        )
    }
    return {pair: row for pair, row in found.items() if row["chosen"] > kept.get(pair, 0)}


def item_shares_to_decide(*, actor: Actor, now: datetime) -> list[ItemsExcused]:
    """Store work over the limit in the stores the actor leads; one query if there is none, else
    five."""
    found = dict(list(_over(TaskItem.objects.managed_by(actor), actor, now).items())[:_LISTED])
    if not found:
        return []
    rows = (
        TaskItem.objects.filter(
            _by_others(actor),
            push_id__in={push for push, _store in found},
            store_id__in={store for _push, store in found},
        )
        .select_related("push", "store", "guide")
        .order_by("guide__name", "pk")
    )
    chosen: dict[Pair, list[TaskItem]] = {pair: [] for pair in found}
    for row in rows:
        if (pair := (row.push_id, row.store_id)) in chosen:
            chosen[pair].append(row)
    said = excuses_said(item for some in chosen.values() for item in some)
    return [
        ItemsExcused(
            push=some[0].push,
            issued=found[pair]["issued"],
            done=found[pair]["done"],
            excused=found[pair]["excused"],
            chosen=[(item, said.get(item.pk)) for item in some],
            may_return=any(item.due_at >= now - grace() for item in some),
        )
        for pair, some in chosen.items()
        if some
    ]


@transaction.atomic
def decide_items(*, item: TaskItem, give_back: bool, actor: Actor, now: datetime) -> int:
    """Confirm what was called 不适用 of the item's push in its store, or give back what can still
    be done; returns how many went back. What is not over the limit (any more) is left alone.

    Raises NotYourStore.
    """
    item = items.lock_led(item.pk, actor)
    here = TaskItem.objects.filter(push_id=item.push_id, store_id=item.store_id)
    list(here.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    if not _over(here, actor, now):
        return 0
    chosen = list(here.filter(_by_others(actor)).order_by("pk"))
    returned = _give_back(chosen, actor, now) if give_back else []
    ItemExcuseDecision.objects.create(
        push_id=item.push_id,
        store_id=item.store_id,
        excused=len(chosen),
        kept=len(chosen) - len(returned),
        decided_at=now,
        decided_by=actor.label,
    )
    _tell(item.push, returned, actor, now)
    accounts.audit(
        actor=actor,
        action="item_excuses.returned" if give_back else "item_excuses.confirmed",
        object_type="task_push",
        object_id=item.push_id,
        detail={"store": item.store_id, "excused": len(chosen), "returned": len(returned)},
    )
    return len(returned)


def _give_back(chosen: list[TaskItem], actor: Actor, now: datetime) -> list[TaskItem]:
    """Open again what its time still allows; what was begun stands where it stood."""
    able = {item.pk for item in chosen if item.due_at >= now - grace()}
    moved = items.move_set(
        which=TaskItem.objects.filter(pk__in=able),
        sources=[State.NOT_APPLICABLE],
        to=State.OPEN,
        at=now,
        actor=actor.label,
        reason=_RETURNED,
    )
    begun = [item.pk for item in chosen if item.pk in moved and (item.refusal or item.counted)]
    if begun:
        items.move_set(
            which=TaskItem.objects.filter(pk__in=begun),
            sources=[State.OPEN],
            to=State.IN_PROGRESS,
            at=now,
            actor=actor.label,
            reason=_RETURNED,
        )
    return [item for item in chosen if item.pk in moved]


def _tell(push: TaskPush, returned: list[TaskItem], actor: Actor, now: datetime) -> None:
    """A card for each guide; for the store's own work everybody at work there today."""
    shared = {item.store_id for item in returned if item.guide_id is None}
    day = clock.business_day(now)
    here = [one.guide_id for one in stores.at_work(store_ids=shared, day=day)] if shared else []
    cards = [
        outreach.GuideCard(
            guide_id=guide_id,
            source=f"{item.source}:returned:{now.isoformat()}",
            title=_("Please look again: %(title)s") % {"title": push.title},
            body=_("Your manager put it back on your list"),
            path=items.page_of(item),
            not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
        )
        for item in returned
        for guide_id in (here if item.guide_id is None else [item.guide_id])
        if guide_id != actor.guide_id
    ]
    outreach.queue_cards(cards=cards)
