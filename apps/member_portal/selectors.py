"""What the customers' pages show: one's guide, consents, requests, coupons and points."""

from dataclasses import dataclass
from datetime import datetime

import segno
from django.core.paginator import Paginator
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.core import clock
from apps.loyalty.models import Coupon, CouponIssue, PointsTerms
from apps.loyalty.selectors import (
    coupons_of,
    movements_of,
    place_words,
    points_of,
    points_worth,
    welcome_coupons,
    welcome_points_of,
    welcome_points_words,
    welcomes_of,
    worth_words,
)
from apps.member_portal.models import ContactCode, DataRequest
from apps.member_portal.texts import Text, current_texts, published_texts
from apps.members.models import (
    Consent,
    FollowRelation,
    Member,
    ServingPeriod,
    StopMark,
)
from apps.members.selectors import masked_phone, serving_of, survivor_group
from apps.stores.models import Guide
from apps.wecom.models import Corp

MOVEMENTS = 50
ENDINGS = 5


@dataclass(frozen=True, slots=True)
class MyGuide:
    """The guide who serves this member, and the way to add them in WeCom."""

    name: str
    store: str
    city: str
    is_friend: bool
    address: str
    is_coming: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One consent as its owner sees it."""

    text: Text
    given_at: datetime | None
    version: str


@dataclass(frozen=True, slots=True)
class HomePage:
    phone: str
    joined_at: datetime | None
    guide: MyGuide | None
    stopped_since: datetime | None


def chain_name() -> str:
    """Whom the customer joins: the chain as WeCom knows it."""
    return Corp.objects.filter(is_active=True).values_list("name", flat=True).first() or ""


def my_guide(*, member_id: int) -> MyGuide | None:
    """None when nobody serves this member now, or who did has left."""
    period: ServingPeriod | None = serving_of([member_id]).get(member_id)
    if period is None or period.guide.status != Guide.Status.ACTIVE:
        return None
    friend = FollowRelation.objects.current().filter(
        member_id__in=survivor_group(member_id), guide_id=period.guide_id
    )
    code = (
        ContactCode.objects.exclude(state=ContactCode.State.REMOVED)
        .filter(member_id=member_id, guide_id=period.guide_id)
        .first()
    )
    return MyGuide(
        name=period.guide.name,
        store=period.store.name,
        city=period.store.city,
        is_friend=friend.exists(),
        address=code.address if code else "",
        is_coming=code is not None and code.state == ContactCode.State.WANTED,
    )


def home_page(*, member: Member) -> HomePage:
    """The first page of a signed-in member."""
    stop = StopMark.objects.current().filter(member_id=member.pk).first()
    return HomePage(
        phone=masked_phone(member),
        joined_at=member.joined_at,
        guide=my_guide(member_id=member.pk),
        stopped_since=stop.since if stop else None,
    )


def choices_of(*, member_id: int, now: datetime) -> list[Choice]:
    """Every consent we ask for: what stands in the words it was given to, the rest in today's."""
    standing = {row.purpose: row for row in Consent.objects.valid().filter(member_id=member_id)}
    known = published_texts()
    found = []
    for text in current_texts(now=now):
        row = standing.get(text.purpose)
        if row is None:
            found.append(Choice(text, None, text.version))
        else:
            words = known.get((text.purpose, row.text_version), text)
            found.append(Choice(words, row.given_at, row.text_version))
    return found


def open_erasure(*, member_id: int) -> DataRequest | None:
    return (
        DataRequest.objects.open().filter(member_id=member_id, kind=DataRequest.Kind.ERASE).first()
    )


def last_answer(*, member_id: int) -> DataRequest | None:
    """A refusal of the latest request, for its owner to read."""
    latest = DataRequest.objects.filter(member_id=member_id, kind=DataRequest.Kind.ERASE)
    row = latest.order_by("-asked_at").first()
    return row if row and row.state == DataRequest.State.REFUSED else None


# --- coupons ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MyCoupon:
    """One coupon as its owner shows it at the till; `qr` is empty when it cannot be used now."""

    pk: int
    name: str
    worth: str
    terms: str
    where: str
    until: str
    how: str
    state: str
    icon: str
    tone: str
    code: str
    qr: str


@dataclass(frozen=True, slots=True)
class CouponsPage:
    usable: list[MyCoupon]
    others: list[MyCoupon]


_COUPON_LOOKS = {
    CouponIssue.State.USABLE: ("ok", "ok"),
    CouponIssue.State.LATER: ("clock", "wait"),
    CouponIssue.State.USED: ("bag", ""),
    CouponIssue.State.EXPIRED: ("skip", ""),
}


def coupons_page(*, member_ids: list[int], now: datetime) -> CouponsPage:
    """What can be used stands first, the first to end on top."""
    issues = coupons_of(member_ids=member_ids)
    usable = [one for one in issues if one.state(now=now) == CouponIssue.State.USABLE]
    others = [one for one in issues if one.state(now=now) != CouponIssue.State.USABLE]
    return CouponsPage(
        usable=[_my_coupon(one, now) for one in sorted(usable, key=lambda one: one.expires_at)],
        others=[_my_coupon(one, now) for one in others],
    )


def welcome_words(*, store_id: int, now: datetime) -> list[str]:
    """What who joins in this store gets at once, in words."""
    points = welcome_points_words(PointsTerms.current().welcome_points)
    named = [_named(coupon) for coupon in welcome_coupons(store_id=store_id, now=now)]
    return [*filter(None, [points]), *named]


@dataclass(frozen=True, slots=True)
class MyWelcome:
    """What somebody got at joining, without its code."""

    words: str
    how: str


def my_welcome(*, member_id: int) -> list[MyWelcome]:
    """What was given at joining and is not used yet. No code: the number may be nobody's yet."""
    group = survivor_group(member_id)
    points = welcome_points_words(welcome_points_of(member_ids=group))
    found = [MyWelcome(words=points, how=_("They stand under My points"))] if points else []
    return found + [
        MyWelcome(
            words=_named(issue.coupon),
            how=issue.coupon.terms or _how(issue.coupon),
        )
        for issue in welcomes_of(member_ids=group)
        if issue.used_at is None
    ]


def _named(coupon: Coupon) -> str:
    return f"{coupon.name}（{worth_words(coupon)}）"


def _how(coupon: Coupon) -> str:
    """What its owner does with it."""
    if coupon.by_hand:
        return _("Your guide hands it to you in the store")
    return _("Show the code when you pay")


def _my_coupon(issue: CouponIssue, now: datetime) -> MyCoupon:
    state = issue.state(now=now)
    icon, tone = _COUPON_LOOKS[state]
    shown = state == CouponIssue.State.USABLE and not issue.coupon.by_hand
    qr = segno.make(issue.code, error="m", micro=False).svg_data_uri(scale=6, border=2)
    return MyCoupon(
        pk=issue.pk,
        name=issue.coupon.name,
        worth=worth_words(issue.coupon),
        terms=issue.coupon.terms,
        where=place_words(list(issue.coupon.stores.all())),
        until=_until(issue, state),
        how=_how(issue.coupon),
        state=_state_words(issue, state),
        icon=icon,
        tone=tone,
        code=issue.printed_code if shown else "",
        qr=qr if shown else "",
    )


def _state_words(issue: CouponIssue, state: CouponIssue.State) -> str:
    return _("received") if issue.handed_by_id is not None else str(state.label)


def _until(issue: CouponIssue, state: str) -> str:
    if state == CouponIssue.State.LATER:
        first = clock.business_day(issue.starts_at)
        return _("from %(day)s on") % {"day": date_format(first)}
    if issue.used_at is not None and issue.handed_by_id is not None:
        day = date_format(clock.business_day(issue.used_at))
        return _("received on %(day)s") % {"day": day}
    if issue.used_at is not None:
        return _("used on %(day)s") % {"day": date_format(clock.business_day(issue.used_at))}
    return _("until %(day)s") % {"day": date_format(issue.last_day)}


# --- points --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MyMovement:
    """How some points came or went."""

    what: str
    detail: str
    points: str


@dataclass(frozen=True, slots=True)
class PointsPage:
    """`endings`: until when how many count, in words, the first to end first. `newer` and `older`
    are the numbers of the pages beside this one; 0 for none."""

    points: str
    worth: str
    is_owed: bool
    endings: list[tuple[str, str]]
    movements: list[MyMovement]
    newer: int
    older: int


def points_page(*, member_ids: list[int], now: datetime, page: str) -> PointsPage:
    """What its owner has, what ends when, and one page of the movements, the latest first."""
    found = points_of(member_ids=member_ids, now=now)
    shown = Paginator(movements_of(member_ids=member_ids, now=now), MOVEMENTS).get_page(page)
    return PointsPage(
        points=f"{found.points:,}",
        worth=points_worth(found.points, found.fen_per_point),
        is_owed=found.points < 0,
        endings=[
            (_("until %(day)s") % {"day": date_format(day)}, f"{points:,}")
            for day, points in found.endings[:ENDINGS]
        ],
        movements=[
            MyMovement(
                what=str(one.kind.label),
                detail=" · ".join(filter(None, [date_format(one.day), one.store])),
                points=f"{one.points:+,}",
            )
            for one in shown
        ],
        newer=shown.previous_page_number() if shown.has_previous() else 0,
        older=shown.next_page_number() if shown.has_next() else 0,
    )
