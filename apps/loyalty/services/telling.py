"""What happened to a coupon, as the member's story keeps it."""

from datetime import datetime
from typing import Any

from apps.loyalty.models import CouponIssue
from apps.timeline.services import NewEvent


def event_of(
    issue: CouponIssue, kind: str, *, what: str, at: datetime, actor: str = "system", **more: Any
) -> NewEvent:
    """`what` happens to one coupon once."""
    return NewEvent(
        member_id=issue.member_id,
        kind=kind,
        source=issue.source,
        key=f"{issue.source}:{what}",
        occurred_at=at,
        actor=actor,
        payload={"coupon_id": issue.coupon_id, "guide_id": issue.guide_id, **more},
    )
