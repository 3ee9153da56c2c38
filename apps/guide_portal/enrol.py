"""开卡: the code a customer scans, and who joined by this guide today.

The list knows those who are new. A number that was a member before shows nowhere here, so nobody
learns from it who is one.
"""

from dataclasses import dataclass
from datetime import datetime

import segno
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.errors import DomainError
from apps.members.invites import VALID_FOR, invite_address, make_invite
from apps.members.models import FollowRelation, Member
from apps.members.selectors import masked_name, masked_phones
from apps.stores.models import Posting

SHOWN = 30


class NoStoreToday(DomainError):
    code = "no_store_today"
    message = _("You are posted in no store today. Ask your store manager.")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One customer who joined today."""

    public_id: str
    words: str
    at: datetime
    is_friend: bool


@dataclass(frozen=True, slots=True)
class EnrolPage:
    store: str
    qr: str
    address: str
    until: datetime


def enrol_page(*, guide_id: int, now: datetime) -> EnrolPage:
    """A fresh invitation as a QR code. Raises NoStoreToday."""
    posting = (
        Posting.objects.on(clock.business_day(now))
        .filter(guide_id=guide_id)
        .select_related("store")
        .first()
    )
    if posting is None:
        raise NoStoreToday
    token = make_invite(guide_id=guide_id, store_id=posting.store_id, now=now)
    address = invite_address(token)
    return EnrolPage(
        store=posting.store.name,
        qr=segno.make(address, error="m").svg_data_uri(scale=6, border=0),
        address=address,
        until=now + VALID_FOR,
    )


def enrolled_today(*, guide_id: int, now: datetime) -> tuple[int, list[Enrolled]]:
    """How many joined by this guide today, and the latest of them; four queries."""
    start, end = clock.day_bounds(clock.business_day(now))
    joined = Member.objects.survivors().filter(
        enrolling_guide_id=guide_id, joined_at__gte=start, joined_at__lt=end
    )
    latest = list(joined.order_by("-joined_at", "-pk")[:SHOWN])
    ids = [member.pk for member in latest]
    phones = masked_phones(ids)
    friends = set(
        FollowRelation.objects.current()
        .filter(member_id__in=ids, guide_id=guide_id)
        .values_list("member_id", flat=True)
    )
    count = joined.count() if len(latest) == SHOWN else len(latest)
    return count, [
        Enrolled(
            public_id=str(member.public_id),
            words=" ".join(filter(None, [masked_name(member), phones.get(member.pk, "")])),
            at=member.joined_at or now,
            is_friend=member.pk in friends,
        )
        for member in latest
    ]
