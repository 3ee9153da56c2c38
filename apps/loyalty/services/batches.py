"""One coupon for many customers of one guide, each for a cause of their own: a push carries it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from apps.accounts.actor import Actor
from apps.loyalty.errors import CouponRefused, HasEnough
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.selectors import why_not
from apps.loyalty.services.issuing import row_of, write
from apps.loyalty.services.telling import event_of
from apps.members.models import Member
from apps.timeline import services as timeline
from apps.timeline.models import Kind


@dataclass(frozen=True, slots=True)
class Wanted:
    """One customer, and why they get it."""

    member_id: int
    cause: str


@dataclass(slots=True)
class Handed:
    """By cause: what the customer has of the coupon now, and who gets none and why."""

    given: dict[str, CouponIssue] = field(default_factory=dict)
    refused: dict[str, CouponRefused] = field(default_factory=dict)


@transaction.atomic
def issue_many(
    *,
    coupon_id: int,
    wanted: Sequence[Wanted],
    batch: str,
    guide_id: int,
    store_id: int | None,
    now: datetime,
    actor: Actor,
) -> Handed:
    """Give the coupon to each of these once for their cause, as far as it reaches.

    Who has as many as one person may and can still use one is told of that one. Nine statements at
    most, however many they are.
    """
    coupon = Coupon.objects.select_for_update(no_key=True).get(pk=coupon_id)
    here = Coupon.objects.filter(pk=coupon.pk).counting_in(store_id).exists()
    ids = {one.member_id for one in wanted}
    person = dict(Member.objects.filter(pk__in=ids).values_list("pk", "survivor_id"))
    theirs = _theirs(coupon, set(person.values()))
    spent = _spent(coupon, [one.cause for one in wanted])
    answer, fresh = Handed(), []
    for one in wanted:
        had = theirs.setdefault(person[one.member_id], [])
        usable = [issue for issue in had if issue.used_at is None and issue.expires_at > now]
        known = next((issue for issue in usable if issue.cause == one.cause), None)
        refusal = why_not(coupon, had=len(had), counts_here=here, now=now, by_guide=False)
        if known is None and usable and isinstance(refusal, HasEnough):
            known = usable[0]
        if known is not None:
            answer.given[one.cause] = known
        elif refusal is not None or one.cause in spent:
            answer.refused[one.cause] = refusal or HasEnough(n=coupon.per_member)
        else:
            issue = row_of(
                coupon, one.member_id, cause=one.cause, guide_id=guide_id, now=now, batch=batch
            )
            coupon.issued += 1
            had.append(issue)
            fresh.append(issue)
            answer.given[one.cause] = issue
    if fresh:
        write(coupon, fresh, actor)
    _promise_again([one.pk for cause, one in answer.given.items() if one.cause != cause])
    return answer


def _promise_again(issue_ids: Sequence[int]) -> None:
    """These were given for an earlier message, and a second one now tells of them. The caller holds
    the coupon, as `take_back` does."""
    news = CouponIssue.objects.filter(pk__in=issue_ids, promised_again=False)
    if issue_ids and (held := list(news.select_for_update(of=("self",)).order_by("pk"))):
        CouponIssue.objects.filter(pk__in=[one.pk for one in held]).update(promised_again=True)


def _theirs(coupon: Coupon, people: set[int]) -> dict[int, list[CouponIssue]]:
    """What each of these persons had of the coupon, under all their numbers."""
    found: dict[int, list[CouponIssue]] = {}
    rows = CouponIssue.objects.given().filter(coupon=coupon, member__survivor_id__in=people)
    for issue in rows.select_related("member").order_by("pk"):
        found.setdefault(issue.member.survivor_id, []).append(issue)
    return found


def _spent(coupon: Coupon, causes: Sequence[str]) -> set[str]:
    """Causes that gave one already, also one that was taken back."""
    known = CouponIssue.objects.filter(coupon=coupon, cause__in=causes)
    return set(known.values_list("cause", flat=True))


@transaction.atomic
def take_back(*, causes: Sequence[str], now: datetime) -> int:
    """The message about them was called off: what nobody saw, used or was promised again ends now
    and is in stock again, for these members too. Returns how many."""
    rows = CouponIssue.objects.filter(cause__in=causes, opened_at=None, promised_again=False)
    rows = rows.usable(at=now)
    # the coupons first, as who gives does: none is promised again between the look and the end
    coupons = Coupon.objects.filter(pk__in=rows.values("coupon_id"))
    list(coupons.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    held = list(rows.select_for_update(of=("self",)).order_by("pk"))
    CouponIssue.objects.filter(pk__in=[issue.pk for issue in held]).update(
        withdrawn_at=now, expires_at=now
    )
    for coupon_id, n in sorted(Counter(issue.coupon_id for issue in held).items()):
        Coupon.objects.filter(pk=coupon_id).update(issued=F("issued") - n)
    timeline.record_events(
        event_of(issue, Kind.COUPON_WITHDRAWN, what="withdrawn", at=now) for issue in held
    )
    return len(held)
