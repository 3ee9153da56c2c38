"""流失: WeCom friendships that ended, by who ended them. A transfer is no loss, nor is what only
the comparison with WeCom found ended: nobody knows whose wish that was."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, DateField, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from apps.accounts.actor import Actor
from apps.core import clock
from apps.handovers.selectors import lost_friendships
from apps.members.models import FollowRelation
from apps.stores.models import Posting, Store

EndedBy = FollowRelation.EndedBy
MOST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Loss:
    """Friendships lost: the customer deleted the guide, or the guide the customer. `back` are
    those of both who are that guide's friend again."""

    by_customer: int = 0
    by_guide: int = 0
    back: int = 0

    @property
    def total(self) -> int:
        return self.by_customer + self.by_guide

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(
            self.by_customer + other.by_customer,
            self.by_guide + other.by_guide,
            self.back + other.back,
        )


@dataclass(frozen=True, slots=True)
class GuideLoss:
    guide_id: int
    name: str
    store: Store | None
    loss: Loss


@dataclass(frozen=True, slots=True)
class StoreLoss:
    store: Store
    loss: Loss
    guides: int


@dataclass(frozen=True, slots=True)
class Losses:
    """The days from `first` on: all of it, per day, per store, per guide; the most first."""

    first: date
    total: Loss
    days: list[tuple[date, Loss]]
    stores: list[StoreLoss]
    guides: list[GuideLoss]


def _lost(since: datetime, until: datetime) -> QuerySet[Any]:
    """Friendships lost in the time, with the day and the store the guide was posted in then."""
    again = FollowRelation.objects.current().filter(
        guide_id=OuterRef("guide_id"), external_userid=OuterRef("external_userid")
    )
    posted = Posting.objects.filter(guide_id=OuterRef("guide_id"), during__contains=OuterRef("day"))
    return (
        lost_friendships(since=since, until=until)
        .annotate(
            day=TruncDate("until", tzinfo=clock.chain_tz(), output_field=DateField()),
            is_back=Exists(again),
        )
        .annotate(store_id=Subquery(posted.values("store_id")[:1]))
    )


def losses(*, actor: Actor, now: datetime, days: int, store: Store | None = None) -> Losses:
    """What the actor's places lost in the last days, today included; two queries."""
    days = min(max(days, 1), MOST_DAYS)
    first = clock.business_day(now) - timedelta(days=days - 1)
    rows = _lost(clock.day_start(first), now)
    if store is not None:
        rows = rows.filter(store_id=store.pk)
    elif not actor.sees_all:
        rows = rows.filter(store_id__in=Store.objects.visible_to(actor).values("pk"))
    counted = (
        rows.order_by()
        .values("guide_id", "guide__name", "store_id", "day")
        .annotate(
            by_customer=Count("pk", filter=Q(ended_by=EndedBy.CUSTOMER)),
            by_guide=Count("pk", filter=Q(ended_by=EndedBy.GUIDE)),
            back=Count("pk", filter=Q(is_back=True)),
        )
    )
    return _added_up(list(counted), first, days, store)


def _added_up(rows: Sequence[dict[str, Any]], first: date, days: int, only: Store | None) -> Losses:
    by_day: dict[date, Loss] = {first + timedelta(days=n): Loss() for n in range(days)}
    by_guide: dict[tuple[int, int | None], Loss] = defaultdict(Loss)
    for row in rows:
        one = Loss(row["by_customer"], row["by_guide"], row["back"])
        by_day[row["day"]] = by_day.get(row["day"], Loss()) + one
        by_guide[row["guide_id"], row["store_id"]] += one
    names = {row["guide_id"]: row["guide__name"] for row in rows}
    ids = {pk for _guide, pk in by_guide if pk is not None}
    stores = {only.pk: only} if only else Store.objects.in_bulk(ids)
    by_store: dict[int, StoreLoss] = {}
    for (_guide_id, store_id), loss in by_guide.items():
        if store_id is not None:
            known = by_store.get(store_id, StoreLoss(stores[store_id], Loss(), 0))
            by_store[store_id] = replace(known, loss=known.loss + loss, guides=known.guides + 1)
    found = [
        GuideLoss(guide_id, names[guide_id], stores.get(store_id or 0), loss)
        for (guide_id, store_id), loss in by_guide.items()
    ]
    return Losses(
        first=first,
        total=sum(by_day.values(), Loss()),
        days=sorted(by_day.items()),
        stores=sorted(by_store.values(), key=lambda one: (-one.loss.total, one.store.code)),
        guides=sorted(found, key=lambda one: (-one.loss.total, one.name)),
    )
