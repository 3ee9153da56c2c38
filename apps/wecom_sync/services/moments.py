"""WeCom's word on moments posts: made or refused, and who has published."""

from datetime import datetime
from uuid import UUID

import structlog

from apps.guide_tasks import services as guide_tasks
from apps.outreach.models import MomentPost
from apps.outreach.services import moment_readings, moments
from apps.wecom.errors import WeComError
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

BATCH = 50


def poll_moments(*, now: datetime) -> int:
    """Ask about due posts, and stop those that were taken back; returns how many guides turned out
    to have published."""
    run, found = Round(now), 0
    token, posts = moments.claim_moment_polls(now=now, limit=BATCH)
    for post in posts:
        try:
            found += _poll(post, token, run)
        except WeComError as error:
            moments.give_back_moment(post=post, token=token, now=run.moment())
            log.warning("moment_not_asked", post_id=post.pk, error=error.code)
        except Exception as error:  # one that cannot be applied must not stop the others
            log.error("moment_not_applied", post_id=post.pk, error=type(error).__name__)
    return found


def _poll(post: MomentPost, token: UUID, run: Round) -> int:
    client, at = run.client(post.corp_id), run.moment()
    if not post.moment_id:
        job = client.moment_job(post.jobid)
        if job.refused:
            moments.note_moment_failed(post=post, token=token, reason=f"WeCom {job.refused}")
        elif not job.moment_id:
            moments.give_back_moment(post=post, token=token, now=at)
        if not job.moment_id:
            return 0
        post.moment_id = job.moment_id
        MomentPost.objects.filter(pk=post.pk, lease_token=token).update(
            moment_id=job.moment_id, state=MomentPost.State.MADE
        )
    if post.withdrawn_at is not None:
        return _stop(post, token, run)
    found, all_done = _look(post, run)
    moments.note_moment_asked(post=post, token=token, all_done=all_done, now=at)
    return found


def _look(post: MomentPost, run: Round) -> tuple[int, bool]:
    """How many more guides have published it, and whether all have."""
    tasks, at = run.client(post.corp_id).list_moment_tasks(post.moment_id), run.moment()
    published = [task.userid for task in tasks if task.published]
    found = guide_tasks.record_published(
        source=post.source, corp_id=post.corp_id, userids=published, now=at
    )
    moment_readings.note_published(post=post, userids=published, now=at)
    return found, bool(tasks) and len(published) == len(tasks)


def _stop(post: MomentPost, token: UUID, run: Round) -> int:
    """Taken back: nobody can publish it from now on, and who was quicker has done it. A look that
    fails is repeated, and the stop before it, which does no harm."""
    if not moments.stop_moment(post=post, token=token, run=run):
        return 0
    try:
        found, _all_done = _look(post, run)
    except WeComError as error:
        if error.retryable:
            raise
        found = 0  # WeCom shows it no more
    moments.note_moment_stopped(post=post, token=token)
    return found
