"""巡店: what was seen in a store, what is to follow, and the word that closes it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.locks import take_turn
from apps.stores.models import Guide, Posting, Store, StoreVisit, VisitItem
from apps.stores.services import PLAN_AHEAD, DayIsOver, NotPostedHere

LISTED = 20
_OPEN_LISTED = 50


class VisitEmpty(DomainError):
    code = "visit_empty"
    message = _("Write what you saw in the store.")


class WordMissing(DomainError):
    code = "word_missing"
    message = _("Say in a word how it ended; then it is closed.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item as it is asked for; without a guide it is the store's."""

    words: str
    due_on: date
    guide: Guide | None = None


@transaction.atomic
def keep_visit(
    *,
    store: Store,
    note: str,
    items: Sequence[Wanted],
    actor: Actor,
    now: datetime,
    client_id: uuid.UUID,
) -> tuple[StoreVisit, bool]:
    """Keep a visit with what is to follow, and whether it is new: the same `client_id` again gives
    the one that stands. Raises VisitEmpty, DayIsOver, NotPostedHere.
    """
    take_turn(str(client_id))
    known = StoreVisit.objects.filter(client_id=client_id).first()
    if known is not None:
        return known, False
    if not note.strip():
        raise VisitEmpty()
    _demand_possible(store, items, now)
    visit = StoreVisit.objects.create(
        store=store,
        note=note.strip(),
        written_by=actor.name[:40],
        created_by=actor.label,
        created_at=now,
        client_id=client_id,
    )
    VisitItem.objects.bulk_create(
        VisitItem(
            visit=visit,
            store=store,
            words=item.words.strip(),
            guide=item.guide,
            due_on=item.due_on,
        )
        for item in items
    )
    accounts.audit(
        actor=actor,
        action="visit.kept",
        object_type="store",
        object_id=store.pk,
        detail={"items": len(items)},
    )
    return visit, True


def _demand_possible(store: Store, items: Sequence[Wanted], now: datetime) -> None:
    today = clock.business_day(now)
    if any(not today <= item.due_on <= today + PLAN_AHEAD for item in items):
        raise DayIsOver()
    posted = set(Posting.objects.on(today).filter(store=store).values_list("guide_id", flat=True))
    for item in items:
        if item.guide is not None and item.guide.pk not in posted:
            raise NotPostedHere(name=item.guide.name)


@transaction.atomic
def close_item(*, item: VisitItem, word: str, actor: Actor, now: datetime) -> VisitItem:
    """Close an item with a word. A closed one stays as it is. Raises WordMissing."""
    item = VisitItem.objects.select_for_update(of=("self",)).get(pk=item.pk)
    if item.closed_at is not None:
        return item
    if not word.strip():
        raise WordMissing()
    item.closed_at, item.closed_by, item.closing_word = now, actor.label, word.strip()
    item.save(update_fields=["closed_at", "closed_by", "closing_word"])
    accounts.audit(
        actor=actor, action="visit.item_closed", object_type="store", object_id=item.store_id
    )
    return item


def open_items(*, store_id: int, actor: Actor) -> list[VisitItem]:
    """What is still to be done in a store, the first due first; one query."""
    rows = VisitItem.objects.visible_to(actor).open().filter(store_id=store_id)
    return list(rows.select_related("guide", "visit").order_by("due_on", "pk")[:_OPEN_LISTED])


def visits_of(*, store_id: int, actor: Actor) -> list[StoreVisit]:
    """The latest visits of a store with their items; two queries."""
    rows = StoreVisit.objects.visible_to(actor).filter(store_id=store_id)
    return list(rows.prefetch_related("items__guide").order_by("-created_at", "-pk")[:LISTED])
