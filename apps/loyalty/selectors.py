"""Reads about coupons: what this member may get, what they have, what became of each coupon; and
about points: how many somebody has, which end soon, how it came."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.core import clock
from apps.core.money import format_fen
from apps.loyalty.errors import (
    CouponOver,
    CouponRefused,
    CouponStopped,
    HasEnough,
    NoneLeft,
    NotYours,
    OtherStores,
)
from apps.loyalty.models import Coupon, CouponIssue, PointsEntry, PointsLot, PointsTerms
from apps.loyalty.querysets import CouponIssueQuerySet, PointsLotQuerySet
from apps.loyalty.wallet import Move, wallet_of
from apps.orders.models import Order
from apps.stores.models import Store

EXPIRING_DAYS = 7
SHOWN = 50
WELCOME = "welcome:"


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon as the guide sees it before giving it to one member; `refusal` says why not."""

    coupon: Coupon
    worth: str
    until: str
    left: int
    had: int
    refusal: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of a coupon. Used ones are net of orders that came back as a whole."""

    issued: int
    opened: int
    used: int

    @property
    def rate(self) -> float | None:
        """券核销率: used / issued."""
        return self.used / self.issued if self.issued else None


def yuan(fen: int) -> str:
    """¥50, ¥12.50: a coupon is mostly round."""
    words = format_fen(fen)
    return words.removesuffix(".00")


def worth_words(coupon: Coupon) -> str:
    """满 ¥300 减 ¥50, or the gift."""
    if coupon.benefit == Coupon.Benefit.GIFT:
        words = _("Gift: %(gift)s") % {"gift": coupon.gift}
        if not coupon.from_fen:
            return words
        return _("%(gift)s, from %(amount)s on") % {"gift": words, "amount": yuan(coupon.from_fen)}
    off = yuan(coupon.off_fen)
    if not coupon.from_fen:
        return _("%(off)s off") % {"off": off}
    return _("%(off)s off from %(amount)s on") % {"off": off, "amount": yuan(coupon.from_fen)}


def until_words(coupon: Coupon) -> str:
    """How long one given today counts."""
    if coupon.ends_on is not None:
        return _("until %(day)s") % {"day": date_format(coupon.ends_on)}
    return _("%(n)s days from giving") % {"n": coupon.valid_days}


def place_words(stores: Sequence[Store]) -> str:
    """Where it counts: each store by its name, so that nobody comes in vain."""
    return "、".join(store.name for store in stores) or _("in every store")


def why_not(
    coupon: Coupon, *, had: int, counts_here: bool, now: datetime, by_guide: bool = True
) -> CouponRefused | None:
    """Why this coupon may not be given to somebody who had `had` of them; None if it may.

    `by_guide`: of the guide's own will; a push of head office gives what guides may not.
    """
    if by_guide and not coupon.for_guides:
        return NotYours()
    if not coupon.is_active:
        return CouponStopped()
    if coupon.is_over(on=clock.business_day(now)):
        return CouponOver()
    if not counts_here:
        return OtherStores()
    if had >= coupon.per_member:
        return HasEnough(n=coupon.per_member)
    return None if coupon.left > 0 else NoneLeft()


def _had(member_ids: Sequence[int]) -> Coalesce:
    """How many of each coupon one person got, whatever became of them."""
    theirs = CouponIssue.objects.given().filter(coupon_id=OuterRef("pk"), member_id__in=member_ids)
    count = theirs.order_by().values("coupon_id").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(count), 0)


def offers_for(*, member_ids: Sequence[int], store_id: int | None, now: datetime) -> list[Offer]:
    """The coupons a guide of this store has for one person; what may be given now stands first."""
    coupons = (
        Coupon.objects.running(on=clock.business_day(now))
        .counting_in(store_id)
        .filter(for_guides=True)
        .annotate(had=_had(member_ids))
        .order_by("ends_on", "name")[:SHOWN]
    )
    offers = []
    for coupon in coupons:
        had: int = coupon.had
        refusal = why_not(coupon, had=had, counts_here=True, now=now)
        offers.append(
            Offer(
                coupon=coupon,
                worth=worth_words(coupon),
                until=until_words(coupon),
                left=coupon.left,
                had=had,
                refusal=str(refusal) if refusal else "",
            )
        )
    return sorted(offers, key=lambda offer: bool(offer.refusal))


def coupons_of(
    *, member_ids: Sequence[int], limit: int = SHOWN, all_kept: bool = False
) -> list[CouponIssue]:
    """The coupons one person got, the newest first, with the stores where they count; `all_kept`:
    those too that were taken back unseen."""
    found = CouponIssue.objects.of_members(member_ids)
    if not all_kept:
        found = found.given()
    return list(
        found.select_related("coupon", "guide", "order", "handed_by").prefetch_related(
            "coupon__stores"
        )[:limit]
    )


def welcome_coupons(*, store_id: int | None, now: datetime) -> QuerySet[Coupon]:
    """What somebody who joins in this store gets now."""
    running = Coupon.objects.running(on=clock.business_day(now)).counting_in(store_id)
    return running.filter(for_welcome=True, issued__lt=F("stock")).order_by("pk")


def welcomes_of(*, member_ids: Sequence[int]) -> list[CouponIssue]:
    """What one person got at joining."""
    found = CouponIssue.objects.of_members(member_ids).filter(cause__startswith=WELCOME)
    return list(found.select_related("coupon").order_by("pk"))


def gifts_waiting(*, member_ids: Sequence[int], now: datetime) -> set[int]:
    """Which of these have a gift that a guide may hand over now."""
    found = CouponIssue.objects.usable(at=now).filter(
        member_id__in=member_ids, coupon__by_hand=True, starts_at__lte=now
    )
    return set(found.values_list("member_id", flat=True))


def expiring(
    *, issues: CouponIssueQuerySet, now: datetime, limit: int = SHOWN
) -> list[CouponIssue]:
    """Those of `issues` that can be used and end within the next days, the first to end first."""
    soon = clock.day_bounds(clock.business_day(now) + timedelta(days=EXPIRING_DAYS))[1]
    usable = issues.usable(at=now).filter(expires_at__lte=soon)
    return list(usable.select_related("coupon", "member").order_by("expires_at", "pk")[:limit])


@dataclass(frozen=True, slots=True)
class BatchFigures(Figures):
    """What came of the coupons of one batch; `net_fen`: what is left of the orders they were used
    in, after returns (order view). It is no lift."""

    net_fen: int


def batch_figures(*, batch: str) -> BatchFigures:
    """Given, seen, used, and the sales with it."""
    rows = CouponIssue.objects.given().filter(batch=batch)
    counted = rows.aggregate(
        issued=Count("pk"),
        opened=Count("pk", filter=Q(opened_at__isnull=False)),
        used=Count("pk", filter=Q(used_at__isnull=False)),
    )
    sales = rows.filter(order__isnull=False).values("order_id")
    # each by an index of its own: "one or the other" would read every order there is
    sold = Order.objects.filter(pk__in=sales).aggregate(n=Sum("net_fen"))["n"]
    back = Order.objects.filter(original_id__in=sales).aggregate(n=Sum("net_fen"))["n"]
    return BatchFigures(**counted, net_fen=(sold or 0) + (back or 0))


def given_by(*, guide_id: int, since: datetime) -> Figures:
    """What became of the coupons a guide gave since then."""
    rows = CouponIssue.objects.given().filter(guide_id=guide_id, issued_at__gte=since)
    found = rows.aggregate(
        issued=Count("pk"),
        opened=Count("pk", filter=Q(opened_at__isnull=False)),
        used=Count("pk", filter=Q(used_at__isnull=False)),
    )
    return Figures(**found)


# --- points --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What one person has: `endings` are (last day, points), the first to end first. Below zero,
    more was spent than there was."""

    points: int = 0
    endings: tuple[tuple[date, int], ...] = ()
    fen_per_point: int = 0

    def ending_by(self, day: date) -> int:
        """How many of them end until this day."""
        return sum(points for last, points in self.endings if last <= day)

    @property
    def worth_fen(self) -> int:
        return max(self.points, 0) * self.fen_per_point

    @property
    def worth(self) -> str:
        return points_worth(self.points, self.fen_per_point)


def points_worth(points: int, fen_per_point: int) -> str:
    """¥12.50; "" for nothing, or where points have no worth in money."""
    fen = points * fen_per_point
    return yuan(fen) if fen > 0 else ""


def fen_per_point() -> Coalesce:
    """What one point is worth, inside a query."""
    terms = PointsTerms.objects.values("fen_per_point")[:1]
    return Coalesce(Subquery(terms), PointsTerms().fen_per_point)


def points_words(found: Standing, *, now: datetime) -> str:
    """1,250 points · worth ¥12.50 · 300 of them end within 7 days; "" for who has none."""
    if not found.points and not found.endings:
        return ""
    soon = found.ending_by(clock.business_day(now) + timedelta(days=EXPIRING_DAYS))
    words = [pgettext("points", "%(n)s points") % {"n": f"{found.points:,}"}]
    if found.worth:
        words.append(_worth_words(found.worth))
    if soon > 0:
        ends = pgettext("points", "%(n)s of them end within %(days)s days")
        words.append(ends % {"n": f"{soon:,}", "days": EXPIRING_DAYS})
    return " · ".join(words)


def _worth_words(worth: str) -> str:
    return pgettext("points", "worth %(amount)s") % {"amount": worth}


def points_of(*, member_ids: Sequence[int], now: datetime) -> Standing:
    """What one person has now, under all their numbers, in one query."""
    lots = PointsLot.objects.filter(member_id__in=member_ids)
    rows = (
        lots.standing(on=clock.business_day(now))
        .values("expires_on")
        .annotate(sum=Sum("points"), fen=fen_per_point())
        .order_by("expires_on")
        .values_list("expires_on", "sum", "fen")
    )
    return standing_of(rows)


def standing_of(rows: Iterable[tuple[date | None, int, int]]) -> Standing:
    """From (last day, points, what one is worth)."""
    found = list(rows)
    return Standing(
        points=sum(points for _day, points, _fen in found),
        endings=tuple(sorted((day, points) for day, points, _fen in found if day is not None)),
        fen_per_point=max((fen for _day, _points, fen in found), default=0),
    )


@dataclass(frozen=True, slots=True)
class PointsEnding:
    """Points of one person that end soon, the first of them on `day`."""

    member_id: int
    day: date
    words: str


def expiring_points(
    *, lots: PointsLotQuerySet, now: datetime, limit: int = SHOWN
) -> list[PointsEnding]:
    """Of these what ends within the next days: a line for each person, the first to end first."""
    today = clock.business_day(now)
    rows = (
        lots.filter(expires_on__range=(today, today + timedelta(days=EXPIRING_DAYS)))
        .values("member__survivor_id")
        .annotate(first=Min("expires_on"), sum=Sum("points"), fen=fen_per_point())
        .order_by("first", "member__survivor_id")
        .values_list("member__survivor_id", "first", "sum", "fen")
    )
    endings = []
    for member_id, day, points, fen in rows[:limit]:
        words = [pgettext("points", "%(n)s points") % {"n": f"{points:,}"}]
        if worth := points_worth(points, fen):
            words.append(_worth_words(worth))
        endings.append(PointsEnding(member_id, day, " · ".join(words)))
    return endings


def points_in_use() -> bool:
    """Whether this chain has points at all: somebody was told some, or who joins gets some."""
    return PointsEntry.objects.exists() or PointsTerms.current().welcome_points > 0


def welcome_points_words(points: int) -> str:
    return pgettext("points", "%(n)s points") % {"n": f"{points:,}"} if points else ""


def welcome_points_of(*, member_ids: Sequence[int]) -> int:
    """How many points one person got at joining."""
    given = PointsEntry.objects.of_members(member_ids).filter(kind=PointsEntry.Kind.WELCOME)
    return given.aggregate(n=Sum("points"))["n"] or 0


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of somebody's points; what ended by itself has a line as well."""

    day: date
    kind: PointsEntry.Kind
    points: int
    store: str = ""
    expires_on: date | None = None


def movements_of(*, member_ids: Sequence[int], now: datetime) -> list[Movement]:
    """How one person's points came and went, the latest first, in one query."""
    rows = list(
        PointsEntry.objects.of_members(member_ids)
        .order_by("occurred_at", "pk")
        .values_list("occurred_at", "points", "kind", "expires_on", "store__name")
    )
    told = [
        Movement(clock.business_day(at), PointsEntry.Kind(kind), points, store or "", ends)
        for at, points, kind, ends, store in rows
    ]
    wallet = wallet_of((Move(*row[:4]) for row in rows), on=clock.business_day(now))
    over = [
        Movement(day, PointsEntry.Kind.EXPIRED, -points)
        for day, points in wallet.ended.items()
        if points
    ]
    return sorted(told + over, key=lambda one: one.day, reverse=True)
