"""Batches of complaints: what customers told a mall or a service desk, for the stores to settle."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.accounts.actor import Actor
from apps.cases.models import ServiceCase
from apps.cases.services import NewCase, open_cases
from apps.core.locks import take_turn
from apps.core.logs import scrub_text
from apps.ingest.services import CLOCKS_DIFFER, EARLIEST, ItemError, ItemResult, refused, unread
from apps.members import selectors as members
from apps.members.models import Member
from apps.orders.models import Order
from apps.orders.services import UNCHANGED
from apps.stores.models import Store


@dataclass(frozen=True, slots=True)
class CaseItem:
    """What the API says about one complaint; `external_no` is its number at `source`."""

    source: str
    external_no: str
    kind: str
    words: str
    store_code: str
    member: UUID | None = None
    member_identity: tuple[str, str, str] | None = None
    order_no: str = ""
    opened_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.external_no


class _Codes:
    """Stores, people and orders behind the codes of a batch, and where this actor may write."""

    def __init__(self, items: Iterable[CaseItem], *, now: datetime, actor: Actor) -> None:
        items = list(items)
        stores = Store.objects.filter(code__in={item.store_code for item in items})
        self.stores = dict(stores.values_list("code", "pk"))
        self.visible = set(stores.visible_to(actor).values_list("pk", flat=True))
        given = [item.member_identity for item in items if item.member_identity is not None]
        found = members.find_identities(given)
        self.identities = {one: identity.survivor_id for one, identity in found.items()}
        public = {item.member for item in items if item.member is not None}
        people = Member.objects.filter(public_id__in=public)
        self.people = dict(people.values_list("public_id", "survivor_id"))
        orders = Order.objects.filter(
            source__in={item.source for item in items},
            external_no__in={item.order_no for item in items} - {""},
        )
        self.orders = {
            (source, number): (pk, survivor_id)
            for source, number, pk, survivor_id in orders.values_list(
                "source", "external_no", "pk", "member__survivor_id"
            )
        }
        self.now = now

    def member_of(self, item: CaseItem) -> int | None:
        if item.member is not None:
            return self.people.get(item.member)
        return self.identities.get(item.member_identity) if item.member_identity else None

    def order_of(self, item: CaseItem) -> int | None:
        """Of the same source and bought by the same person."""
        pk, buyer = self.orders.get((item.source, item.order_no), (None, None))
        return pk if buyer == self.member_of(item) else None

    def problem(self, index: int, item: CaseItem) -> ItemResult | None:
        """Why this item is not kept, if so."""
        if item.store_code not in self.stores:
            return refused(index, "unknown_store", item.store_code)
        if self.stores[item.store_code] not in self.visible:
            return refused(index, "foreign_store", item.store_code)
        if self.member_of(item) is None:
            return refused(index, "unknown_member")
        if item.order_no and self.order_of(item) is None:
            return refused(index, "unknown_order")
        at = item.opened_at
        if at is not None and not EARLIEST < at < self.now + CLOCKS_DIFFER:
            return refused(index, "impossible_date")
        return None

    def case(self, item: CaseItem) -> NewCase:
        member_id = self.member_of(item)
        assert member_id is not None
        return NewCase(
            member_id=member_id,
            store_id=self.stores[item.store_code],
            kind=item.kind,
            # who complains writes a number into it; the case knows its customer
            words=scrub_text(item.words),
            order_id=self.order_of(item),
            opened_at=None if item.opened_at is None else min(item.opened_at, self.now),
            source=item.source,
            external_no=item.external_no,
        )


@transaction.atomic
def take_cases(
    *, items: list[CaseItem | ItemError], now: datetime, actor: Actor
) -> list[ItemResult]:
    """Keep each complaint that is news: created, unchanged or rejected, good beside bad. What was
    sent before stays as the store has it by now."""
    results = unread(items)
    readable = {n: item for n, item in enumerate(items) if isinstance(item, CaseItem)}
    for source in sorted({item.source for item in readable.values()}):
        take_turn(f"cases:{source}")
    known = _known(readable.values())
    codes = _Codes(readable.values(), now=now, actor=actor)
    news: list[NewCase] = []
    for index, item in readable.items():
        refusal = codes.problem(index, item)
        if refusal is not None:
            results[index] = refusal
            continue
        status = UNCHANGED if item.key in known else "created"
        results[index] = ItemResult(index, status, reference=item.external_no)
        if item.key not in known:
            known.add(item.key)
            news.append(codes.case(item))
    if news:
        open_cases(cases=news, actor=actor, now=now)
    return [results[index] for index in range(len(items))]


def _known(items: Iterable[CaseItem]) -> set[tuple[str, str]]:
    items = list(items)
    rows = ServiceCase.objects.filter(
        source__in={item.source for item in items},
        external_no__in={item.external_no for item in items},
    )
    return set(rows.values_list("source", "external_no"))
