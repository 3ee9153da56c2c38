"""Moments posts: a row first, one call under a lease, then asked about until everybody published.

The call that makes a post is never repeated blindly: `call_started_at` is committed before it. If
the answer is lost, WeCom's own list of posts tells by text and time whether there is one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import lease, outbox
from apps.core.errors import DomainError
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.outreach.attachments import Piece, demand_for_moments, files_of
from apps.outreach.models import MomentPost
from apps.outreach.services import media
from apps.outreach.services.links import shared_pieces
from apps.outreach.services.unknowns import ListNotReadable
from apps.wecom.errors import MEDIA_UNKNOWN, WeComError, plain_reason
from apps.wecom.services.rounds import Round

JOB = "outreach.send_moments"
POLL_JOB = "wecom_sync.poll_moments"  # stops what was taken back, and looks who was quicker
LEASE_SECONDS = 120
BATCH = 10
LONGEST_WAIT = timedelta(minutes=30)  # between two looks at who has published
PATIENCE = Patience(first=timedelta(minutes=1), most=timedelta(minutes=10), tries=6)
# after a lost answer: how long WeCom, which makes posts in jobs of its own, is given to show the
# post in its list; what is not there by then was never asked for
SETTLE = timedelta(minutes=15)

State = MomentPost.State
# WeCom has it, or may have it
OPEN_AT_WECOM = (State.QUEUED, State.HANDED_OVER, State.MADE, State.UNKNOWN)


class PostNotUnknown(DomainError):
    code = "post_not_unknown"
    message = _("This post is settled already.")


@transaction.atomic
def queue_moment(
    *,
    source: str,
    corp_id: str,
    userids: Iterable[str],
    text: str,
    not_before: datetime,
    closes_at: datetime,
    attachments: Sequence[Piece] = (),
) -> bool:
    """Queue one post for these senders; False when this source has its post already. What it leads
    to is opened by a tracked link. Raises TooManyAttachments, NotForMoments, CoverMissing."""
    demand_for_moments(attachments)
    _post, made = MomentPost.objects.get_or_create(
        source=source,
        corp_id=corp_id,
        defaults={
            "text": text,
            "attachments": shared_pieces(pieces=attachments, corp_id=corp_id, source=source),
            "userids": sorted(userids),
            "not_before": not_before,
            "closes_at": closes_at,
        },
    )
    if made:
        wake(JOB)
    return made


@transaction.atomic
def drop_moment(*, source: str, now: datetime) -> int:
    """Do not make what WeCom does not have; of a post that it has whoever has not published it
    cannot any more. Returns how many were dropped at once; where a call is open or its answer was
    lost, the post is stopped as soon as it turns out to be there."""
    posts = MomentPost.objects.filter(source=source, withdrawn_at=None)
    never_called = posts.filter(state=State.QUEUED, call_started_at=None)
    dropped = never_called.update(state=State.CLOSED, withdrawn_at=now)
    open_ones = posts.filter(state__in=OPEN_AT_WECOM)
    if open_ones.update(withdrawn_at=now, not_before=now, attempts=0):
        wake(POLL_JOB)
    return dropped


def send_moments(*, now: datetime, limit: int = 200) -> int:
    """Have WeCom make what is due; returns how many it took."""
    run, sent = Round(now), 0
    waiting = MomentPost.objects.filter(state=State.QUEUED)
    most = min(limit, BATCH)
    token, ids = lease.claim(waiting.due(now), now=now, seconds=LEASE_SECONDS, limit=most)
    for post_id in ids:
        with outbox.alone("moment_failed", post_id=post_id):
            sent += _hand_over(post_id, token, run)
    return sent


def _hand_over(post_id: int, token: UUID, run: Round) -> bool:
    mine = MomentPost.objects.filter(
        pk=post_id, state=State.QUEUED, call_started_at=None, withdrawn_at=None
    )
    try:
        attached = media.attached(
            mine=lease.holds(mine, token), run=run, seconds=LEASE_SECONDS, for_moments=True
        )
    except media.LeaseLost:
        return False
    except WeComError as error:
        _note_failure(MomentPost.objects.get(pk=post_id), token, error, run.moment())
        return False
    return _call(post_id, token, run, attached)


def _call(post_id: int, token: UUID, run: Round, attached: list[dict[str, Any]]) -> bool:
    at = run.moment()
    with transaction.atomic():
        post = MomentPost.objects.held(post_id, token)
        if post is None:
            return False
        if post.state != State.QUEUED:  # taken back in between
            post.settle(token)
            return False
        lost = post.call_started_at
        if lost is None and post.is_over(at):  # a worker that comes too late
            post.settle(token, state=State.CLOSED)
            return False
        if lost is None:
            post.call_started_at, post.lease_until = at, at + timedelta(seconds=LEASE_SECONDS)
            post.save(update_fields=["call_started_at", "lease_until"])
    if lost is not None:
        return _look_up(post, token, run, lost)
    try:
        jobid = run.client(post.corp_id).create_moment(
            userids=post.userids, text=post.text, attachments=attached
        )
    except WeComError as error:
        _note_failure(post, token, error, run.moment())
        return False
    post.settle(token, state=State.HANDED_OVER, jobid=jobid, reason="", not_before=at)
    return True


def _look_up(post: MomentPost, token: UUID, run: Round, lost: datetime) -> bool:
    """The answer to the call was lost: WeCom's list says whether the post is there."""
    at = run.moment()
    if at < lost + SETTLE:
        post.settle(token, not_before=lost + SETTLE)
        return False
    found = _posts_like(post, run, lost)
    if len(found) > 1:
        reason = gettext("the reply was lost; WeCom's list shows several posts with this text")
        post.settle(token, state=State.UNKNOWN, unknown_since=at, reason=reason)
        return False
    if not found and post.is_over(at):
        post.settle(token, state=State.CLOSED, call_started_at=None)
        return False
    if not found:  # it was never made: once more, from the beginning
        post.settle(token, call_started_at=None, not_before=at)
        return False
    post.settle(token, state=State.MADE, moment_id=found[0], reason="", not_before=at)
    return True


def _posts_like(post: MomentPost, run: Round, lost: datetime) -> list[str]:
    """Ids of WeCom's posts with this text from the time of the call that are no other post's."""
    rows = run.client(post.corp_id).list_moments(
        start=lost - timedelta(minutes=1), end=min(lost + SETTLE, run.moment())
    )
    known = set(MomentPost.objects.exclude(moment_id="").values_list("moment_id", flat=True))
    return [row.moment_id for row in rows if row.text == post.text and row.moment_id not in known]


def _note_failure(post: MomentPost, token: UUID, error: WeComError, at: datetime) -> None:
    reason = plain_reason(error)
    if error.errcode == MEDIA_UNKNOWN:  # the next try uploads them anew
        media.forget(files=files_of(post.attachments), corp_id=post.corp_id)
        error.retryable = True
    fate = fate_of(error, failed=post.attempts, patience=PATIENCE, at=at)
    if fate.lost:
        post.settle(token, not_before=at + SETTLE, reason=reason)
        return
    state = State.FAILED if fate.over else State.QUEUED
    post.settle(token, state=state, reason=reason, call_started_at=None, **fate.again)


# --- what became of it ----------------------------------------------------------------------------


def claim_moment_polls(*, now: datetime, limit: int) -> tuple[UUID, list[MomentPost]]:
    """Lease posts that WeCom is to be asked about, or told to stop."""
    asked = MomentPost.objects.filter(state__in=[State.HANDED_OVER, State.MADE])
    token, ids = lease.claim(asked.due(now), now=now, seconds=LEASE_SECONDS, limit=limit)
    return token, list(MomentPost.objects.filter(pk__in=ids).order_by("pk"))


def note_moment_failed(*, post: MomentPost, token: UUID, reason: str) -> bool:
    return post.settle(token, state=State.FAILED, reason=reason[:200])


@transaction.atomic
def note_moment_asked(*, post: MomentPost, token: UUID, all_done: bool, now: datetime) -> bool:
    """Ask again: often at first, then every half hour; not at all once it is over. One that was
    taken back meanwhile is not asked about: it is stopped at once, whatever its time."""
    held: MomentPost | None = MomentPost.objects.held(post.pk, token)
    if held is None:
        return False
    if all_done:
        return held.settle(token, state=State.CLOSED)
    if held.withdrawn_at is not None:
        wake(POLL_JOB)
        return held.settle(token, not_before=now)
    if now >= held.closes_at:
        return held.settle(token, state=State.CLOSED)
    wait = min(timedelta(minutes=1) * (held.attempts + 1), LONGEST_WAIT)
    return held.settle(token, attempts=held.attempts + 1, not_before=now + wait)


def stop_moment(*, post: MomentPost, token: UUID, run: Round) -> bool:
    """Whoever has not published it cannot any more; False while WeCom has not done it. Tried for a
    while: a post that WeCom does not stop goes on being asked about."""
    at = run.moment()
    try:
        run.client(post.corp_id).cancel_moment(moment_id=post.moment_id)
    except WeComError as error:
        fate = fate_of(error, failed=post.attempts, patience=PATIENCE, at=at, harmless=True)
        if fate.over:
            words = gettext("WeCom did not stop it: %(why)s") % {"why": plain_reason(error)}
            post.settle(token, withdrawn_at=None, reason=words[:200], not_before=at)
        else:
            post.settle(token, **fate.again)
        return False
    return True


def note_moment_stopped(*, post: MomentPost, token: UUID) -> bool:
    """It is stopped, and who had published it by then is known."""
    return post.settle(token, state=State.CANCELLED, reason="")


def give_back_moment(*, post: MomentPost, token: UUID, now: datetime) -> bool:
    """WeCom did not answer: another time."""
    return post.settle(token, not_before=now + PATIENCE.first)


# --- what only a person can say -------------------------------------------------------------------


def decide_moment(*, post: MomentPost, published: bool, actor: Actor, now: datetime) -> MomentPost:
    """A person says whether WeCom has a post whose outcome is unknown.

    `published` takes over WeCom's entry: that with most of our senders, the oldest of equal ones;
    from then on WeCom is asked who has published. Not published: it is made once more, unless its
    time is over. Raises PostNotUnknown, ListNotReadable.
    """
    run = Round(now)
    entry = _entry_of(post, run) if published and post.state == State.UNKNOWN else ""
    return _decide(post_id=post.pk, published=published, entry=entry, actor=actor, now=now)


def _entry_of(post: MomentPost, run: Round) -> str:
    """WeCom's entry for the post; empty when the list shows none."""
    try:
        found = _posts_like(post, run, post.call_started_at or post.not_before)
        client, senders = run.client(post.corp_id), set(post.userids)
        shared = {
            moment_id: len({task.userid for task in client.list_moment_tasks(moment_id)} & senders)
            for moment_id in sorted(found)
        }
    except WeComError as error:
        raise ListNotReadable() from error
    return max(shared, key=lambda moment_id: shared[moment_id], default="")


@transaction.atomic
def _decide(
    *, post_id: int, published: bool, entry: str, actor: Actor, now: datetime
) -> MomentPost:
    post = MomentPost.objects.select_for_update().get(pk=post_id)
    if post.state != State.UNKNOWN:
        raise PostNotUnknown()
    if published:
        post.state = State.MADE if entry else State.CLOSED
        words = gettext("%(who)s decided: it was published")
    else:
        post.state = State.CLOSED if post.is_over(now) else State.QUEUED
        post.call_started_at = None
        words = gettext("%(who)s decided: it was not published")
    post.moment_id, post.reason = entry, words % {"who": actor.label}
    post.not_before, post.attempts = min(now, post.closes_at), 0
    post.unknown_since = post.lease_token = post.lease_until = None
    post.save()
    wake(JOB if post.state == State.QUEUED else POLL_JOB)
    return post
