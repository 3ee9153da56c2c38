"""Reads about codes: who receives, what they brought, where the nearest store is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, QuerySet
from django.utils.functional import cached_property

from apps.contact_codes.models import STATE_MARK, ChannelCode, CodeAdd, CodeScan
from apps.core import clock
from apps.outreach import attachments
from apps.outreach.attachments import Piece
from apps.stores.models import Guide, Store

DAYS = 30  # figures of lists look so far back
KEPT_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class OwnWelcome:
    """What a code says to its new friends. Without a text the usual one is sent, with the code's
    own picture and card."""

    text: str | None = None
    attachments: tuple[Piece, ...] = ()


def own_welcomes(states: Iterable[str]) -> dict[tuple[str, str], OwnWelcome]:
    """The codes' own words to new friends by (corp, state), in one query or none."""
    ours = {state for state in states if state.startswith(STATE_MARK)}
    if not ours:
        return {}
    found = ChannelCode.objects.filter(state__in=ours).exclude(
        welcome="", card_url="", welcome_picture=""
    )
    return {(code.corp_id, code.state): _own_welcome(code) for code in found}


def _own_welcome(code: ChannelCode) -> OwnWelcome:
    shown = []
    if code.welcome_picture:
        shown.append(attachments.picture(str(code.welcome_picture)))
    if code.card_url:
        shown.append(
            attachments.link(title=code.card_title, summary=code.card_text, url=code.card_url)
        )
    return OwnWelcome(code.welcome or None, tuple(shown))


def pictures_in_use() -> list[str]:
    """The pictures that go out with the welcomes of codes in use."""
    codes = ChannelCode.objects.running().exclude(welcome_picture="")
    return list(codes.order_by().values_list("welcome_picture", flat=True).distinct())


def names_of_states(states: Iterable[str]) -> dict[str, str]:
    """The same for many, by state, in one query; without those that are none of ours."""
    found = ChannelCode.objects.filter(state__in=states).values_list("state", "channel", "title")
    return {state: f"{channel} · {title}" for state, channel, title in found}


# --- what a code brought -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the last 30 days. `kept` of `old_enough`: still friends a week after the add, of those
    whose week is over. A friendship that went to a colleague by transfer is not lost."""

    scans: int = 0
    adds: int = 0
    new: int = 0
    lost: int = 0
    old_enough: int = 0
    kept: int = 0

    @property
    def add_rate(self) -> float | None:
        return self.adds / self.scans if self.scans else None

    @property
    def kept_rate(self) -> float | None:
        return self.kept / self.old_enough if self.old_enough else None


def figures_of(code_ids: Sequence[int], *, now: datetime) -> dict[int, Figures]:
    """By code, in three queries."""
    since = clock.day_start(clock.business_day(now) - timedelta(days=DAYS - 1))
    scans = CodeScan.objects.filter(code_id__in=code_ids, day__gte=clock.business_day(since))
    counted = dict(scans.order_by().values_list("code_id").annotate(n=Count("pk")))
    # a link is mostly opened where our page is not: WeCom counts, and ours leads there too
    links = ChannelCode.objects.filter(pk__in=code_ids, medium=ChannelCode.Medium.LINK)
    counted |= dict(links.values_list("pk", "clicks"))
    ended = Q(follow__until__isnull=False) & ~Q(follow__ended_by="transfer")
    aged = Q(at__lte=now - KEPT_AFTER)
    early = ended & Q(follow__until__lt=F("follow__since") + KEPT_AFTER)
    adds = (
        CodeAdd.objects.filter(code_id__in=code_ids, at__gte=since)
        .order_by()
        .values("code_id")
        .annotate(
            adds=Count("pk"),
            new=Count("pk", filter=Q(is_new=True)),
            lost=Count("pk", filter=ended),
            old_enough=Count("pk", filter=aged),
            kept=Count("pk", filter=aged & ~early),
        )
    )
    found = {
        code_id: Figures(counted.get(code_id, 0), *rest)
        for code_id, *rest in adds.values_list(
            "code_id", "adds", "new", "lost", "old_enough", "kept"
        )
    }
    return {code_id: Figures(scans=n) for code_id, n in counted.items()} | found


@dataclass(frozen=True, slots=True)
class CodeDay:
    day: datetime
    scans: int
    adds: int


def days_of(code: ChannelCode, *, now: datetime, days: int = 14) -> list[CodeDay]:
    """Scans and adds by day, the latest first."""
    today = clock.business_day(now)
    first = today - timedelta(days=days - 1)
    scans = CodeScan.objects.filter(code=code, day__gte=first).order_by()
    by_scan = dict(scans.values_list("day").annotate(n=Count("pk")))
    by_add: dict[object, int] = {}
    moments = CodeAdd.objects.filter(code=code, at__gte=clock.day_start(first))
    for at in moments.values_list("at", flat=True):
        by_add[clock.business_day(at)] = by_add.get(clock.business_day(at), 0) + 1
    found = [today - timedelta(days=n) for n in range(days)]
    return [CodeDay(clock.day_start(day), by_scan.get(day, 0), by_add.get(day, 0)) for day in found]


def names_of(codes: Iterable[ChannelCode]) -> dict[str, str]:
    """Names of everybody these codes lead to, by WeCom id, in one query."""
    users = {user for code in codes for user in (*code.pushed_users, *code.wanted_users)}
    corps = {code.corp_id for code in codes}
    rows = Guide.objects.filter(wecom_userid__in=users, corp_id__in=corps)
    return dict(rows.values_list("wecom_userid", "name"))


# --- the customer's page -------------------------------------------------------------------------


@dataclass(frozen=True)
class Nearby:
    """A store that a signpost leads to."""

    slug: str
    store: Store

    @property
    def place(self) -> str:
        """ "latitude,longitude" for the browser; empty where we do not know."""
        if self.store.latitude is None or self.store.longitude is None:
            return ""
        return f"{self.store.latitude:.5f},{self.store.longitude:.5f}"


@dataclass(frozen=True)
class City:
    name: str
    stores: list[Nearby]

    @cached_property
    def place(self) -> str:
        """The middle of its stores."""
        found = [
            (one.store.latitude, one.store.longitude)
            for one in self.stores
            if one.store.latitude is not None and one.store.longitude is not None
        ]
        if not found:
            return ""
        latitude, longitude = (sum(part) / len(found) for part in zip(*found, strict=True))
        return f"{latitude:.3f},{longitude:.3f}"


def pages_of(
    *, guide_ids: Iterable[int], store_ids: Iterable[int]
) -> tuple[dict[int, str], dict[int, str]]:
    """Pages of codes that can be scanned now: by guide, and by store; in one query."""
    Kind = ChannelCode.Kind
    wanted = Q(kind=Kind.GUIDE, guide_id__in=list(guide_ids)) | Q(
        kind=Kind.STORE, store_id__in=list(store_ids)
    )
    codes = ChannelCode.objects.running().filter(wanted, medium=ChannelCode.Medium.CODE)
    guides: dict[int, str] = {}
    stores: dict[int, str] = {}
    for code in codes.exclude(address="").order_by("pk"):
        if code.kind == Kind.GUIDE and code.guide_id:
            guides.setdefault(code.guide_id, code.slug)
        elif code.store_id:
            stores.setdefault(code.store_id, code.slug)
    return guides, stores


def cities_of(signpost: ChannelCode, *, now: datetime) -> list[City]:
    """Stores with a code that can be scanned now, by city, of whichever corp: of the signpost's own
    channel where the store has one, else any."""
    open_now = Store.objects.open_on(clock.business_day(now)).filter(live_since__isnull=False)
    codes: QuerySet[ChannelCode] = (
        ChannelCode.objects.running()
        .filter(
            kind=ChannelCode.Kind.STORE,
            medium=ChannelCode.Medium.CODE,
            store__in=open_now,
        )  # fmt: skip
        .exclude(address="")
        .select_related("store")
        .order_by("store__city", "store__code", "pk")
    )
    best: dict[int, ChannelCode] = {}
    for code in codes:
        known = best.get(code.store_id or 0)
        if known is None or (code.channel == signpost.channel != known.channel):
            best[code.store_id or 0] = code
    cities: dict[str, City] = {}
    for code in best.values():
        assert code.store is not None
        city = cities.setdefault(code.store.city, City(code.store.city, []))
        city.stores.append(Nearby(code.slug, code.store))
    return list(cities.values())
