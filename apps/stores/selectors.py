"""Reads of the place: who an actor is, where somebody works, and who is at work on a day."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    DateField,
    Exists,
    Func,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, JSONObject, NullIf, Substr
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import NOBODY, Actor
from apps.accounts.capabilities import Capability, Role
from apps.accounts.models import ApiKey, User
from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.core.errors import DomainError
from apps.stores.models import Cover, DayOff, Guide, Posting, ScopeGrant, Store, StoreDay

# Head office sees every row; these two roles see what a posting or a grant gives them.
_SEES_ALL = frozenset({Role.HQ_ADMIN, Role.HQ_OPERATOR, Role.AUDITOR})


def _granted(
    rows: Iterable[tuple[int | None, int | None]],
) -> tuple[frozenset[int], frozenset[int]]:
    """Regions and stores among (region, store)."""
    rows = list(rows)
    regions = frozenset(region for region, _store in rows if region is not None)
    stores = frozenset(store for _region, store in rows if store is not None)
    return regions, stores


def _standing() -> QuerySet[Any, Any]:
    """What was granted to somebody, and where they work: asked for every page, so in one go."""
    user, day = Place("user", BigIntegerField()), Place("day", DateField())
    granted = ScopeGrant.objects.filter(user_id=OuterRef("pk"))
    # whose posting, before which day: of the day PostgreSQL cannot guess how many rows it leaves
    guide = Guide.objects.filter(user_id=user, status=Guide.Status.ACTIVE)
    posted = (
        Posting.objects.filter(guide_id=Subquery(guide.values("pk")), during__contains=day)
        .live()
        .order_by("pk")[:1]
    )
    return User.objects.filter(pk=user).values_list(
        ArraySubquery(granted.values(json=JSONObject(region="region_id", store="store_id"))),
        ArraySubquery(
            posted.values(
                json=JSONObject(
                    guide="guide_id", corp="guide__corp_id", store="store_id", role="role"
                )
            )
        ),
    )


_STANDING = Compiled(_standing)


def actor_for(*, user: User, now: datetime) -> Actor:
    """The actor behind a signed-in person: capabilities of the role, rows of posting and grants."""
    if not user.is_active:
        return NOBODY
    day = clock.business_day(now)
    if user.is_superuser or user.role in _SEES_ALL:
        return Actor(
            user_id=user.pk,
            role=user.role,
            name=user.get_full_name(),
            capabilities=user.capabilities,
            sees_all=True,
            on=day,
        )
    granted, posted = next(iter(_STANDING.tuples(user=user.pk, day=day)), ([], []))
    regions, stores = _granted((one["region"], one["store"]) for one in granted)
    guide_id, corp_id = None, ""
    if posted:
        guide_id, corp_id = posted[0]["guide"], posted[0]["corp"]
        if posted[0]["role"] == Posting.PostingRole.STORE_MANAGER:
            stores |= {posted[0]["store"]}
    elif user.role in (Role.GUIDE, Role.STORE_MANAGER):
        return NOBODY  # who left, or is posted nowhere that is live, has no business here
    return Actor(
        user_id=user.pk,
        role=user.role,
        name=user.get_full_name(),
        capabilities=user.capabilities,
        region_ids=regions,
        store_ids=stores,
        guide_id=guide_id,
        corp_id=corp_id,
        on=day,
    )


def actor_for_api_key(*, api_key: ApiKey, now: datetime) -> Actor:
    """The actor behind a key: the whole chain where the key says so (the mall, the ERP), else the
    places granted to it; without either it sees nobody."""
    grants = ScopeGrant.objects.filter(api_key=api_key)
    regions, stores = _granted(list(grants.values_list("region_id", "store_id")))
    return Actor(
        api_key_id=api_key.pk,
        role="api_key",
        name=api_key.name,
        capabilities=frozenset(Capability(scope) for scope in api_key.scopes),
        sees_all=api_key.chain_wide,
        region_ids=regions,
        store_ids=stores,
        on=clock.business_day(now),
    )


def stores_not_live() -> list[int]:
    """Stores outside the rollout; none in most chains, and then nothing more is asked."""
    return list(Store.objects.not_live().order_by().values_list("pk", flat=True))


# --- who is at work ------------------------------------------------------------------------------

# nobody waits longer than this for somebody to come back
BACK_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Absence:
    """A guide is away on a day. `covering_id` does their work, if somebody does and is at work;
    `back_on` is their next day at work, None when that is too far away."""

    guide_id: int
    day: date
    covering_id: int | None
    covering_store_id: int | None
    back_on: date | None


def _away(first: date, last: date, guide_ids: Iterable[int] | None = None) -> set[tuple[int, date]]:
    """(guide, day) of who is away between the days (both in): off, covered, or store closed."""
    only = None if guide_ids is None else list(guide_ids)
    off = DayOff.objects.filter(day__range=(first, last))
    covers = Cover.objects.filter(during__overlap=(first, last + timedelta(days=1)))
    closed = StoreDay.objects.filter(day__range=(first, last))
    if only is not None:
        off, covers = off.filter(guide_id__in=only), covers.filter(absent_id__in=only)
    found = set(off.values_list("guide_id", "day"))
    for absent_id, during in covers.values_list("absent_id", "during"):
        begin, end = max(during.lower, first), min(during.upper, last + timedelta(days=1))
        found |= {(absent_id, begin + timedelta(days=n)) for n in range((end - begin).days)}
    closed_days: dict[int, list[date]] = defaultdict(list)
    for store_id, day in closed.values_list("store_id", "day"):
        closed_days[store_id].append(day)
    if closed_days:
        postings = Posting.objects.filter(store_id__in=list(closed_days))
        if only is not None:
            postings = postings.filter(guide_id__in=only)
        for store_id, guide_id, during in postings.values_list("store_id", "guide_id", "during"):
            found |= {(guide_id, day) for day in closed_days[store_id] if day in during}
    return found


def absences(*, days: Sequence[date], guide_ids: Iterable[int] | None = None) -> list[Absence]:
    """Who is away on these days, who covers for them and when they are back; few small queries."""
    wanted = sorted(set(days))
    only = None if guide_ids is None else list(guide_ids)
    if not wanted:
        return []
    away = {pair for pair in _away(wanted[0], wanted[-1], only) if pair[1] in wanted}
    if not away:
        return []
    guides = {guide_id for guide_id, _day in away}
    later = _away(wanted[0], wanted[-1] + BACK_WITHIN, guides)
    covers = _covers(wanted, guides)
    found = []
    for guide_id, day in sorted(away):
        covering_id, store_id = covers.get((guide_id, day), (None, None))
        back_on = _back(guide_id, day, later)
        found.append(Absence(guide_id, day, covering_id, store_id, back_on))
    return found


def _back(guide_id: int, day: date, away: set[tuple[int, date]]) -> date | None:
    following = (day + timedelta(days=n) for n in range(1, BACK_WITHIN.days + 1))
    return next((one for one in following if (guide_id, one) not in away), None)


def _covers(days: list[date], guides: set[int]) -> dict[tuple[int, date], tuple[int, int]]:
    """(absent, day) → (covering guide, the store they work in that day), for those at work."""
    found = Cover.objects.filter(
        absent_id__in=guides, during__overlap=(days[0], days[-1] + timedelta(days=1))
    )
    rows = [
        (absent, covering, day)
        for absent, covering, during in found.values_list("absent_id", "covering_id", "during")
        for day in days
        if day in during
    ]
    if not rows:
        return {}
    helpers = {covering for _absent, covering, _day in rows}
    away = _away(days[0], days[-1], helpers)
    postings: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    active = Posting.objects.filter(guide_id__in=helpers, guide__status=Guide.Status.ACTIVE)
    for guide_id, store_id, posted in active.values_list("guide_id", "store_id", "during"):
        postings[guide_id].append((store_id, posted))
    stores = {
        (helper, day): store_id
        for helper, own in postings.items()
        for day in days
        for store_id, posted in own
        if day in posted
    }
    return {
        (absent, day): (covering, stores[covering, day])
        for absent, covering, day in rows
        if (covering, day) not in away and (covering, day) in stores
    }


class WorksNowhere(DomainError):
    code = "works_nowhere"
    message = _("You work in no store today. Ask your manager.")


def place_of(*, guide_id: int | None, day: date) -> Posting:
    """Where somebody works that day, with the store. Raises WorksNowhere."""
    posted = Posting.objects.on(day).filter(guide_id=guide_id or 0)
    place = posted.select_related("store").first()
    if place is None:
        raise WorksNowhere
    return place


def managers_of(*, store_ids: Collection[int], day: date) -> dict[int, list[int]]:
    """Store → who leads it that day; a store without anybody has an empty list."""
    managers: dict[int, list[int]] = {store_id: [] for store_id in store_ids}
    posted = Posting.objects.by_store_on(day).filter(
        role=Posting.PostingRole.STORE_MANAGER,
        store_id__in=store_ids,
        guide__status=Guide.Status.ACTIVE,
    )
    for store_id, guide_id in posted.values_list("store_id", "guide_id"):
        managers[store_id].append(guide_id)
    return managers


def name_behind(column: str) -> Case:
    """The name of the guide whose label (`Actor.label`) a column holds; "" for everybody else."""
    return Case(_behind(column, "guide:", Guide, "name"), default=Value(""))


def who_behind(column: str) -> Case:
    """The name of the guide, or of head office's own, whose label a column holds; "" for everybody
    else."""
    full = NullIf(Concat("last_name", "first_name"), Value(""))
    return Case(
        _behind(column, "guide:", Guide, "name"),
        _behind(column, "user:", User, Coalesce(full, "username")),
        default=Value(""),
    )


def _behind(column: str, label: str, model: type[Model], name: Any) -> When:
    number = Cast(Substr(OuterRef(column), len(label) + 1), BigIntegerField())
    found = model._default_manager.filter(pk=number).values_list(name)[:1]
    return When(**{f"{column}__startswith": label}, then=Subquery(found, CharField()))


def at_work(*, store_ids: Iterable[int], day: date) -> list[Posting]:
    """Postings of everybody who works in these stores on that day, guides with their names."""
    return _AT_WORK.rows(stores=list(store_ids), day=day)


def guides_at_work(*, store_ids: Iterable[int], day: date) -> set[int]:
    """Who works in these stores on that day."""
    found = _GUIDES_AT_WORK.tuples(stores=list(store_ids), day=day)
    return {guide_id for (guide_id,) in found}


def posted_with_duty(*, store_ids: Iterable[int], day: date) -> QuerySet[Any]:
    """Everybody posted in these stores on that day, with `is_away`: off, covered or closed."""
    return _with_duty(Q(store_id__in=list(store_ids)), day)


def _with_duty(in_stores: Q | Func, day: Any) -> QuerySet[Any]:
    off = DayOff.objects.filter(guide_id=OuterRef("guide_id"), day=day)
    covered = Cover.objects.on(day).filter(absent_id=OuterRef("guide_id"))
    closed = StoreDay.objects.filter(store_id=OuterRef("store_id"), day=day)
    return (
        Posting.objects.by_store_on(day)
        .filter(in_stores, guide__status=Guide.Status.ACTIVE)
        .annotate(is_away=Exists(off) | Exists(covered) | Exists(closed))
        .select_related("guide", "store")
        .order_by("store__code", "role", "guide__name", "guide_id")
    )


def _working() -> QuerySet[Any]:
    return _with_duty(among("store_id", "stores"), Place("day", DateField())).filter(is_away=False)


_AT_WORK = Compiled(_working)
_GUIDES_AT_WORK = Compiled(lambda: _working().order_by().values_list("guide_id"))


def away(*, day: date) -> QuerySet[Guide]:
    """Guides who are not at work on that day: off, covered, or their store is closed."""
    closed = StoreDay.objects.filter(store_id=OuterRef("store_id"), day=day)
    shut = Posting.objects.on(day).filter(Exists(closed), guide_id=OuterRef("pk"))
    return Guide.objects.filter(
        Exists(DayOff.objects.filter(guide_id=OuterRef("pk"), day=day))
        | Exists(Cover.objects.on(day).filter(absent_id=OuterRef("pk")))
        | Exists(shut)
    )


# who left longer ago has no customers' work open any more
GONE_WITHIN = timedelta(days=60)


def gone(*, day: date, within: timedelta = GONE_WITHIN) -> QuerySet[Guide]:
    """Guides who left a store or the chain lately."""
    since = day - within
    ended = Posting.objects.filter(guide_id=OuterRef("pk"), during__endswith__range=(since, day))
    left = Q(status=Guide.Status.LEFT, left_at__gte=clock.day_start(since))
    return Guide.objects.filter(Exists(ended) | left)


@dataclass(frozen=True, slots=True)
class DutyDay:
    """One cell of 排班. `state`: on, off, covered (somebody works for them), closed (the store)."""

    day: date
    state: str
    covered_by: str = ""


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A person's days. `covers` names whom they work for in these days."""

    guide: Guide
    role: str
    days: list[DutyDay]
    covers: list[str]


def duty_rows(*, store_id: int, days: Sequence[date]) -> list[DutyRow]:
    """Everybody posted in the store on one of these days, with each day's state."""
    first, last = days[0], days[-1]
    posted = list(
        Posting.objects.filter(
            store_id=store_id,
            during__overlap=(first, last + timedelta(days=1)),
            guide__status=Guide.Status.ACTIVE,
        )
        .select_related("guide")
        .order_by("role", "guide__name", "guide_id")
    )
    guides = {one.guide_id: one for one in posted}
    covers = list(
        Cover.objects.filter(
            absent_id__in=guides, during__overlap=(first, last + timedelta(days=1))
        ).select_related("absent", "covering")
    )
    state = _states_of(store_id, list(guides), days, covers)
    return [
        DutyRow(
            guide=one.guide,
            role=one.role,
            days=[state(guide_id, day) for day in days],
            covers=sorted({c.absent.name for c in covers if c.covering_id == guide_id}),
        )
        for guide_id, one in guides.items()
    ]


def _states_of(
    store_id: int, guide_ids: list[int], days: Sequence[date], covers: list[Cover]
) -> Callable[[int, date], DutyDay]:
    """Looks up a guide's day; two queries for all of them."""
    within = (days[0], days[-1])
    shut = StoreDay.objects.filter(store_id=store_id, day__range=within)
    away = DayOff.objects.filter(guide_id__in=guide_ids, day__range=within)
    closed, off = set(shut.values_list("day", flat=True)), set(away.values_list("guide_id", "day"))
    covered = {
        (c.absent_id, day): c.covering.name for c in covers for day in days if day in c.during
    }

    def state(guide_id: int, day: date) -> DutyDay:
        if day in closed:
            return DutyDay(day, "closed")
        if (guide_id, day) in covered:
            return DutyDay(day, "covered", covered[guide_id, day])
        return DutyDay(day, "off" if (guide_id, day) in off else "on")

    return state
