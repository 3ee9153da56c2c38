"""Writes of concessions: asked, decided, taken back, used by what the till tells."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM, Actor
from apps.concessions.errors import (
    AboveYourLimit,
    AskedForAlready,
    ConcessionOfOthers,
    OrderOfOthers,
    WishIncomplete,
)
from apps.concessions.models import (
    PERCENT_MOST,
    Concession,
    ConcessionTerms,
    Kind,
    Reason,
    State,
)
from apps.core import clock, hours
from apps.core.locks import take_turn
from apps.members.models import Member
from apps.members.selectors import survivor_group
from apps.orders.models import Order
from apps.outreach.services.notices import queue_guide_notices
from apps.stores.models import AskLevel
from apps.stores.selectors import managers_of, place_of
from apps.timeline import services as timeline
from apps.timeline.models import Kind as EventKind

APPROVALS_PATH = "/g/team/approvals/"

# A return of the sale that was to come back, or the first sale in the store to whom a discount was
# granted, paid while the concession stood. Each way has its index: by the sale, by the person.
_USED = """
WITH told AS (
    SELECT o.id, o.kind, o.original_id, o.store_id, o.paid_at, o.business_on, buyer.survivor_id
    FROM orders_order AS o
    LEFT JOIN members_member AS buyer ON buyer.id = o.member_id
    WHERE o.id = ANY(%(orders)s)
), fits AS (
    SELECT c.id, c.decided_at, c.valid_until, told.id AS order_id, told.paid_at, told.business_on
    FROM told
    JOIN concessions_concession AS c ON c.order_id = told.original_id
    WHERE told.kind = 'return' AND c.kind = 'late_return' AND c.state = 'granted'
    UNION ALL
    SELECT c.id, c.decided_at, c.valid_until, told.id, told.paid_at, told.business_on
    FROM told
    JOIN members_member AS known ON known.survivor_id = told.survivor_id
    JOIN concessions_concession AS c ON c.member_id = known.id AND c.store_id = told.store_id
    WHERE told.kind = 'sale' AND c.kind = 'discount' AND c.state = 'granted'
), used AS (
    SELECT DISTINCT ON (id) id, order_id FROM fits
    WHERE paid_at >= decided_at AND business_on <= valid_until
    ORDER BY id, paid_at, order_id
)
UPDATE concessions_concession AS c
SET state = 'used', used_order_id = used.order_id
FROM used WHERE c.id = used.id AND c.state = 'granted'
RETURNING c.id
"""


@transaction.atomic
def ask(
    *,
    member_id: int,
    kind: str,
    reason: str,
    client_id: uuid.UUID,
    actor: Actor,
    now: datetime,
    order_id: int | None = None,
    percent: int | None = None,
) -> Concession:
    """Ask for something beyond the terms, for a customer the actor may see. The same client id is
    the same request.

    Raises WishIncomplete, OrderOfOthers, AskedForAlready, ConcessionOfOthers, WorksNowhere,
    Member.DoesNotExist.
    """
    member = Member.objects.visible_to(actor).survivors().get(pk=member_id)
    take_turn(str(client_id))
    known = Concession.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.guide_id) != (member.pk, actor.guide_id):
            raise ConcessionOfOthers
        return known
    today = clock.business_day(now)
    place = place_of(guide_id=actor.guide_id, day=today)
    row = Concession(
        member=member,
        guide_id=place.guide_id,
        store=place.store,
        kind=kind,
        order=_order(kind, order_id, member.pk),
        percent=percent if kind == Kind.DISCOUNT else None,
        reason=reason,
        asked_at=now,
        client_id=client_id,
    )
    leads = managers_of(store_ids=[place.store_id], day=today)[place.store_id]
    _keep(row, leads)
    _audit(row, "asked", actor)
    if row.level == AskLevel.STORE:
        title = _("%(name)s asks for a concession") % {"name": actor.name}
        _tell(row, "asked", [(pk, title, what(row), APPROVALS_PATH) for pk in leads], now)
    return row


def _order(kind: str, order_id: int | None, member_id: int) -> Order | None:
    """The sale that is to come back: of this person, and not come back already."""
    if kind != Kind.RETURN or order_id is None:
        return None
    group = survivor_group(member_id)
    found = Order.objects.filter(pk=order_id, member_id__in=group, kind=Order.Kind.SALE).first()
    if found is None:
        raise OrderOfOthers
    return found


def _keep(row: Concession, leads: list[int]) -> None:
    if row.reason not in Reason.values or not _is_whole(row):
        raise WishIncomplete
    row.level = _level(row, leads)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise AskedForAlready from None


def _is_whole(row: Concession) -> bool:
    if row.kind == Kind.RETURN:
        return row.order is not None
    return row.kind == Kind.DISCOUNT and 1 <= (row.percent or 0) <= PERCENT_MOST


def _level(row: Concession, leads: list[int]) -> str:
    """Who decides by the limits: the store's manager unless they ask themselves or there is none,
    else the region, else head office."""
    terms = ConcessionTerms.current()
    percent = row.percent or 0
    days = (clock.business_day(row.asked_at) - row.order.business_on).days if row.order else 0
    if percent > terms.region_percent:
        return AskLevel.HQ
    above = percent > terms.store_percent or days > terms.store_days
    nobody = not leads or row.guide_id in leads
    return AskLevel.REGION if above or nobody else AskLevel.STORE


@transaction.atomic
def decide(
    *, concession_id: int, grant: bool, actor: Actor, now: datetime
) -> tuple[Concession, bool]:
    """Grant it for the days of the terms, or refuse it. Returns it and whether this decided it:
    what has an end stays as it is.

    Raises Concession.DoesNotExist outside the actor's places, AboveYourLimit.
    """
    seen = Concession.objects.visible_to(actor)
    row = seen.select_for_update(of=("self",)).get(pk=concession_id)
    if row.state != State.WAITING:
        return row, False
    if not Concession.objects.waiting_for(actor).filter(pk=row.pk).exists():
        raise AboveYourLimit
    if grant:
        days = timedelta(days=ConcessionTerms.current().valid_days)
        row.valid_until = clock.business_day(now) + days
    _end(row, State.GRANTED if grant else State.REFUSED, actor, now)
    _tell_asker(row, now)
    if grant:
        timeline.record_events([_event(row, actor)])
    return row, True


def _tell_asker(row: Concession, now: datetime) -> None:
    if row.state == State.GRANTED:
        title, words = _("A concession is granted"), _("%(what)s, valid until %(day)s")
    else:
        title, words = _("A concession is refused"), _("%(what)s was refused; ask why")
    said = words % {"what": what(row), "day": f"{row.valid_until or now:%m-%d}"}
    path = f"/g/customers/{row.member.public_id}/concession/"
    _tell(row, "decided", [(row.guide_id, title, said, path)], now)


@transaction.atomic
def withdraw(*, concession_id: int, actor: Actor, now: datetime) -> Concession:
    """The asker takes it back while it waits. Safe to repeat; what was decided stays so."""
    mine = Concession.objects.filter(guide_id=actor.guide_id or 0)
    row = mine.select_for_update(of=("self",)).get(pk=concession_id)
    if row.state == State.WAITING:
        _end(row, State.WITHDRAWN, actor, now)
    return row


def close_with_orders(*, order_ids: Collection[int]) -> int:
    """What these orders made use of; call it in the transaction that wrote them. Safe to repeat:
    what is used is not used again. Returns how many."""
    if not order_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_USED, {"orders": sorted(order_ids)})
        return len(cursor.fetchall())


@transaction.atomic
def forget_members(*, member_ids: Collection[int], now: datetime) -> int:
    """A person asked to be deleted: what waits ends. Returns how many did."""
    rows = Concession.objects.of_members(member_ids)
    return rows.end_waiting(State.WITHDRAWN, by=SYSTEM.label, at=now)


def what(row: Concession) -> str:
    """In a word what is asked for."""
    if row.kind == Kind.DISCOUNT:
        return _("%(n)s%% off") % {"n": row.percent}
    return str(Kind(row.kind).label)


def _end(row: Concession, state: str, actor: Actor, now: datetime) -> None:
    row.end(state, by=actor.label, at=now, valid_until=row.valid_until)
    _audit(row, state, actor)


def _event(row: Concession, actor: Actor) -> timeline.NewEvent:
    assert row.decided_at is not None
    return timeline.NewEvent(
        member_id=row.member_id,
        kind=EventKind.CONCESSION_GRANTED,
        source=row.label,
        key=f"{row.label}:granted",
        occurred_at=row.decided_at,
        payload={
            "guide_id": row.guide_id,
            "store_id": row.store_id,
            "concession": row.kind,
            "percent": row.percent,
        },
        actor=actor.label,
    )


def _tell(
    row: Concession, about: str, rows: list[tuple[int, str, str, str]], now: datetime
) -> None:
    queue_guide_notices(
        source=f"{row.label}:{about}",
        rows=rows,
        not_before=hours.for_cards(now),
        at_once=True,
        now=now,
    )


def _audit(row: Concession, done: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=f"concession.{done}",
        object_type="member",
        object_id=row.member_id,
        detail={"request": row.pk, "guide": row.guide_id, "kind": row.kind, "reason": row.reason},
    )
