"""区域看板 as its pages show it: stores of one class side by side, down to masked customers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal.cards import Chip, Person, due_words, percent
from apps.guide_portal.team import rate_words_if_any
from apps.guide_portal.templatetags.portal import days_from_to, hour_minute, month_day, yuan
from apps.guide_tasks.models import TaskItem
from apps.members.models import ServingPeriod
from apps.members.selectors import masked_name
from apps.profiles.models import MemberProfile, Stage
from apps.reports import places
from apps.reports.places import Figures
from apps.reports.shapes import Lift
from apps.stores.models import Guide, Posting, Store, VisitItem

LISTED = 30
MINUTES_AN_HOUR = 60
# what a board may be ordered by: code → the figure, the largest first
ORDERS: dict[str, Callable[[Figures], float | None]] = {
    "sales": lambda found: found.member_fen,
    "friends": lambda found: found.friend_rate,
    "deals": lambda found: found.deal_rate,
    "work": lambda found: found.completion_rate,
    "growth": lambda found: found.growth,
}
# of how many those of them are that are a share of people, orders or tasks
BASES: dict[str, Callable[[Figures], int]] = {
    "friends": lambda found: found.buyers,
    "deals": lambda found: found.deals,
    "work": lambda found: found.issued - found.excused,
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One set of figures in words; `tone` of 同比 is always said by its arrow, too."""

    sales: str
    friends: str
    friends_of: str
    deals: str
    deals_of: str
    work: str
    work_words: str
    growth: str
    again: str
    again_of: str
    disturbed: str
    disturbed_of: str
    complaints: str
    complaints_of: str
    complaints_note: str


@dataclass(frozen=True, slots=True)
class Line:
    """A store or a guide with its figures, and where a tap leads."""

    pk: int
    name: str
    note: str
    sheet: Sheet


@dataclass(frozen=True, slots=True)
class ClassBlock:
    """Stores of one class: compared among themselves, beside the class as a whole."""

    title: str
    sheet: Sheet
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class LiftCard:
    title: str
    chip: Chip
    words: str
    members: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    title: str
    days: str
    days_before: str
    counted: str
    sheet: Sheet
    blocks: list[ClassBlock]
    orders: list[tuple[str, str, bool]]
    regions: list[tuple[int, str, bool]]
    region_id: int | None
    left_out: str
    lift: LiftCard | None
    enough_orders: int = places.ENOUGH_ORDERS
    enough_to_rank: int = places.ENOUGH_TO_RANK


def seen_stores(actor: Actor) -> QuerySet[Store]:
    return Store.objects.visible_to(actor).select_related("region").order_by("code")


def board_page(
    *, actor: Actor, region_id: int | None, order: str, now: datetime
) -> BoardPage | None:
    """The stores of a region, or of all regions the actor sees; None without a store there."""
    seen = list(seen_stores(actor))
    regions = {store.region_id: store.region.name for store in seen}
    stores = [store for store in seen if region_id is None or store.region_id == region_id]
    if not stores:
        return None
    board = places.store_board(stores=stores, now=now)
    order = order if order in ORDERS else "sales"
    traded = [row for row in board.rows if row.figures != Figures()]
    return BoardPage(
        title=regions[region_id] if region_id else "、".join(regions.values()),
        days=_days(board.period),
        days_before=_days_before(board.period),
        counted=_("as of %(time)s") % {"time": hour_minute(board.counted_at)},
        sheet=_sheet(board.total()),
        blocks=_blocks(board, traded, order),
        orders=[(code, word, code == order) for code, word in _order_words().items()],
        regions=[(pk, name, pk == region_id) for pk, name in regions.items()],
        region_id=region_id,
        left_out="、".join(row.name for row in board.rows if not row.is_comparable),
        lift=_lift_card(board.lift),
    )


def _order_words() -> dict[str, str]:
    return {
        "sales": _("Sales to members"),
        "friends": _("Friend rate"),
        "deals": _("Friends at the sale"),
        "work": _("Completion rate"),
        "growth": _("Same stores, a year before"),
    }


def _days(period: places.Period) -> str:
    return days_from_to(period.first, period.last)


def _days_before(period: places.Period) -> str:
    return days_from_to(*period.before)


def _sheet(found: Figures) -> Sheet:
    return Sheet(
        sales=yuan(found.member_fen),
        friends=percent(found.friend_rate),
        friends_of=f"{found.friends}/{found.buyers}",
        deals=percent(found.deal_rate),
        deals_of=f"{found.deal_friends}/{found.deals}",
        work=percent(found.completion_rate),
        work_words=rate_words_if_any(found),
        growth=change_words(found.growth),
        again=percent(found.again_rate),
        again_of=f"{found.again}/{found.before}",
        disturbed=percent(found.disturbed_rate),
        disturbed_of=f"{found.disturbed}/{found.reached}",
        complaints=_per_thousand(found.complaint_rate),
        complaints_of=f"{found.complaints}/{found.orders}",
        complaints_note="" if found.has_enough_orders else _("too few to judge"),
    )


def _per_thousand(share: float | None) -> str:
    return "–" if share is None else f"{1000 * share:.1f}"


def change_words(share: float | None) -> str:
    """↑3.2%, a dash where there is nothing to compare with."""
    if share is None:
        return "–"
    arrow = "↑" if share > 0 else "↓" if share < 0 else ""
    return f"{arrow}{abs(100 * share):.1f}%"


def in_order(rows: Sequence[places.PlaceRow], order: str) -> list[places.PlaceRow]:
    """The largest first; what is a share of few stands below, what is none at the end."""

    def key(row: places.PlaceRow) -> tuple[bool, bool, float, str]:
        value = ORDERS[order](row.figures)
        of_few = order in BASES and BASES[order](row.figures) < places.ENOUGH_TO_RANK
        return value is None, of_few, -(value or 0.0), row.name

    return sorted(rows, key=key)


def _blocks(board: places.Board, rows: Sequence[places.PlaceRow], order: str) -> list[ClassBlock]:
    labels = dict(Store.StoreClass.choices)
    blocks = []
    for code, label in labels.items():
        same = [row for row in rows if row.store_class == code]
        if same:
            blocks.append(
                ClassBlock(
                    title=_("Class %(name)s, %(n)s stores") % {"name": label, "n": len(same)},
                    sheet=_sheet(board.total(code)),
                    lines=[
                        Line(row.store_id, row.name, row.region, _sheet(row.figures))
                        for row in in_order(same, order)
                    ],
                )
            )
    return blocks


def _lift_card(found: places.PlaceLift | None) -> LiftCard | None:
    if found is None:
        return None
    lift = found.lift
    return LiftCard(
        title=found.title,
        chip=Chip("chart", lift.verdict_word),
        words=_lift_words(lift),
        members=_("%(treated)s with a task, %(control)s in the control group")
        % {"treated": lift.treated.members, "control": lift.control.members},
    )


def _lift_words(lift: Lift) -> str:
    each = lift.per_thousand_fen
    if each is None:
        return _("Too few customers to count an effect")
    return _("Per thousand customers %(value)s more; 95%% between %(low)s and %(high)s") % {
        "value": yuan(100 * round(each.value / 100)),
        "low": yuan(100 * round(each.low / 100)),
        "high": yuan(100 * round(each.high / 100)),
    }


# --- one store -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StorePage:
    store: Store
    days: str
    days_before: str
    lines: list[Line]
    to_follow: int


def store_page(*, store: Store, actor: Actor, now: datetime) -> StorePage:
    """The guides who work there or left figures there, the best seller first; six queries."""
    counted = {row.guide_id: row.figures for row in places.guide_board(store_id=store.pk, now=now)}
    posted = Posting.objects.by_store_on(clock.business_day(now)).filter(store=store)
    here = {
        one.guide_id: one.guide.name
        for one in posted.select_related("guide")
        if one.guide.status == Guide.Status.ACTIVE
    }
    gone = [pk for pk in counted if pk not in here]
    names = {**here, **dict(Guide.objects.filter(pk__in=gone).values_list("pk", "name"))}
    period = places.period_of(now)
    rows = sorted(names, key=lambda pk: -counted.get(pk, Figures()).member_fen)
    return StorePage(
        store=store,
        days=_days(period),
        days_before=_days_before(period),
        lines=[
            Line(
                pk,
                names[pk],
                "" if pk in here else _("no longer in this store"),
                _sheet(counted.get(pk, Figures())),
            )
            for pk in rows
        ],
        to_follow=VisitItem.objects.visible_to(actor).open().filter(store=store).count(),
    )


# --- one guide's customers -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """A customer, masked: who looks from the region needs no name."""

    person: Person
    words: str
    worth: str


@dataclass(frozen=True, slots=True)
class GuidePage:
    name: str
    total: int
    lines: list[CustomerLine]


def guide_page(*, guide: Guide, store: Store, now: datetime) -> GuidePage:
    """Whom a guide serves from this store, the dearest first; three queries."""
    served = ServingPeriod.objects.current().filter(guide=guide, store=store)
    best = list(
        MemberProfile.objects.filter(member_id__in=served.values("member_id")).order_by(
            "-net_365_fen", "member_id"
        )[:LISTED]
    )
    people = {
        one.member_id: one.member
        for one in served.filter(member_id__in=[row.pk for row in best]).select_related("member")
    }
    return GuidePage(
        name=guide.name,
        total=served.count(),
        lines=[_customer(row, people[row.pk].level, masked_name(people[row.pk])) for row in best],
    )


def _customer(row: MemberProfile, level: str, name: str) -> CustomerLine:
    last = row.last_order_on
    bought = _("last bought %(day)s") % {"day": month_day(last)} if last else _("never bought")
    return CustomerLine(
        person=Person(pk=row.pk, public_id=None, name=name or "*"),
        words=" · ".join(filter(None, (level, str(Stage(row.stage).label), bought))),
        worth=yuan(row.net_365_fen),
    )


# --- pushes that meet ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PushLine:
    pk: int
    title: str
    words: str
    chip: Chip | None
    due: str


@dataclass(frozen=True, slots=True)
class PushesPage:
    """Pushes to customers, and those without."""

    rows: list[PushLine]
    items: list[PushLine]


def pushes_page(*, actor: Actor, now: datetime) -> PushesPage:
    """What runs in the region, push by push, and how many customers stand in two of them."""
    ids = list(seen_stores(actor).values_list("pk", flat=True))
    return PushesPage(
        rows=[_push_line(row, now) for row in places.meeting_pushes(store_ids=ids, now=now)],
        items=_item_pushes(ids, now),
    )


def _item_pushes(store_ids: list[int], now: datetime) -> list[PushLine]:
    found = (
        TaskItem.objects.open()
        .opened_by(now)
        .filter(store_id__in=store_ids)
        .order_by()
        .values_list("push_id", "push__title")
        .annotate(n=Count("pk"), stores=Count("store_id", distinct=True), last=Max("due_at"))
    )
    return [
        PushLine(
            pk=pk,
            title=title,
            words=_("open %(n)s times in %(stores)s stores") % {"n": n, "stores": stores},
            chip=None,
            due=due_words(last, now=now),
        )
        for pk, title, n, stores, last in found.order_by("-n", "-push_id")[:LISTED]
    ]


def _work_words(count: int, minutes: int) -> str:
    """Below an hour in minutes: nothing is 0.0 hours of work."""
    if minutes < MINUTES_AN_HOUR:
        return _("%(n)s to contact, about %(minutes)s minutes") % {"n": count, "minutes": minutes}
    hours = f"{minutes / MINUTES_AN_HOUR:.1f}"
    return _("%(n)s customers open, about %(hours)s hours of work") % {"n": count, "hours": hours}


def _push_line(row: places.MeetingPush, now: datetime) -> PushLine:
    chip = None
    if row.shared:
        words = _("%(n)s also in another task") % {"n": row.shared}
        chip = Chip("swap", words, "warn")
    return PushLine(
        pk=row.push_id,
        title=row.title,
        words=_work_words(row.open, row.minutes),
        chip=chip,
        due=due_words(row.due_at, now=now),
    )
