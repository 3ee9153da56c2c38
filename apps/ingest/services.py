"""Batches in: members and orders of other systems, one answer per item, each batch worked once."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from apps.accounts.actor import Actor
from apps.accounts.models import ApiKey
from apps.commissions.services import note_orders
from apps.concessions import services as concessions
from apps.core.errors import DomainError
from apps.core.locks import take_turn
from apps.core.logs import scrub_text
from apps.guide_tasks.services.evidence import record_purchases
from apps.guide_tasks.services.link_orders import credit_links
from apps.ingest.models import IdempotencyRecord
from apps.loyalty.judging import BELOW, USED, Verdict, check_code
from apps.loyalty.services import CouponUse, give_back, redeem
from apps.members import selectors as members
from apps.members.models import Member
from apps.members.services import (
    ConsentRow,
    ErasedMeanwhile,
    MemberRow,
    ResolvedMember,
    resolve_members,
)
from apps.orders.models import Order
from apps.orders.services import REJECTED, UNCHANGED, OrderResult, OrderRow, ingest_orders
from apps.profiles.services import refresh_profiles
from apps.stock.services import close_with_orders
from apps.stores.models import Guide, Store

MAX_ITEMS = 1000
_TRIM_BATCH = 5000
# nobody joined before, and no clock runs further ahead
EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(days=1)

Item = TypeVar("Item")
Row = TypeVar("Row")

_SENTENCES = {
    "no_identity": gettext_noop("The member has no phone and no other identity."),
    "invalid_phone": gettext_noop("This is not a mobile number."),
    "invalid_identity": gettext_noop("An identity is empty or too long."),
    "unknown_identity_kind": gettext_noop("An identity has an unknown kind."),
    "identity_conflict": gettext_noop(
        "The identities belong to different members. Nothing was merged; head office decides."
    ),
    "unknown_purpose": gettext_noop("There is no such purpose of consent."),
    "unknown_store": gettext_noop("There is no store with the code %(value)s."),
    "foreign_store": gettext_noop("This key may not write for the store %(value)s."),
    "no_store": gettext_noop("This key writes for certain stores: name the home store."),
    "foreign_member": gettext_noop("The member belongs to a store of others."),
    "store_needed": gettext_noop("This key writes for certain stores: name the store."),
    "unknown_member": gettext_noop("The member is not known. Send the member first."),
    "wrong_sign": gettext_noop(
        "Earned points are above zero, spent and expired ones below, adjusted ones either."
    ),
    "end_of_loss": gettext_noop("Only points that are added have a last day."),
    "ends_before": gettext_noop("The last day lies before the day of the entry."),
    "entry_changed": gettext_noop(
        "This entry number is known with other content, which stays. Send the difference as an "
        "adjustment with a number of its own."
    ),
    "unknown_guide": gettext_noop("There is no guide with the WeCom id %(value)s."),
    "unknown_order": gettext_noop("The member has no order with this number of this source."),
    "unknown_product": gettext_noop("There is no product with the SKU %(value)s."),
    "impossible_date": gettext_noop("A date lies in the future or too far back."),
    "link_of_sale": gettext_noop(
        "A return belongs to the link of the sale it names. Its link_code was left out."
    ),
    "unknown_link": gettext_noop("No link of ours has this code. The order was kept without it."),
    "unknown_coupon": gettext_noop("No coupon of ours has this code. The order was kept."),
    "coupon_used": gettext_noop("Another order used this coupon. The order was kept."),
    "foreign_coupon": gettext_noop("This coupon is another member's. The order was kept."),
    "coupon_not_yet": gettext_noop("This coupon did not count yet. The order was kept."),
    "coupon_expired": gettext_noop("This coupon's time was over. The order was kept."),
    "coupon_other_store": gettext_noop(
        "This coupon does not count in this store. The order was kept."
    ),
    BELOW: gettext_noop(
        "This sale is below the amount from which the coupon counts. It was used all the same."
    ),
    "coupon_without_sale": gettext_noop("A return uses no coupon. The return was kept."),
}


class IdempotencyKeyReused(DomainError):
    code = "idempotency_key_reused"
    message = gettext_lazy("This Idempotency-Key was used before with another body.")


@dataclass(frozen=True, slots=True)
class MemberItem:
    """What the API says about one person; stores and guides by their codes."""

    identities: list[tuple[str, str, str]]
    home_store: str = ""
    enrolling_guide: str = ""
    name: str = ""
    gender: str = ""
    birth_month: int | None = None
    birth_day: int | None = None
    joined_at: datetime | None = None
    level: str = ""
    source: str = ""
    consents: tuple[ConsentRow, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One order; the buyer by an identity inside the row or by the member's public id. `link_code`
    is that of the tracked link by which the buyer came to the shop, `coupon_codes` are those of the
    coupons the buyer used."""

    row: OrderRow
    member: UUID | None = None
    link_code: str = ""
    coupon_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why an item was not even read."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The answer for one item. `reference` is what the caller may keep: never an inner id; a
    `warning` names what was left out of an item that was kept; `coupons` say of each code that the
    order used it, or why not."""

    index: int
    status: str
    reference: str = ""
    code: str = ""
    message: str = ""
    warning: str = ""
    coupons: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The item's place in the answer."""
        # answers are kept, and a till whose columns are mixed up sends a number as a code
        message = scrub_text(self.message)
        error = {"code": self.code, "message": message} if self.code else None
        warning = None
        if self.warning:
            warning = {"code": self.warning, "message": sentence(self.warning)}
        return {
            "index": self.index,
            "status": self.status,
            "reference": self.reference or None,
            "error": error,
            "warning": warning,
            "coupons": [
                {
                    "code": scrub_text(code),
                    "status": USED if status == BELOW else status,
                    "message": None if status == USED else sentence(status),
                }
                for code, status in self.coupons
            ],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, and whether it was given before."""

    body: dict[str, Any]
    replayed: bool = False


def sentence(code: str) -> str:
    """What a code means, for whoever reads the till's log."""
    return _(_SENTENCES[code])


def refused(index: int, code: str, value: str = "") -> ItemResult:
    """The answer for an item that is not kept, and why."""
    return ItemResult(index, REJECTED, code=code, message=sentence(code) % {"value": value})


def _body(results: list[ItemResult]) -> dict[str, Any]:
    rejected = sum(result.status == REJECTED for result in results)
    return {
        "accepted": len(results) - rejected,
        "rejected": rejected,
        "results": [result.as_json() for result in results],
    }


@transaction.atomic
def answer_once(
    *,
    api_key: ApiKey,
    path: str,
    key: str,
    request_body: bytes,
    work: Callable[[], list[ItemResult]],
) -> Answer:
    """Work a batch and keep the answer under its key, in one transaction.

    The same key with the same body gets the kept answer; two such requests at once wait for each
    other. Without a key the batch is simply worked. Raises IdempotencyKeyReused for another body.
    """
    if not key:
        return Answer(_body(work()))
    request_hash = hashlib.sha256(request_body).digest()
    take_turn(f"ingest:{api_key.pk}:{path}:{key}")
    known = IdempotencyRecord.objects.filter(api_key=api_key, path=path, key=key).first()
    if known is not None:
        if bytes(known.request_hash) != request_hash:
            raise IdempotencyKeyReused
        return Answer(known.response, replayed=True)
    body = _body(work())
    IdempotencyRecord.objects.create(
        api_key=api_key, path=path, key=key, request_hash=request_hash, status=200, response=body
    )
    return Answer(body)


def trim_idempotency(*, now: datetime) -> int:
    """Forget answers older than IDEMPOTENCY_DAYS: no caller repeats a request that late.

    Batch by batch, each committed by itself. Returns how many.
    """
    cutoff, gone = now - timedelta(days=settings.IDEMPOTENCY_DAYS), 0
    while True:
        old = IdempotencyRecord.objects.filter(created_at__lt=cutoff).order_by("pk")
        ids = list(old.values_list("pk", flat=True)[:_TRIM_BATCH])
        if not ids:
            return gone
        gone += IdempotencyRecord.objects.filter(pk__in=ids).delete()[0]


# --- members --------------------------------------------------------------------------------------


class _Places:
    """Stores and guides behind the codes of a batch, and what this actor may write."""

    def __init__(self, items: Iterable[MemberItem], *, now: datetime, actor: Actor) -> None:
        items = list(items)
        codes = {item.home_store for item in items} - {""}
        userids = {item.enrolling_guide for item in items} - {""}
        self.actor = actor
        self.latest = now + CLOCKS_DIFFER
        self.stores = dict(Store.objects.filter(code__in=codes).values_list("code", "pk"))
        self.visible = set(Store.objects.visible_to(actor).values_list("pk", flat=True))
        self.guides: dict[str, list[int]] = {}
        for userid, pk in Guide.objects.filter(wecom_userid__in=userids).values_list(
            "wecom_userid", "pk"
        ):
            self.guides.setdefault(userid, []).append(pk)
        self.homes = {} if actor.sees_all else self._homes(items)

    @staticmethod
    def _homes(items: list[MemberItem]) -> dict[tuple[str, str, str], int | None]:
        """Home store of the members whom the identities already name."""
        found = members.find_identities(one for item in items for one in item.identities)
        stores = dict(
            Member.objects.filter(
                pk__in={identity.survivor_id for identity in found.values()}
            ).values_list("pk", "home_store_id")
        )
        return {given: stores.get(identity.survivor_id) for given, identity in found.items()}

    def problem(self, index: int, item: MemberItem) -> ItemResult | None:
        """Why this actor may not write this item, if so."""
        if item.home_store and item.home_store not in self.stores:
            return refused(index, "unknown_store", item.home_store)
        if item.home_store and self.stores[item.home_store] not in self.visible:
            return refused(index, "foreign_store", item.home_store)
        if not self._timely(item):
            return refused(index, "impossible_date")
        if item.enrolling_guide and len(self.guides.get(item.enrolling_guide, [])) != 1:
            return refused(index, "unknown_guide", item.enrolling_guide)
        if not self.actor.sees_all:
            return self._outside(index, item)
        return None

    def _timely(self, item: MemberItem) -> bool:
        moments = [consent.given_at for consent in item.consents]
        if item.joined_at is not None:
            moments.append(item.joined_at)
        return all(EARLIEST < moment < self.latest for moment in moments)

    def _outside(self, index: int, item: MemberItem) -> ItemResult | None:
        if not item.home_store:
            return refused(index, "no_store")
        homes = {self.homes[given] for given in item.identities if given in self.homes} - {None}
        return refused(index, "foreign_member") if homes - self.visible else None

    def row(self, item: MemberItem) -> MemberRow:
        return MemberRow(
            identities=item.identities,
            name=item.name,
            gender=item.gender,
            birth_month=item.birth_month,
            birth_day=item.birth_day,
            joined_at=item.joined_at,
            source=item.source,
            level=item.level,
            home_store_id=self.stores.get(item.home_store),
            enrolling_guide_id=next(iter(self.guides.get(item.enrolling_guide, [])), None),
            consents=list(item.consents),
        )


@transaction.atomic
def take_members(
    *, items: list[MemberItem | ItemError], now: datetime, actor: Actor
) -> list[ItemResult]:
    """Find or make the member of each item: created, updated or rejected, good beside bad."""
    readable = {n: item for n, item in enumerate(items) if isinstance(item, MemberItem)}
    places = _Places(readable.values(), now=now, actor=actor)
    results, work = sorted_out(items, readable, problem=places.problem, row=places.row)
    resolved = _resolved(list(work.values()), now=now, actor=actor)
    numbers = {one.member_id for one in resolved if one.member_id is not None}
    public = dict(Member.objects.filter(pk__in=numbers).values_list("pk", "public_id"))
    for index, one in zip(work, resolved, strict=True):
        if one.member_id is None:
            results[index] = refused(index, one.error)
        else:
            status = "created" if one.created else "updated"
            results[index] = ItemResult(index, status, reference=str(public[one.member_id]))
    refresh_profiles(member_ids=numbers, now=now)
    return [results[index] for index in range(len(items))]


def _resolved(rows: list[MemberRow], *, now: datetime, actor: Actor) -> list[ResolvedMember]:
    """A till need not send again because somebody in the batch was erased this second."""
    try:
        return resolve_members(rows=rows, now=now, source="api", actor=actor)
    except ErasedMeanwhile:
        return resolve_members(rows=rows, now=now, source="api", actor=actor)


def unread(items: list[Any]) -> dict[int, ItemResult]:
    """The answers for what had not the form of an item."""
    return {
        index: ItemResult(index, REJECTED, code=item.code, message=item.message)
        for index, item in enumerate(items)
        if isinstance(item, ItemError)
    }


def sorted_out(
    items: list[Any],
    readable: dict[int, Item],
    *,
    problem: Callable[[int, Item], ItemResult | None],
    row: Callable[[Item], Row],
) -> tuple[dict[int, ItemResult], dict[int, Row]]:
    """The answers for what is not kept, and the rows of what is to be kept."""
    results, work = unread(items), {}
    for index, item in readable.items():
        refusal = problem(index, item)
        if refusal is None:
            work[index] = row(item)
        else:
            results[index] = refusal
    return results, work


# --- orders ---------------------------------------------------------------------------------------


def _with_buyers(items: dict[int, OrderItem]) -> dict[int, OrderRow]:
    """Rows with inner ids for public ones; an unknown public id becomes one that nobody has."""
    public = {item.member for item in items.values() if item.member is not None}
    ids = dict(Member.objects.filter(public_id__in=public).values_list("public_id", "pk"))
    rows = {}
    for index, item in items.items():
        if item.member is None:
            rows[index] = item.row
        else:
            rows[index] = replace(item.row, member_id=ids.get(item.member, 0))
    return rows


@transaction.atomic
def take_orders(
    *, items: list[OrderItem | ItemError], now: datetime, actor: Actor
) -> list[ItemResult]:
    """Keep each order; figures, stages and 已成交 follow in the same transaction, commission is
    counted by a job."""
    results = unread(items)
    readable = {n: item for n, item in enumerate(items) if isinstance(item, OrderItem)}
    rows = _with_buyers(readable)
    stored = ingest_orders(rows=list(rows.values()), now=now, actor=actor)
    nobodys = _credit(zip(readable.values(), stored, strict=True), now=now)
    changed = [one for one in stored if one.status not in (REJECTED, UNCHANGED)]
    refresh_profiles(member_ids={pk for one in changed for pk in one.member_ids}, now=now)
    order_ids = sorted({one.order_id for one in changed if one.order_id is not None})
    record_purchases(order_ids=order_ids, now=now)
    note_orders(order_ids=order_ids, now=now)
    close_with_orders(order_ids=order_ids, now=now)
    concessions.close_with_orders(order_ids=order_ids)
    # after the targets, as who sends a coupon or takes one back does
    coupons = _redeem(list(zip(readable.values(), stored, strict=True)), now=now)
    for index, one in zip(rows, stored, strict=True):
        results[index] = ItemResult(
            index,
            one.status,
            reference="" if one.order_id is None else rows[index].external_no,
            code=one.error_code,
            message=one.message,
            warning=_warning(items[index], one, nobodys),
            coupons=coupons.get(one.order_id or 0, ()),
        )
    return [results[index] for index in range(len(items))]


def _redeem(
    stored: list[tuple[OrderItem, OrderResult]], *, now: datetime
) -> dict[int, tuple[tuple[str, str], ...]]:
    """Mark the coupons of the sales as used, give back those of sales that came back as a whole;
    what became of each code, by order. Also for orders that were known before."""
    kept = [(item, one.order_id) for item, one in stored if one.order_id is not None]
    uses = {
        order_id: [CouponUse(order_id, code) for code in item.coupon_codes]
        for item, order_id in kept
        if item.coupon_codes
    }
    answers = redeem(uses=(use for named in uses.values() for use in named))
    if kept:
        give_back(order_ids=[order_id for _item, order_id in kept], now=now)
    return {
        order_id: tuple((use.code, answers[use]) for use in named)
        for order_id, named in uses.items()
    }


def _warning(item: object, stored: OrderResult, nobodys: set[int]) -> str:
    """The order is kept all the same."""
    if stored.order_id is None or not isinstance(item, OrderItem):
        return ""
    if item.link_code and item.row.kind != Order.Kind.SALE:
        return "link_of_sale"
    return "unknown_link" if stored.order_id in nobodys else ""


def _credit(stored: Iterable[tuple[OrderItem, OrderResult]], *, now: datetime) -> set[int]:
    """Keep by which links the sales came, also those that were known before; returns the orders
    whose code is nobody's."""
    codes = {
        one.order_id: item.link_code
        for item, one in stored
        if one.order_id is not None and item.link_code and item.row.kind == Order.Kind.SALE
    }
    return credit_links(codes=codes, now=now) if codes else set()


# --- what a till asks before a sale ---------------------------------------------------------------


class StoreUnknown(DomainError):
    code = "unknown_store"
    message = gettext_lazy("Name a store that this key may write for.")


def asking_store(*, code: str, actor: Actor) -> int | None:
    """The store whose till asks; None where a key of the whole chain names none.

    A key of certain stores names one of them. Raises StoreUnknown.
    """
    stores = Store.objects.visible_to(actor).filter(code=code)
    store_id: int | None = stores.values_list("pk", flat=True).first()
    if store_id is None and (code or not actor.sees_all):
        raise StoreUnknown
    return store_id


def asked_person(
    *, member: UUID | None, member_identity: tuple[str, str, str] | None
) -> tuple[int, UUID] | None:
    """Whom a till asks about, by an identity or a public id: the survivor and the public id that
    the next call may name. None for who is not known."""
    if member_identity is not None:
        known = members.find_identities([member_identity]).values()
        named = Member.objects.filter(pk__in=[found.member_id for found in known])
    else:
        named = Member.objects.filter(public_id__in=[member] if member else [])
    person = Member.objects.filter(pk__in=named.values("survivor_id"), erased_at=None)
    return person.values_list("pk", "public_id").first()


def check_coupon(
    *,
    code: str,
    store_code: str,
    member: UUID | None,
    amount_fen: int | None,
    now: datetime,
    actor: Actor,
) -> Verdict:
    """Whether a code can be used now, and what it is worth. Changes nothing.

    Raises StoreUnknown.
    """
    store_id = asking_store(code=store_code, actor=actor)
    survivor_id = None
    if member is not None:
        people = Member.objects.filter(public_id=member).values_list("survivor_id", flat=True)
        survivor_id = people.first() or 0
    return check_code(
        code=code, store_id=store_id, survivor_id=survivor_id, amount_fen=amount_fen, now=now
    )
