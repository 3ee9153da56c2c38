"""群群发: one row and one call for each owner, then WeCom is asked which groups have it.

The call that makes a send is never repeated blindly. If its answer is lost, WeCom's list of sends
is asked (an entry is ours by its text, its time and its one sender); what the list does not show
stays `unknown` until a person decides.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import faults, lease, outbox
from apps.core.bites import delete_in_bites
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.customer_groups.errors import ListNotReadable, NotUnknown
from apps.customer_groups.models import CustomerGroup, GroupSend
from apps.customer_groups.querysets import GroupSendQuerySet
from apps.customer_groups.selectors import awaited, full_groups
from apps.customer_groups.services.codes import JOB
from apps.outreach.attachments import Piece, demand_few, files_of
from apps.outreach.services import guide_pieces, media
from apps.wecom.client.groups import GROUP_SEND_MAX
from apps.wecom.errors import MEDIA_UNKNOWN, NotNow, WeComError, plain_reason
from apps.wecom.services.rounds import Round

ASK_JOB = "wecom_sync.poll_group_sends"  # what WeCom has is asked about there, and cancelled
LEASE_SECONDS = 120
BATCH = 50
LIMIT = 2_000  # calls of one run: a chain's owners are through within the hour
PATIENCE = Patience(first=timedelta(minutes=1), most=timedelta(minutes=10), tries=6)
LOOK_AFTER = timedelta(minutes=5)  # WeCom's list lags behind
LOOK_FOR = timedelta(hours=1)  # after that only a person goes on looking
RESULTS_IN = timedelta(hours=1)  # after the owner's tap WeCom has named every group that has it
CLOCK_SLACK = timedelta(minutes=2)  # WeCom's clock and ours
KEEP_DAYS = 365  # what a push came to stands on its items

State = GroupSend.State


@transaction.atomic
def queue_group_sends(
    *,
    source: str,
    guide_ids: Collection[int],
    text: str,
    not_before: datetime,
    closes_at: datetime,
    attachments: Sequence[Piece] = (),
) -> int:
    """Queue a send for each of these owners to the own living groups that may still get one. A
    source has each owner's send once, however often it is asked for. Returns how many are queued
    now. Raises TooManyAttachments."""
    demand_few(attachments)
    full = full_groups(now=not_before)
    owned: dict[tuple[int, str], list[str]] = defaultdict(list)
    groups = CustomerGroup.objects.sendable().filter(owner_id__in=list(guide_ids))
    groups = groups.exclude(pk__in=full).order_by("owner_id", "pk")
    for owner_id, corp_id, chat_id in groups.values_list("owner_id", "corp_id", "chat_id"):
        owned[owner_id, corp_id].append(chat_id)
    owners = sorted({owner_id for owner_id, _corp_id in owned})
    coded = guide_pieces(pieces=attachments, guide_ids=owners, source=source)
    GroupSend.objects.bulk_create(
        [
            GroupSend(
                source=source, guide_id=owner_id, part=part, corp_id=corp_id, text=text,
                attachments=coded[owner_id], chat_ids=chats, not_before=not_before,
                closes_at=closes_at,
            )
            for (owner_id, corp_id), everything in owned.items()
            for part, chats in _parts(everything)
        ],
        ignore_conflicts=True,
        batch_size=500,
    )  # fmt: skip
    wake(JOB)
    return GroupSend.objects.filter(source=source).count()


def _parts(chats: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for part, start in enumerate(range(0, len(chats), GROUP_SEND_MAX)):
        yield part, list(chats[start : start + GROUP_SEND_MAX])


@transaction.atomic
def drop_group_sends(*, source: str, now: datetime, guide_id: int | None = None) -> int:
    """Take sends back: what WeCom does not have is not made; what it has it is told to cancel.
    The same again changes nothing. Returns how many were touched."""
    sends = GroupSend.objects.filter(source=source, withdrawn_at=None)
    if guide_id is not None:
        sends = sends.filter(guide_id=guide_id)
    never_called = sends.filter(state=State.QUEUED, call_started_at=None)
    touched = never_called.update(state=State.CANCELLED, withdrawn_at=now)
    open_ones = sends.filter(state__in=[State.QUEUED, State.HANDED_OVER, State.UNKNOWN])
    touched += open_ones.update(withdrawn_at=now, not_before=now, attempts=0)
    if touched:
        wake(JOB)
        wake(ASK_JOB)
    return touched


# --- to WeCom -------------------------------------------------------------------------------------


def hand_over_sends(*, now: datetime, limit: int = LIMIT) -> int:
    """Make what is due, look for lost answers; how many moved on. A corp that wants no call now is
    left alone for the rest of this run."""
    run, moved = Round(now), 0
    to_look = Q(state=State.UNKNOWN, call_started_at__gt=now - LOOK_FOR)
    waiting = GroupSend.objects.filter(Q(state=State.QUEUED) | to_look)
    for token, ids in _batches(waiting, run, limit):
        for pk in ids:
            with outbox.alone("group_send_failed", send_id=pk):
                moved += _settle(pk, token, run)
    return moved


def _batches(
    waiting: GroupSendQuerySet, run: Round, limit: int
) -> Iterator[tuple[UUID, list[int]]]:
    def due(at: datetime) -> QuerySet[GroupSend]:
        return waiting.exclude(corp_id__in=run.resting).due(at)

    return outbox.batches(due, clock=run.moment, seconds=LEASE_SECONDS, batch=BATCH, limit=limit)


def _settle(pk: int, token: UUID, run: Round) -> bool:
    mine = GroupSend.objects.filter(
        pk=pk, state=State.QUEUED, call_started_at=None, withdrawn_at=None
    )
    try:
        attached = media.attached(mine=lease.holds(mine, token), run=run, seconds=LEASE_SECONDS)
    except media.LeaseLost:
        return False
    except WeComError as error:
        return _again_later(GroupSend.objects.get(pk=pk), token, error, run)
    return _call(pk, token, run, attached)


def _call(pk: int, token: UUID, run: Round, attached: list[dict[str, Any]]) -> bool:
    send = _prepare(pk, token, run.moment())
    if send is None:
        return False
    if send.state == State.UNKNOWN:
        return _look(send, token, run)
    faults.point("customer_groups.send_call_started")
    try:
        made = run.client(send.corp_id).create_group_send(
            sender=send.guide.wecom_userid,
            chat_ids=send.chat_ids,
            text=send.text,
            attachments=attached,
        )
    except WeComError as error:
        _note_failure(send, token, error, run)
        return False
    faults.point("customer_groups.send_called")
    left_out = sorted(set(made.failed) & set(send.chat_ids))
    return _made(send, token, made.msgid, run.moment(), left_out=left_out)


@transaction.atomic
def _prepare(pk: int, token: UUID, at: datetime) -> GroupSend | None:
    """The send with its call announced; None when there is no call to make."""
    send = GroupSend.objects.select_related("guide").held(pk, token)
    if send is None or send.state == State.UNKNOWN:
        return send
    if send.state != State.QUEUED:  # taken back in between
        send.settle(token)
        return None
    if send.call_started_at is not None:  # the worker that called is gone: nobody knows
        reason = gettext("the reply was lost")
        send.settle(token, state=State.UNKNOWN, unknown_since=at, reason=reason, not_before=at)
        return None
    if send.withdrawn_at is not None:  # put off by WeCom, then taken back
        send.settle(token, state=State.CANCELLED)
        return None
    if at >= send.closes_at:  # a worker that comes too late
        send.settle(token, state=State.CLOSED)
        return None
    # a whole lease for the call: what came before may have used up the one they all had
    send.call_started_at, send.lease_until = at, at + timedelta(seconds=LEASE_SECONDS)
    send.save(update_fields=["call_started_at", "lease_until"])
    return send


def _made(
    send: GroupSend, token: UUID, msgid: str, at: datetime, *, left_out: Sequence[str] = ()
) -> bool:
    """WeCom has it; taken back meanwhile, it is cancelled next."""
    written = send.settle(
        token,
        state=State.HANDED_OVER,
        msgid=msgid,
        left_out=list(left_out),
        reason="",
        attempts=0,
        handed_over_at=at,
        unknown_since=None,
        not_before=at + timedelta(seconds=settings.WECOM_POLL_DELAYS[0]),
    )
    _hurry(send, at)
    return written


def _hurry(send: GroupSend, at: datetime) -> None:
    """One that was taken back while it was worked on has written its own next moment."""
    taken_back = GroupSend.objects.filter(pk=send.pk, withdrawn_at__isnull=False)
    taken_back.filter(state=State.HANDED_OVER).update(not_before=at)


def _look(send: GroupSend, token: UUID, run: Round) -> bool:
    """Is the send whose answer was lost in WeCom's list?"""
    at = run.moment()
    try:
        found = _entries_of(send, run)
    except WeComError:
        found = []
    if len(found) != 1:
        send.settle(token, not_before=at + LOOK_AFTER)
        return False
    return _made(send, token, found[0], at)


def _entries_of(send: GroupSend, run: Round) -> list[str]:
    """WeCom's entries with this text from the time of the call, of this sender, of no other row;
    oldest first. Raises WeComError."""
    client, lost = run.client(send.corp_id), send.call_started_at or send.created_at
    end = min(lost + LOOK_FOR, run.moment()) + CLOCK_SLACK
    rows = client.list_group_sends(start=lost - CLOCK_SLACK, end=end)
    alike = [row for row in rows if row.text == send.text]
    taken = set(
        GroupSend.objects.filter(
            corp_id=send.corp_id, msgid__in=[row.msgid for row in alike]
        ).values_list("msgid", flat=True)
    )
    return [
        row.msgid
        for row in sorted(alike, key=lambda row: row.created_at)
        if row.msgid not in taken
        and send.guide.wecom_userid
        in {task.userid for task in client.list_send_tasks(msgid=row.msgid)}
    ]


def _note_failure(send: GroupSend, token: UUID, error: WeComError, run: Round) -> None:
    if error.outcome_unknown:
        at = run.moment()
        reason, later = plain_reason(error), at + LOOK_AFTER
        send.settle(token, state=State.UNKNOWN, unknown_since=at, reason=reason, not_before=later)
        return
    if error.errcode == MEDIA_UNKNOWN:  # the next try uploads them anew
        media.forget(files=files_of(send.attachments), corp_id=send.corp_id)
        error.retryable = True
    _again_later(send, token, error, run)


def _again_later(
    send: GroupSend,
    token: UUID,
    error: WeComError,
    run: Round,
    *,
    harmless: bool = False,
    end: str = State.FAILED,
) -> bool:
    """Nothing was done, or may be done again: another try, or the end of trying."""
    if isinstance(error, NotNow):
        run.resting.add(send.corp_id)
    fate = fate_of(
        error, failed=send.attempts, patience=PATIENCE, at=run.moment(), harmless=harmless
    )
    send.settle(
        token,
        state=end if fate.over else send.state,
        reason=plain_reason(error),
        call_started_at=send.call_started_at if harmless else None,
        **fate.again,
    )
    return False


# --- what became of it ----------------------------------------------------------------------------


def claim_send_polls(*, run: Round, limit: int = LIMIT) -> Iterator[tuple[UUID, list[GroupSend]]]:
    """Lease sends that WeCom is to be asked about, or, withdrawn, is to cancel; some at a time,
    until none is due. Corps that rest in this run are left alone."""
    asked = GroupSend.objects.filter(state=State.HANDED_OVER)
    for token, ids in _batches(asked, run, limit):
        rows = GroupSend.objects.filter(pk__in=ids).select_related("guide")
        yield token, list(rows.order_by("pk"))


def note_send_asked(
    *,
    send: GroupSend,
    token: UUID,
    sent_chat_ids: Collection[str],
    confirmed_at: datetime | None,
    now: datetime,
) -> bool:
    """WeCom named the groups that have it, and when the owner confirmed. What it has once named
    stays. A group of the owner's that is not named an hour after the tap got nothing: WeCom let no
    more through.
    """
    sent = _named(send, sent_chat_ids)
    tapped = send.confirmed_at or confirmed_at
    missing = awaited(send) - sent
    full = missing if tapped is not None and now >= tapped + RESULTS_IN else set()
    over = now >= _last_look(send, tapped) or missing <= full
    written = send.settle(
        token,
        sent_chat_ids=sorted(sent),
        over_limit_chat_ids=sorted(full),
        confirmed_at=tapped,
        state=State.CLOSED if over else State.HANDED_OVER,
        not_before=_next_look(send, now, tapped),
    )
    _hurry(send, now)
    return written


def _named(send: GroupSend, sent_chat_ids: Collection[str]) -> set[str]:
    return (set(sent_chat_ids) & set(send.chat_ids)) | set(send.sent_chat_ids)


def _next_look(send: GroupSend, now: datetime, tapped: datetime | None) -> datetime:
    """1, 5, 15, 60 minutes after the hand-over, then daily; once more an hour after the owner's
    tap; the last time when it closes."""
    if tapped is not None and now < tapped + RESULTS_IN:
        return tapped + RESULTS_IN
    begun = send.handed_over_at or now
    ahead = (begun + timedelta(seconds=seconds) for seconds in settings.WECOM_POLL_DELAYS)
    later = now + timedelta(seconds=settings.WECOM_POLL_THEN_SECONDS)
    return min(next((moment for moment in ahead if moment > now), later), _last_look(send, tapped))


def _last_look(send: GroupSend, tapped: datetime | None) -> datetime:
    """When it closes, or when WeCom has answered an owner who tapped shortly before."""
    return max(send.closes_at, tapped + RESULTS_IN) if tapped is not None else send.closes_at


def give_back_send(*, send: GroupSend, token: UUID, now: datetime) -> bool:
    """WeCom did not answer: another time."""
    written = send.settle(token, not_before=now + PATIENCE.first)
    _hurry(send, now)
    return written


def note_send_cancelled(
    *,
    send: GroupSend,
    token: UUID,
    sent_chat_ids: Collection[str],
    confirmed_at: datetime | None,
) -> bool:
    """WeCom stopped it, and named for the last time the groups that have it."""
    return send.settle(
        token,
        state=State.CANCELLED,
        reason="",
        sent_chat_ids=sorted(_named(send, sent_chat_ids)),
        confirmed_at=send.confirmed_at or confirmed_at,
    )


def put_off_cancel(
    *, send: GroupSend, token: UUID, error: WeComError, run: Round, stopped: bool
) -> None:
    """It was not cancelled, or is `stopped` and was not asked about: both are tried for a while."""
    end = State.CANCELLED if stopped else State.FAILED
    _again_later(send, token, error, run, harmless=True, end=end)


# --- what only a person can say -------------------------------------------------------------------


def decide_group_send(*, send: GroupSend, happened: bool, actor: Actor, now: datetime) -> GroupSend:
    """A person says whether WeCom has a send whose outcome is unknown.

    WeCom's list is asked once more first: if it shows the send, that is the answer. `happened`
    without an entry ends the row without a result; otherwise it is made once more, unless its time
    is over or it was taken back. Raises NotUnknown, ListNotReadable.
    """
    if send.state != State.UNKNOWN:
        raise NotUnknown()
    try:
        found = _entries_of(send, Round(now))
    except WeComError as error:
        raise ListNotReadable() from error
    return _decide(send.pk, happened, found[0] if found else "", actor, now)


@transaction.atomic
def _decide(pk: int, happened: bool, msgid: str, actor: Actor, now: datetime) -> GroupSend:
    send = GroupSend.objects.select_for_update(of=("self",)).get(pk=pk)
    if send.state != State.UNKNOWN:
        raise NotUnknown()
    if msgid:
        send.state, send.msgid, send.handed_over_at = State.HANDED_OVER, msgid, now
    elif happened or send.withdrawn_at is not None or now >= send.closes_at:
        send.state = State.CLOSED
    else:
        send.state, send.call_started_at = State.QUEUED, None
    words = gettext("%(who)s decided: it went out")
    if not happened:
        words = gettext("%(who)s decided: it did not go out")
    send.reason = words % {"who": actor.label}
    send.attempts, send.not_before, send.unknown_since = 0, now, None
    send.lease_token = send.lease_until = None
    send.save()
    accounts.audit(
        actor=actor,
        action="group_send.decided",
        object_type="group_send",
        object_id=send.pk,
        detail={"happened": happened},
    )
    wake(JOB)
    return send


def forget_old_sends(*, now: datetime) -> int:
    """Delete sends older than KEEP_DAYS that went out or never will; returns how many went."""
    over = GroupSend.objects.exclude(state__in=[State.QUEUED, State.HANDED_OVER, State.UNKNOWN])
    return delete_in_bites(over.filter(created_at__lt=now - timedelta(days=KEEP_DAYS)))
