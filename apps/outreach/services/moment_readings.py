"""Likes and comments under guides' posts: no event tells of them, so they are read late, often.

A row for each guide who has published; a reading changes nothing in WeCom, so it may be repeated.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.outreach.models import MomentPost, MomentReading
from apps.stores.models import Guide

# after the post was seen to be published
READ_AFTER = (timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=7))
TRY_AGAIN = timedelta(minutes=10)


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
                not_before=now + READ_AFTER[0],
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


def note_read(
    *, reading: MomentReading, token: UUID, customers: int, likes: int, comments: int, now: datetime
) -> bool:
    """WeCom's numbers of now, and when to read again."""
    ahead = (reading.published_at + after for after in READ_AFTER)
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
