"""Guides who sit in another store's department: noticed, told to head office, decided there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.stores import services as stores
from apps.stores.models import Guide, Posting, Store
from apps.wecom.shapes import DepartmentMember
from apps.wecom_sync.errors import MoveOver
from apps.wecom_sync.models import StoreMove

State = StoreMove.State


@dataclass(frozen=True, slots=True)
class Moved:
    guide: Guide
    from_store: Store
    to_store: Store


def find_moves(
    *,
    guides: Mapping[str, Guide],
    people: Mapping[str, DepartmentMember],
    works_in: Mapping[str, Store],
    now: datetime,
) -> list[Moved]:
    """Who sits in the department of another live store than the one they work in today, by WeCom's
    picture. Whoever sits in both is where they should be. One query."""
    elsewhere = {guides[userid].pk: userid for userid in works_in if userid in guides}
    postings = Posting.objects.on(clock.business_day(now)).filter(guide_id__in=elsewhere)
    found = []
    for posting in postings.select_related("store").order_by("guide_id"):
        userid = elsewhere[posting.guide_id]
        guide, to_store = guides[userid], works_in[userid]
        if posting.store_id != to_store.pk and not _sits_in(people[userid], posting.store, guide):
            found.append(Moved(guide, posting.store, to_store))
    return found


def _sits_in(person: DepartmentMember, store: Store, guide: Guide) -> bool:
    same_corp = store.corp_id in ("", guide.corp_id)
    return same_corp and store.wecom_department_id in person.departments


def undecided(moved: Sequence[Moved]) -> list[Moved]:
    """Those about whom head office has not said that they stay."""
    ids = [one.guide.pk for one in moved]
    kept = StoreMove.objects.filter(state=State.KEPT, guide_id__in=ids)
    answered = set(kept.values_list("guide_id", "from_store_id", "to_store_id"))
    return [one for one in moved if _key(one) not in answered]


def standing_in(corp_id: str) -> list[int]:
    """The guides of this corp about whom something is said now."""
    rows = StoreMove.objects.standing().filter(guide__corp_id=corp_id)
    return list(rows.values_list("guide_id", flat=True))


def _key(one: Moved) -> tuple[int, int, int]:
    return one.guide.pk, one.from_store.pk, one.to_store.pk


@transaction.atomic
def keep_moves(*, moved: Sequence[Moved], among: Collection[int], now: datetime) -> int:
    """Head office is asked about each once; what is not so any more is over. `among` are the guides
    that were looked at. Returns how many are new. Safe to repeat."""
    wanted = {_key(one): one for one in moved}
    rows = StoreMove.objects.select_for_update().standing().filter(guide_id__in=among)
    stands = {(row.guide_id, row.from_store_id, row.to_store_id): row.pk for row in rows}
    over = [pk for key, pk in stands.items() if key not in wanted]
    StoreMove.objects.filter(pk__in=over).update(state=State.GONE, decided_at=now)
    fresh = [one for key, one in wanted.items() if key not in stands]
    StoreMove.objects.bulk_create(
        [
            StoreMove(
                guide=one.guide, from_store=one.from_store, to_store=one.to_store, seen_at=now
            )
            for one in fresh
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )
    return len(fresh)


@transaction.atomic
def decide_move(*, move: StoreMove, take: bool, actor: Actor, now: datetime) -> StoreMove:
    """Post the guide to the store of their department from today on, as a guide, or leave all as it
    is. Safe to repeat. Raises MoveOver, PostingOverlaps."""
    wanted = State.TAKEN if take else State.KEPT
    # the guide first, as events and the comparison do: the other way round they block each other
    Guide.objects.select_for_update(no_key=True, of=("self",)).get(pk=move.guide_id)
    row = StoreMove.objects.select_for_update(of=("self",)).get(pk=move.pk)
    if row.state == wanted:
        return row
    if row.state != State.OPEN:
        raise MoveOver()
    day = clock.business_day(now)
    if take:
        here = Posting.objects.on(day).filter(guide_id=row.guide_id, store_id=row.from_store_id)
        if not here.exists() or row.to_store.live_since is None:
            raise MoveOver()
        role = Posting.PostingRole.GUIDE
        stores.post_guide(guide=row.guide, store=row.to_store, role=role, from_day=day)
    row.state, row.decided_at, row.decided_by = wanted, now, actor.label
    row.save(update_fields=["state", "decided_at", "decided_by"])
    accounts.audit(
        actor=actor,
        action="store_move.taken" if take else "store_move.kept",
        object_type="stores.guide",
        object_id=row.guide_id,
        detail={"from_store": row.from_store_id, "to_store": row.to_store_id},
    )
    return row
