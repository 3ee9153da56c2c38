"""A guide asks another store for a piece. Never more is promised than the till last said."""

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.hours import for_cards
from apps.core.locks import take_turn
from apps.stock.errors import (
    AskedAlready,
    NobodyThere,
    NothingFree,
    OwnStore,
    RequestOfOthers,
    ShareMoved,
    StoreNotReachable,
)
from apps.stock.models import StockRequest, StockTerms
from apps.stock.selectors import promised
from apps.stock.services import news
from apps.stock.services.steps import lock_level, note
from apps.stores.models import Store
from apps.stores.selectors import place_of


@transaction.atomic
def ask(
    *,
    member_id: int,
    product_id: int,
    giving_store_id: int,
    kind: str,
    percent: int,
    guide_id: int,
    client_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> StockRequest:
    """Ask the store for one piece, and put a card on the phones of who works there. `percent` is
    the giving store's share that was read before the tap. The same client id is the same request.

    Raises WorksNowhere, OwnStore, StoreNotReachable, AskedAlready, NothingFree, ShareMoved,
    RequestOfOthers.
    """
    take_turn(str(client_id))
    known = _asked_before(client_id, guide_id=guide_id, member_id=member_id)
    if known is not None:
        return known
    own = place_of(guide_id=guide_id, day=clock.business_day(now))
    if own.store_id == giving_store_id:
        raise OwnStore
    giving = _reachable(giving_store_id, now)
    if StockRequest.objects.open().filter(member_id=member_id, product_id=product_id).exists():
        raise AskedAlready
    _demand_free(giving_store_id, product_id)
    terms = StockTerms.current()
    if terms.giver_percent(kind) != percent:
        raise ShareMoved
    # asked at night, it is heard of in the morning: the minutes run from then
    heard_at = for_cards(now)
    if not news.people_there(giving_store_id, now=now):
        raise NobodyThere
    row = StockRequest(
        member_id=member_id,
        product_id=product_id,
        kind=kind,
        asking_guide_id=guide_id,
        asking_store_id=own.store_id,
        giving_store_id=giving_store_id,
        needs_manager=terms.needs_manager,
        needs_region=terms.needs_region(kind, own.store, giving),
        giver_percent=percent,
        hold_hours=terms.hold_hours,
        travel_hours=terms.travel_hours,
        asked_at=now,
        due_at=heard_at + timedelta(minutes=terms.answer_minutes),
        client_id=client_id,
    )
    _keep(row)
    note(row, before="", actor=actor.label, at=now)
    news.asked(row, now=now)
    return row


def _asked_before(client_id: uuid.UUID, *, guide_id: int, member_id: int) -> StockRequest | None:
    known = StockRequest.objects.filter(client_id=client_id).first()
    if known is not None and (known.asking_guide_id, known.member_id) != (guide_id, member_id):
        raise RequestOfOthers
    return known


def _keep(row: StockRequest) -> None:
    """The database has the last word on who asked first."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise AskedAlready from None


def _reachable(store_id: int, now: datetime) -> Store:
    store = Store.objects.filter(pk=store_id).first()
    shut = store is not None and store.closed_on and store.closed_on <= clock.business_day(now)
    if store is None or store.live_since is None or shut:
        raise StoreNotReachable
    return store


def _demand_free(store_id: int, product_id: int) -> None:
    level = lock_level(store_id=store_id, product_id=product_id)
    if level is None:
        raise NothingFree
    taken = promised(product_ids=[product_id], store_ids=[store_id])
    if level.quantity <= taken.get((store_id, product_id), 0):
        raise NothingFree
