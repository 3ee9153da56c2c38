"""Likes and comments under guides' posts: no event tells of them, so they are read late, often.

A row for each guide who has published; a reading changes nothing in WeCom, so it may be repeated.
A whole chain publishes within minutes, so each row has a delay of its own.
"""

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.core.bites import delete_in_bites
from apps.outreach.models import MomentPost, MomentReading
from apps.stores.models import Guide

# after the post was seen to be published
READ_AFTER = (timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=7))
SPREAD = timedelta(hours=1)  # at most so much later, each guide's post the same each time
TRY_AGAIN = timedelta(minutes=10)
KEEP_DAYS = 365


def _delay(post_id: int, userid: str) -> timedelta:
    return SPREAD * (zlib.crc32(f"{post_id}:{userid}".encode()) / 2**32)


@transaction.atomic
def note_published(*, post: MomentPost, userids: Collection[str], now: datetime) -> int:
    """These have published it; who is known already stays. Returns how many are new."""
    known = set(post.readings.values_list("userid", flat=True))
    new = sorted(set(userids) - known)
    if not new:
        return 0
    guides = dict(
        Guide.objects.filter(corp_id=post.corp_id, wecom_userid__in=new).values_list(
            "wecom_userid", "pk"
        )
    )
    MomentReading.objects.bulk_create(
        [
            MomentReading(
                post=post, userid=userid, guide_id=guides.get(userid), published_at=now,
                not_before=now + READ_AFTER[0] + _delay(post.pk, userid),
            )
            for userid in new
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )  # fmt: skip
    return len(new)


def due_readings(at: datetime, *, without: Collection[str] = ()) -> QuerySet[MomentReading]:
    """What is to be read now; none of the corps `without`."""
    due: QuerySet[MomentReading] = MomentReading.objects.due(at)
    return due.exclude(post__corp_id__in=list(without)) if without else due


def are_being_read(at: datetime) -> bool:
    """Somebody is at it; what a dead worker held is free again when its lease is over."""
    return MomentReading.objects.filter(not_before__isnull=False, lease_until__gt=at).exists()


def note_read(
    *, reading: MomentReading, token: UUID, customers: int, likes: int, comments: int, now: datetime
) -> bool:
    """WeCom's numbers of now, and when to read again."""
    begun = reading.published_at + _delay(reading.post_id, reading.userid)
    ahead = (begun + after for after in READ_AFTER)
    return reading.settle(
        token,
        customers=customers,
        likes=likes,
        comments=comments,
        read_at=now,
        not_before=next((moment for moment in ahead if moment > now), None),
    )


def give_back_reading(*, reading: MomentReading, token: UUID, now: datetime, over: bool) -> bool:
    """WeCom did not answer: another time; or the post is gone there, and the numbers stay."""
    return reading.settle(token, not_before=None if over else now + TRY_AGAIN)


def forget_old_readings(*, now: datetime) -> int:
    """Delete readings of posts that were published KEEP_DAYS ago; returns how many went."""
    old = MomentReading.objects.filter(published_at__lt=now - timedelta(days=KEEP_DAYS))
    return delete_in_bites(old)
