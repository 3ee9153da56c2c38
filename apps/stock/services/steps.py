"""The only place where a request's state changes, and the locks that every change takes."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef

from apps.stock.errors import RequestMoved, RequestOfOthers
from apps.stock.models import NEXT, OPEN, StockLevel, StockRequest, StockRequestMove
from apps.stock.querysets import StockRequestQuerySet


def held(request_id: int, among: StockRequestQuerySet | None = None) -> StockRequest:
    """The request, nobody else's until the transaction ends; `among` are those of the actor's side.
    The level first and the request after it, as asking does: who promises the last piece and who
    confirms it do not wait for each other in a ring. Raises RequestOfOthers."""
    known = StockRequest.objects.all() if among is None else among
    place = known.filter(pk=request_id).values_list("giving_store_id", "product_id").first()
    if place is None:
        raise RequestOfOthers
    lock_level(store_id=place[0], product_id=place[1])
    rows = StockRequest.objects.select_for_update(of=("self",))
    return rows.select_related("product", "giving_store", "asking_store").get(pk=request_id)


def lock_levels(request_ids: Collection[int]) -> None:
    """The levels of many requests at once, in the order in which batches of stock are kept: of two
    transactions that need several, one waits for the other."""
    asked = StockRequest.objects.filter(
        pk__in=request_ids, giving_store=OuterRef("store"), product=OuterRef("product")
    )
    rows = StockLevel.objects.filter(Exists(asked)).select_for_update(of=("self",))
    list(rows.order_by("store_id", "product_id").values_list("pk"))


def lock_level(*, store_id: int, product_id: int) -> StockLevel | None:
    """Promises of a store's pieces are made one after the other."""
    rows = StockLevel.objects.select_for_update(of=("self",))
    return rows.filter(store_id=store_id, product_id=product_id).first()


def move(
    row: StockRequest, to: str, *, actor: str, now: datetime, reason: str = "", **fields: Any
) -> StockRequest:
    """Lead a request on, with a line in its history. Raises RequestMoved."""
    before = row.state
    if to not in NEXT[before]:
        raise RequestMoved
    values = {"state": to, "reason": reason, **fields}
    if to not in OPEN:
        values |= {"due_at": None, "ended_at": now}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    note(row, before=before, actor=actor, at=now)
    return row


def note(row: StockRequest, *, before: str, actor: str, at: datetime) -> None:
    StockRequestMove.objects.create(
        request=row, from_state=before, to_state=row.state, at=at, actor=actor, reason=row.reason
    )
