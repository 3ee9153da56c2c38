"""找导购: who is at work today, by name, store or city. Names of staff at work and places, nothing
about customers; who is off, or whose store is closed or not live, is not found."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q, QuerySet

from apps.contact_codes.selectors import pages_of
from apps.core import clock
from apps.stores.models import Guide, Posting, Store, StoreDay
from apps.stores.selectors import away, posted_with_duty

SHORTEST = 2
MOST = 20


@dataclass(frozen=True, slots=True)
class FoundGuide:
    """`slug` names the page with a code that leads to this guide, else to the store."""

    name: str
    store: str
    city: str
    slug: str


@dataclass(frozen=True, slots=True)
class FoundStore:
    """`at_work`: the staff there today, who leads the store with them."""

    name: str
    city: str
    at_work: int
    slug: str


@dataclass(frozen=True, slots=True)
class Found:
    """`more`: there are others, so the words should say more."""

    guides: list[FoundGuide]
    stores: list[FoundStore]
    more: bool


def find(*, words: str, now: datetime) -> Found:
    """At most so many of each, in four questions."""
    today = clock.business_day(now)
    open_now = _open(today)
    at_work = list(_at_work(words, open_now, today)[: MOST + 1])
    named = Q(name__icontains=words) | Q(city__icontains=words)
    stores = list(open_now.filter(named).order_by("city", "code")[: MOST + 1])
    shown, places = at_work[:MOST], stores[:MOST]
    guides_pages, store_pages = pages_of(
        guide_ids=[one.guide_id for one in shown],
        store_ids=[*(one.store_id for one in shown), *(one.pk for one in places)],
    )
    counted = _count(places, today)
    return Found(
        guides=[
            FoundGuide(
                one.guide.name,
                one.store.name,
                one.store.city,
                guides_pages.get(one.guide_id) or store_pages.get(one.store_id, ""),
            )
            for one in shown
        ],
        stores=[
            FoundStore(one.name, one.city, counted.get(one.pk, 0), store_pages.get(one.pk, ""))
            for one in places
        ],
        more=len(at_work) > MOST or len(stores) > MOST,
    )


def _open(today: date) -> QuerySet[Store]:
    closed = StoreDay.objects.filter(day=today).values("store_id")
    stores: QuerySet[Store] = Store.objects.open_on(today)
    return stores.filter(live_since__isnull=False).exclude(pk__in=closed)


def _at_work(words: str, stores: QuerySet[Store], today: date) -> QuerySet[Posting]:
    posted: QuerySet[Posting] = Posting.objects.on(today)
    return (
        posted.filter(
            guide__status=Guide.Status.ACTIVE, guide__name__icontains=words, store__in=stores
        )
        .exclude(guide__in=away(day=today))
        .select_related("guide", "store")
        .order_by("guide__name", "store__code", "pk")
    )


def _count(stores: list[Store], today: date) -> dict[int, int]:
    posted = posted_with_duty(store_ids=[one.pk for one in stores], day=today)
    rows = posted.filter(is_away=False).order_by().values_list("store_id")
    return dict(rows.annotate(n=Count("guide_id", distinct=True)))
