"""A gift goes from hand to hand in the store: no till sees it, the guide says so in one tap."""

from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.loyalty.errors import AlreadyHanded, NotNow, OtherStores, TillsGift
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.services.telling import event_of
from apps.members.selectors import survivor_group
from apps.timeline import services as timeline
from apps.timeline.models import Kind


@transaction.atomic
def hand_over(
    *,
    issue_id: int,
    member_id: int,
    guide_id: int,
    store_id: int | None,
    now: datetime,
    actor: Actor,
) -> CouponIssue:
    """The member has the gift in their hands; said twice by one guide it is once.

    Raises TillsGift, AlreadyHanded, NotNow, OtherStores, and CouponIssue.DoesNotExist for what this
    person does not have.
    """
    theirs = CouponIssue.objects.of_members(survivor_group(member_id)).select_related("coupon")
    issue = theirs.select_for_update(of=("self",)).get(pk=issue_id)
    if issue.handed_by_id == guide_id:
        return issue
    if not issue.coupon.by_hand:
        raise TillsGift
    if issue.used_at is not None:
        raise AlreadyHanded
    if issue.state(now=now) != CouponIssue.State.USABLE:
        raise NotNow
    if not Coupon.objects.filter(pk=issue.coupon_id).counting_in(store_id).exists():
        raise OtherStores
    issue.handed_by_id, issue.used_at = guide_id, now
    issue.save(update_fields=["handed_by", "used_at"])
    told = event_of(
        issue,
        Kind.COUPON_USED,
        what="handed",
        at=now,
        actor=actor.label,
        guide_id=guide_id,
        handed=True,
    )
    timeline.record_events([told])
    return issue
