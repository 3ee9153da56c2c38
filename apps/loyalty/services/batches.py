"""One coupon for many customers of one guide, each for a cause of their own: a push carries it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from apps.accounts.actor import Actor
from apps.loyalty.errors import CouponRefused, HasEnough
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.querysets import CouponIssueQuerySet
from apps.loyalty.selectors import why_not
from apps.loyalty.services.issuing import row_of, write
from apps.loyalty.services.telling import event_of
from apps.members.models import Member
from apps.timeline import services as timeline
from apps.timeline.models import Kind

# rows of one statement that gives each another value
_AT_ONCE = 500


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
    return answer


@transaction.atomic
def promise_again(*, causes: Mapping[str, int]) -> None:
    """A further message tells of these coupons, by cause the id of each: they stay when an earlier
    message is called off."""
    if not causes:
        return
    held = {issue.pk: issue for issue in _hold(CouponIssue.objects.filter(pk__in=causes.values()))}
    for cause, issue_id in causes.items():
        if cause not in held[issue_id].promises:
            held[issue_id].promises.append(cause)
    CouponIssue.objects.bulk_update(held.values(), ["promises"], batch_size=_AT_ONCE)


def _hold(rows: CouponIssueQuerySet) -> list[CouponIssue]:
    """The coupons first, as who gives does: none is promised again between the look and the end."""
    coupons = Coupon.objects.filter(pk__in=rows.values("coupon_id"))
    list(coupons.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    return list(rows.select_for_update(of=("self",)).order_by("pk"))


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
    """The messages about them were called off: what nobody saw or used and no other message tells
    of ends now and is in stock again, for these members too. Returns how many."""
    gone = set(causes)
    held = _hold(CouponIssue.objects.unseen(at=now).filter(promises__overlap=list(gone)))
    for issue in held:
        issue.promises = [cause for cause in issue.promises if cause not in gone]
    ended = [issue for issue in held if not issue.promises]
    CouponIssue.objects.filter(pk__in=[issue.pk for issue in ended]).update(
        promises=[], withdrawn_at=now, expires_at=now
    )
    stay = [issue for issue in held if issue.promises]
    CouponIssue.objects.bulk_update(stay, ["promises"], batch_size=_AT_ONCE)
    for coupon_id, n in sorted(Counter(issue.coupon_id for issue in ended).items()):
        Coupon.objects.filter(pk=coupon_id).update(issued=F("issued") - n)
    timeline.record_events(
        event_of(issue, Kind.COUPON_WITHDRAWN, what="withdrawn", at=now) for issue in ended
    )
    return len(ended)
