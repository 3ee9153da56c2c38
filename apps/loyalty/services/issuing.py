"""A coupon is given: never more than there are, never twice for one cause."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from apps.accounts.actor import Actor
from apps.loyalty.errors import NoneLeft
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.selectors import WELCOME, welcome_coupons, why_not
from apps.loyalty.services.telling import event_of
from apps.members.selectors import survivor_group
from apps.timeline import services as timeline
from apps.timeline.models import Kind


@transaction.atomic
def issue_coupon(
    *,
    coupon_id: int,
    member_id: int,
    cause: str,
    guide_id: int,
    store_id: int | None,
    now: datetime,
    actor: Actor,
) -> CouponIssue:
    """A guide gives one coupon to a member; the same cause gives the same one again.

    Raises what `why_not` names, and Coupon.DoesNotExist.
    """
    # held to the end: of two at once the second counts what the first one gave
    coupon = Coupon.objects.select_for_update(no_key=True).get(pk=coupon_id)
    known = CouponIssue.objects.filter(coupon=coupon, cause=cause).first()
    if known is not None:
        return known
    theirs = CouponIssue.objects.given().of_members(survivor_group(member_id))
    had = theirs.filter(coupon=coupon).count()
    here = Coupon.objects.filter(pk=coupon.pk).counting_in(store_id).exists()
    refusal = why_not(coupon, had=had, counts_here=here, now=now)
    if refusal is not None:
        raise refusal
    return _give(coupon, member_id, cause=cause, guide_id=guide_id, now=now, actor=actor)


@transaction.atomic
def give_welcome(
    *, member_id: int, store_id: int | None, now: datetime, actor: Actor
) -> list[CouponIssue]:
    """What head office gives to who joins, and no guide: once for a person, whoever was merged into
    them.

    What is given away by now, or what they had as often as one person may, is left out: joining
    never fails for it.
    """
    cause = f"{WELCOME}{member_id}"
    # in one order, so that two who join at once wait for each other
    offered = welcome_coupons(store_id=store_id, now=now).values("pk")
    coupons = list(
        Coupon.objects.filter(pk__in=offered).select_for_update(no_key=True).order_by("pk")
    )
    theirs = CouponIssue.objects.given().of_members(survivor_group(member_id))
    if not coupons or theirs.filter(cause__startswith=WELCOME).exists():
        return []
    had = Counter(theirs.filter(coupon__in=coupons).values_list("coupon_id", flat=True))
    return [
        _give(coupon, member_id, cause=cause, guide_id=None, now=now, actor=actor)
        for coupon in coupons
        if coupon.left > 0 and had[coupon.pk] < coupon.per_member
    ]


def _give(
    coupon: Coupon,
    member_id: int,
    *,
    cause: str,
    guide_id: int | None,
    now: datetime,
    actor: Actor,
) -> CouponIssue:
    """The caller holds the coupon."""
    issue = row_of(coupon, member_id, cause=cause, guide_id=guide_id, now=now)
    return write(coupon, [issue], actor)[0]


def row_of(
    coupon: Coupon,
    member_id: int,
    *,
    cause: str,
    guide_id: int | None,
    now: datetime,
    batch: str = "",
) -> CouponIssue:
    starts_at, expires_at = coupon.validity(now=now)
    return CouponIssue(
        coupon=coupon,
        member_id=member_id,
        cause=cause,
        promises=[cause],
        batch=batch,
        guide_id=guide_id,
        issued_at=now,
        starts_at=starts_at,
        expires_at=expires_at,
    )


def write(coupon: Coupon, issues: list[CouponIssue], actor: Actor) -> list[CouponIssue]:
    """Taken off the stock, kept, told: all of them or none. The caller holds the coupon."""
    left = Coupon.objects.filter(pk=coupon.pk, issued__lte=F("stock") - len(issues))
    if not left.update(issued=F("issued") + len(issues)):
        raise NoneLeft
    CouponIssue.objects.bulk_create(issues)
    timeline.record_events(
        event_of(issue, Kind.COUPON_GIVEN, what="given", at=issue.issued_at, actor=actor.label)
        for issue in issues
    )
    return issues


@transaction.atomic
def note_opened(*, member_ids: Sequence[int], now: datetime) -> list[CouponIssue]:
    """The member looks at their coupons; returns those seen for the first time."""
    fresh = list(
        CouponIssue.objects.unseen(at=now)
        .of_members(member_ids)
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    CouponIssue.objects.filter(pk__in=[issue.pk for issue in fresh]).update(opened_at=now)
    return fresh
