"""Batches of points: what somebody earned or spent at a till or a mall, each movement once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.accounts.actor import Actor
from apps.core import clock
from apps.ingest.services import (
    ItemError,
    ItemResult,
    asked_person,
    asking_store,
    refused,
    sorted_out,
)
from apps.loyalty.models import PointsEntry
from apps.loyalty.selectors import Standing, points_of
from apps.loyalty.services import CHANGED, PointsRow, record_points
from apps.members import selectors as members
from apps.members.models import Member
from apps.stores.models import Store

# spent tomorrow would not yet be spent today
CLOCKS_DIFFER = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_ADDED = {PointsEntry.Kind.EARNED}
_TAKEN = {PointsEntry.Kind.SPENT, PointsEntry.Kind.EXPIRED}


@dataclass(frozen=True, slots=True)
class PointsItem:
    """What the API says about one movement; the member by an identity or a public id."""

    source: str
    external_no: str
    kind: str
    points: int
    occurred_at: datetime
    identity: tuple[str, str, str] | None = None
    member: UUID | None = None
    store_code: str = ""
    expires_on: date | None = None


class _Codes:
    """Stores and members behind the codes of a batch, and where this actor may write."""

    def __init__(self, items: Iterable[PointsItem], *, now: datetime, actor: Actor) -> None:
        items = list(items)
        stores = Store.objects.filter(code__in={item.store_code for item in items} - {""})
        self.stores = dict(stores.values_list("code", "pk"))
        self.visible = set(stores.visible_to(actor).values_list("pk", flat=True))
        self.needs_store = not actor.sees_all
        self.identities = members.find_identities(
            item.identity for item in items if item.identity is not None
        )
        public = {item.member for item in items if item.member is not None}
        known = Member.objects.filter(public_id__in=public, erased_at=None)
        self.members = dict(known.values_list("public_id", "pk"))
        self.latest = now + CLOCKS_DIFFER

    def problem(self, index: int, item: PointsItem) -> ItemResult | None:
        """Why this item is not kept, if so."""
        if item.store_code and item.store_code not in self.stores:
            return refused(index, "unknown_store", item.store_code)
        if item.store_code and self.stores[item.store_code] not in self.visible:
            return refused(index, "foreign_store", item.store_code)
        if self.needs_store and not item.store_code:
            return refused(index, "store_needed")
        if self._member(item) is None:
            return refused(index, "unknown_member")
        if not _EARLIEST < item.occurred_at <= self.latest:
            return refused(index, "impossible_date")
        code = _fault(item)
        return refused(index, code) if code else None

    def _member(self, item: PointsItem) -> int | None:
        if item.member is not None:
            return self.members.get(item.member)
        found = self.identities.get(item.identity) if item.identity else None
        return found.member_id if found else None

    def row(self, item: PointsItem) -> PointsRow:
        member_id = self._member(item)
        assert member_id is not None
        return PointsRow(
            source=item.source,
            external_no=item.external_no,
            member_id=member_id,
            kind=item.kind,
            points=item.points,
            occurred_at=item.occurred_at,
            expires_on=item.expires_on,
            store_id=self.stores.get(item.store_code),
        )


def _fault(item: PointsItem) -> str:
    """What the numbers of one item contradict; "" if nothing."""
    added, taken = item.points > 0, item.points < 0
    if not (added or taken) or (item.kind in _ADDED and taken) or (item.kind in _TAKEN and added):
        return "wrong_sign"
    if item.expires_on is None:
        return ""
    if taken:
        return "end_of_loss"
    return "ends_before" if item.expires_on < clock.business_day(item.occurred_at) else ""


@transaction.atomic
def take_points(
    *, items: list[PointsItem | ItemError], now: datetime, actor: Actor
) -> list[ItemResult]:
    """Keep each movement that is news: created, unchanged or rejected, good beside bad."""
    readable = {n: item for n, item in enumerate(items) if isinstance(item, PointsItem)}
    codes = _Codes(readable.values(), now=now, actor=actor)
    results, work = sorted_out(items, readable, problem=codes.problem, row=codes.row)
    statuses = record_points(rows=list(work.values()), now=now)
    for (index, row), status in zip(work.items(), statuses, strict=True):
        if status == CHANGED:
            results[index] = refused(index, "entry_changed")
        else:
            results[index] = ItemResult(index, status, reference=row.external_no)
    return [results[index] for index in range(len(items))]


# --- before some are taken off --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Purse:
    """Who was asked for, by the public id that the next call may name, and what they have."""

    member: UUID
    standing: Standing


def check_points(
    *,
    member: UUID | None,
    member_identity: tuple[str, str, str] | None,
    store_code: str,
    now: datetime,
    actor: Actor,
) -> Purse | None:
    """What one person has under all their numbers; None for who is not known. Changes nothing.
    Raises StoreUnknown."""
    asking_store(code=store_code, actor=actor)
    person = asked_person(member=member, member_identity=member_identity)
    if person is None:
        return None
    survivor_id, public_id = person
    return Purse(public_id, points_of(member_ids=members.survivor_group(survivor_id), now=now))
