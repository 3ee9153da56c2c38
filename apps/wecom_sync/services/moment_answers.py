"""What customers did under guides' posts, as WeCom tells when asked."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.core import outbox
from apps.outreach.models import MomentReading
from apps.outreach.services import moment_readings
from apps.wecom.errors import NotNow, WeComError
from apps.wecom.services.rounds import Round

LEASE_SECONDS = 300
BATCH = 50
LIMIT = 2_000  # two calls each: about as much as one ring's time allows


def read_moments(*, now: datetime, limit: int = LIMIT) -> int:
    """Read what is due; returns how many guides' posts were read. One run at a time: a ring that
    comes while one is going does nothing. A corp that wants no call now is left alone for the rest
    of this run."""
    if moment_readings.are_being_read(now):
        return 0
    run, done = Round(now), 0

    def due(at: datetime) -> QuerySet[MomentReading]:
        return moment_readings.due_readings(at, without=run.resting)

    for token, ids in outbox.batches(
        due, clock=run.moment, seconds=LEASE_SECONDS, batch=BATCH, limit=limit
    ):
        rows = MomentReading.objects.filter(pk__in=ids).select_related("post").order_by("pk")
        for reading in rows:
            with outbox.alone("moment_not_read", reading_id=reading.pk):
                done += _read(reading, token, run)
    return done


def _read(reading: MomentReading, token: UUID, run: Round) -> bool:
    post, userid = reading.post, reading.userid
    try:
        client = run.client(post.corp_id)
        answers = client.moment_answers(moment_id=post.moment_id, userid=userid)
        customers = client.moment_viewers(moment_id=post.moment_id, userid=userid)
    except WeComError as error:
        if isinstance(error, NotNow):
            run.resting.add(post.corp_id)
        over = not error.retryable
        moment_readings.give_back_reading(reading=reading, token=token, now=run.moment(), over=over)
        return False
    return moment_readings.note_read(
        reading=reading,
        token=token,
        customers=customers,
        likes=answers.likes,
        comments=answers.comments,
        now=run.moment(),
    )
