"""The store that has the piece answers, sends it; the store that asked receives it."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.stock.errors import (
    RegionToAgree,
    RequestLate,
    RequestMoved,
    StockReasonMissing,
    TillHasNone,
)
from apps.stock.models import NEXT, Kind, Reason, State, StockLevel, StockRequest
from apps.stock.selectors import promised
from apps.stock.services import news
from apps.stock.services.steps import held, move, note

REFUSALS = (Reason.GONE, Reason.FAULTY, Reason.OWN, Reason.CANNOT)


@transaction.atomic
def confirm(*, request_id: int, actor: Actor, now: datetime) -> StockRequest:
    """It is there and put aside: by who works there, or, where the terms said so, in two steps
    with the manager's yes. Safe to repeat.

    Raises RequestOfOthers, RequestMoved, RequestLate, TillHasNone.
    """
    row = held(request_id, StockRequest.objects.given_by(actor))
    is_final = not row.needs_manager or leads(actor, row.giving_store_id)
    if row.state == State.HELD or (row.state == State.AGREED and not is_final):
        return row
    _demand_next(row, State.HELD, now)
    guide_id = row.giving_guide_id or actor.guide_id
    if not is_final:
        move(row, State.AGREED, actor=actor.label, now=now, giving_guide_id=guide_id)
        news.agreed(row, now=now)
        return row
    _demand_there(row)
    until = now + timedelta(hours=row.hold_hours)
    move(
        row,
        State.HELD,
        actor=actor.label,
        now=now,
        giving_guide_id=guide_id,
        held_at=now,
        due_at=until,
    )
    news.put_aside(row, now=now)
    return row


def leads(actor: Actor, store_id: int) -> bool:
    return actor.can(Capability.MANAGE_TEAM) and store_id in actor.store_ids


def _demand_next(row: StockRequest, to: State, now: datetime) -> None:
    """That it has moved on is said before that its time is over, or that nothing is left."""
    if to not in NEXT[row.state]:
        raise RequestMoved
    if row.due_at is not None and row.due_at <= now:
        raise RequestLate


def _demand_there(row: StockRequest) -> None:
    """The till may have sold since it was asked: those that were put aside come first."""
    place = row.giving_store_id, row.product_id
    level = StockLevel.objects.get(store_id=place[0], product_id=place[1])
    taken = promised(product_ids=[row.product_id], store_ids=[row.giving_store_id], firm=True)
    if level.quantity <= taken.get(place, 0):
        raise TillHasNone


@transaction.atomic
def refuse(*, request_id: int, reason: str, actor: Actor, now: datetime) -> StockRequest:
    """No, with why; also of what was put aside. Safe to repeat.

    Raises StockReasonMissing, RequestOfOthers, RequestMoved.
    """
    if reason not in REFUSALS:
        raise StockReasonMissing
    row = held(request_id, StockRequest.objects.given_by(actor))
    if row.state == State.REFUSED:
        return row
    move(row, State.REFUSED, reason=reason, actor=actor.label, now=now)
    news.refused(row, now=now)
    return row


@transaction.atomic
def send(*, request_id: int, actor: Actor, now: datetime) -> StockRequest:
    """调货: the piece has left the store. Safe to repeat.

    Raises RequestOfOthers, RequestMoved, RequestLate, RegionToAgree.
    """
    row = held(request_id, StockRequest.objects.given_by(actor))
    if row.state == State.SENT:
        return row
    if row.kind == Kind.HOLD:
        raise RequestMoved
    _demand_next(row, State.SENT, now)
    if row.waits_for_region:
        raise RegionToAgree
    until = now + timedelta(hours=row.travel_hours)
    move(row, State.SENT, actor=actor.label, now=now, sent_at=now, due_at=until)
    news.on_its_way(row, now=now)
    return row


@transaction.atomic
def decide_owners(*, request_id: int, agree: bool, actor: Actor, now: datetime) -> StockRequest:
    """The regional manager's word on a piece that would go to a store of another owner: it may be
    sent, or the request ends. Safe to repeat; what has left or ended stays as it is.

    Raises RequestOfOthers, RequestMoved.
    """
    row = held(request_id, StockRequest.objects.led_by(actor).filter(needs_region=True))
    if row.cleared_at is not None and agree:
        return row
    if row.state == State.REFUSED and row.reason == Reason.OWNERS and not agree:
        return row
    if not row.waits_for_region:
        raise RequestMoved
    if agree:
        row.cleared_at = now
        row.save(update_fields=["cleared_at"])
        note(row, before=row.state, actor=actor.label, at=now)
        news.cleared(row, now=now)
        return row
    before = row.state
    move(row, State.REFUSED, reason=Reason.OWNERS, actor=actor.label, now=now)
    news.forbidden(row, before=before, now=now)
    return row


@transaction.atomic
def receive(*, request_id: int, actor: Actor, now: datetime) -> StockRequest:
    """It is here; from now on it is kept for the customer. Safe to repeat.

    Raises RequestOfOthers, RequestMoved.
    """
    row = held(request_id, StockRequest.objects.asked_by(actor))
    if row.state == State.ARRIVED:
        return row
    until = now + timedelta(hours=row.hold_hours)
    move(row, State.ARRIVED, actor=actor.label, now=now, arrived_at=now, due_at=until)
    if actor.guide_id != row.asking_guide_id:
        news.arrived(row, now=now)
    return row
