"""留货 and 调货 of the demo: what the tour's store asked of others and others of it, in each state,
every step by the service a phone calls."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import NAMESPACE_URL, uuid5

from django.db.models import QuerySet

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.members.models import ServingPeriod
from apps.orders.models import Order, OrderLine
from apps.stock import services
from apps.stock.models import Kind, Reason, StockLevel, StockRequest, StockTerms
from apps.stores.models import Guide, Posting, Store
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_SOLD_WITHIN = 30 * _DAY
# what became of each that the store asked for: kind and steps, the oldest first
_OURS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (Kind.HOLD, ("confirm",)),
    (Kind.SEND, ("confirm", "send")),
    (Kind.SEND, ("confirm", "send", "receive")),
    (Kind.HOLD, ("refuse",)),
    (Kind.SEND, ("confirm", "withdraw")),
)


def play(*, store: Store, now: datetime) -> int:
    """Ask, answer, send and sell; returns how many requests there are. What is to lapse comes
    before what runs."""
    here = _guides(store, now)
    _sell(store, here, now=now)
    pieces = _pieces(store, now)
    for level in islice(pieces, 1):
        _ask(here[0], level, Kind.HOLD, at=now - 30 * _HOUR)
        # asked at night, it waits until the morning
        services.lapse_due(now=now - 20 * _HOUR)
    for place, ((kind, steps), level) in enumerate(zip(_OURS, pieces, strict=False)):
        at = now - 4 * _HOUR
        row = _ask(here[place % len(here)], level, kind, at=at)
        _lead(row, steps, at)
    # what waits is to wait for whoever opens the demo hours later
    patient = StockTerms.objects.create(answer_minutes=1_440)
    for level in islice(pieces, 1):
        _ask(here[0], level, Kind.SEND, at=now - 10 * _MINUTE)
    _of_others(store, now=now)
    patient.delete()
    return StockRequest.objects.count()


def _serving(now: datetime) -> QuerySet[Posting]:
    """Those at work with customers of their own."""
    serving = ServingPeriod.objects.current().values("guide_id")
    found = Posting.objects.on(clock.business_day(now)).filter(guide_id__in=serving)
    return found.filter(role=Posting.PostingRole.GUIDE)


def _guides(store: Store, now: datetime) -> list[Guide]:
    found = _serving(now).filter(store=store).select_related("guide")
    return [row.guide for row in found.order_by("pk")[:2]]


def _beside(store: Store, now: datetime) -> QuerySet[Store]:
    """Other stores of the region where somebody can ask and answer."""
    found = Store.objects.filter(region=store.region, closed_on=None, live_since__isnull=False)
    return found.filter(pk__in=_serving(now).values("store_id")).exclude(pk=store.pk)


def _pieces(store: Store, now: datetime) -> Iterator[StockLevel]:
    """Pieces in other stores of the region, another product each."""
    there = StockLevel.objects.filter(quantity__gte=2, store__in=_beside(store, now))
    seen: set[int] = set()
    for level in there.order_by("store_id", "-product_id").iterator():
        if level.product_id not in seen:
            seen.add(level.product_id)
            yield level


def _customers(guide: Guide) -> list[int]:
    served = ServingPeriod.objects.current().filter(guide=guide).order_by("-member_id")
    return list(served.values_list("member_id", flat=True)[:20])


def _ask(
    guide: Guide, level: StockLevel, kind: str, *, at: datetime, member_id: int | None = None
) -> StockRequest:
    number = StockRequest.objects.count()
    served = _customers(guide)
    return services.ask(
        member_id=member_id or served[number % len(served)],
        product_id=level.product_id,
        giving_store_id=level.store_id,
        kind=kind,
        percent=StockTerms.current().giver_percent(kind),
        guide_id=guide.pk,
        client_id=uuid5(NAMESPACE_URL, f"demo:piece:{number}"),
        actor=actor_for(user=user_of_guide(guide=guide), now=at),
        now=at,
    )


def _lead(row: StockRequest, steps: Sequence[str], asked_at: datetime) -> None:
    """Each step by who is at work on its side, a while after the one before."""
    giver = _guides(row.giving_store, asked_at)[0]
    giving = actor_for(user=user_of_guide(guide=giver), now=asked_at)
    asking = actor_for(user=user_of_guide(guide=row.asking_guide), now=asked_at)
    for place, step in enumerate(steps, 1):
        at = asked_at + (place * 45 - 30) * _MINUTE
        if step == "confirm":
            services.confirm(request_id=row.pk, actor=giving, now=at)
        elif step == "send":
            row.refresh_from_db()
            if row.waits_for_region:
                region = _region_of(at)
                services.decide_owners(request_id=row.pk, agree=True, actor=region, now=at)
            services.send(request_id=row.pk, actor=giving, now=at)
        elif step == "receive":
            services.receive(request_id=row.pk, actor=asking, now=at)
        elif step == "refuse":
            services.refuse(request_id=row.pk, reason=Reason.FAULTY, actor=giving, now=at)
        else:
            services.withdraw(request_id=row.pk, reason=Reason.NO_NEED, actor=asking, now=at)


def _region_of(now: datetime) -> Actor:
    return actor_for(user=User.objects.get(role=Role.REGION_MANAGER), now=now)


def _sell(store: Store, here: Sequence[Guide], *, now: datetime) -> None:
    """One that came from another store before a late sale, and was that sale."""
    for guide in here:
        sales = Order.objects.filter(
            store=store, kind=Order.Kind.SALE, paid_at__gte=_asks_since(guide, now),
            member_id__in=_customers(guide),
        )  # fmt: skip
        for sale in sales.order_by("-paid_at", "-pk"):
            lines = OrderLine.objects.filter(order=sale, paid_at=sale.paid_at, quantity__gt=0)
            there = StockLevel.objects.filter(
                product_id__in=lines.values("product_id"), quantity__gte=1,
                store__in=_beside(store, sale.paid_at),
            )  # fmt: skip
            level = there.order_by("store_id", "product_id").first()
            if level is not None:
                at = sale.paid_at - 3 * _HOUR
                row = _ask(guide, level, Kind.SEND, at=at, member_id=sale.member_id)
                _lead(row, ("confirm", "send", "receive"), at)
                services.close_with_orders(order_ids=[sale.pk], now=sale.paid_at)
                return


def _asks_since(guide: Guide, now: datetime) -> datetime:
    """Who came these weeks asked for nothing before."""
    begun = Posting.objects.on(clock.business_day(now)).get(guide=guide).during.lower
    return max(now - _SOLD_WITHIN, clock.day_start(begun + _DAY))


def _of_others(store: Store, *, now: datetime) -> None:
    """Two stores beside ask for what the tour's store has."""
    beside = _beside(store, now)
    levels = StockLevel.objects.filter(store=store, quantity__gte=2).order_by("product_id")
    kinds = (Kind.HOLD, Kind.SEND)
    for other, kind, level in zip(beside.order_by("pk"), kinds, islice(levels, 2), strict=False):
        _ask(_guides(other, now)[0], level, kind, at=now - 5 * _MINUTE)
