"""Queued sends are handed to WeCom: claim, pictures, last check, call, record; each step is
committed.

What a crash leaves behind tells where it happened: a lease that ran out without `call_started_at`
never reached WeCom and is simply taken again; with it the call may have taken effect, and only
WeCom's own list can say (`unknowns`). No transaction is open while WeCom is called.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from apps.core import faults, hours, lease, outbox
from apps.core.outbox import Patience, fate_of
from apps.outreach import attachments, policy
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.services import budget, media, polling, receivers
from apps.wecom.errors import MEDIA_UNKNOWN, NotNow, WeComError, plain_reason
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

LEASE_SECONDS = 90  # longer than any call with its token can take
BATCH = 10
MEDIA_TRIES = 3
PATIENCE = Patience(first=timedelta(seconds=15), most=timedelta(minutes=15))
LOOK_AFTER_SECONDS = 5

State = Dispatch.State


def send_queued(*, now: datetime, limit: int = 500) -> int:
    """Hand due sends to WeCom, at most `limit`; return how many it took over.

    Any number of workers may run this at once, and any of them may die at any point.
    """
    run, handed_over, seen = Round(now), 0, 0
    while seen < limit:
        token, ids = claim_due(
            now=run.moment(), limit=min(BATCH, limit - seen), without=run.resting
        )
        if not ids:
            break
        faults.point("outreach.claimed")
        seen += len(ids)
        for dispatch_id in ids:
            with outbox.alone("hand_over_failed", dispatch_id=dispatch_id):
                handed_over += hand_over(dispatch_id=dispatch_id, token=token, run=run)
    return handed_over


@transaction.atomic
def claim_due(
    *, now: datetime, limit: int, without: Collection[str] = ()
) -> tuple[UUID, list[int]]:
    """Lease due sends, also those whose worker died before it called WeCom; none of the corps
    `without`."""
    never_called = Q(state=State.LEASED, call_started_at=None)
    waiting = Dispatch.objects.filter(Q(state__in=[State.PLANNED, State.HELD]) | never_called)
    if without:
        waiting = waiting.exclude(corp_id__in=without)
    token, ids = lease.claim(waiting.due(now), now=now, seconds=LEASE_SECONDS, limit=limit)
    Dispatch.objects.filter(pk__in=ids).update(state=State.LEASED)
    return token, ids


def hand_over(*, dispatch_id: int, token: UUID, run: Round) -> bool:
    """Take one leased send through pictures, check, call and record; true when WeCom has it."""
    try:
        attached = media.attached(
            mine=lease.holds(Dispatch.objects.filter(pk=dispatch_id), token),
            run=run,
            seconds=LEASE_SECONDS,
        )
    except media.LeaseLost:
        return False
    except WeComError as error:
        _failed(dispatch_id=dispatch_id, token=token, error=error, run=run, called=False)
        return False
    prepared = _prepare(dispatch_id=dispatch_id, token=token, at=run.moment())
    if prepared is None:
        return False
    faults.point("outreach.call_started")
    dispatch, external_userids = prepared
    try:
        sent = run.client(dispatch.corp_id).create_mass_send(
            sender=dispatch.guide.wecom_userid,
            external_userids=external_userids,
            text=dispatch.text,
            attachments=attached,
        )
    except WeComError as error:
        _failed(dispatch_id=dispatch_id, token=token, error=error, run=run, called=True)
        return False
    faults.point("outreach.called")
    recorded = _record_handed_over(
        dispatch_id=dispatch_id,
        token=token,
        msgid=sent.msgid,
        failed=sent.failed,
        at=run.moment(),
    )
    faults.point("outreach.committed")
    return recorded


def _held(dispatch_id: int, token: UUID) -> Dispatch | None:
    """The row, locked, if it is still ours."""
    leased = Dispatch.objects.filter(state=State.LEASED)
    return leased.select_related("guide").held(dispatch_id, token)


@transaction.atomic
def _prepare(*, dispatch_id: int, token: UUID, at: datetime) -> tuple[Dispatch, list[str]] | None:
    """The last look at everybody, then the mark that the call begins. None = nothing to send."""
    dispatch = _held(dispatch_id, token)
    if dispatch is None:
        return None
    if dispatch.expires_at <= at:
        receivers.not_sent(dispatch=dispatch, at=at)
        _let_go(dispatch, state=State.EXPIRED)
        return None
    if _outside_hours(dispatch, at):
        return None
    left = _check_receivers(dispatch, at)
    if not left:
        first = dispatch.recipients.exclude(reason="").order_by("pk").first()
        _let_go(dispatch, state=State.SUPPRESSED, reason=first.reason if first else "")
        return None
    dispatch.call_started_at = at
    dispatch.attempts += 1
    dispatch.looks = 0
    dispatch.lease_until = at + timedelta(seconds=LEASE_SECONDS)
    dispatch.save(update_fields=["call_started_at", "attempts", "looks", "lease_until"])
    return dispatch, [row.external_userid for row in left]


def _outside_hours(dispatch: Dispatch, at: datetime) -> bool:
    """A worker that comes late puts the send back until customers may be contacted again, or ends
    it if its time is over by then."""
    if dispatch.contact_from is None or dispatch.contact_until is None:
        return False
    allowed = hours.next_within(at, dispatch.contact_from, dispatch.contact_until)
    if allowed <= at:
        return False
    if allowed >= dispatch.expires_at:
        receivers.not_sent(dispatch=dispatch, at=at)
        _let_go(dispatch, state=State.EXPIRED)
        return True
    dispatch.not_before = allowed
    dispatch.save(update_fields=["not_before"])
    _let_go(dispatch, state=State.HELD)
    return True


def _check_receivers(dispatch: Dispatch, at: datetime) -> list[DispatchRecipient]:
    """Who may still be written to; the others are left out with their reason."""
    waiting = list(dispatch.recipients.filter(state=DispatchRecipient.State.WAITING).order_by("pk"))
    refused_members = policy.check_many(
        member_ids=[row.member_id for row in waiting],
        guide_id=dispatch.guide_id,
        now=at,
        marketing=dispatch.marketing,
        budget=False,  # asked below, by taking the place
        asking=dispatch.pk,
    )
    refusals = {
        row.pk: refused_members[row.member_id]
        for row in waiting
        if row.member_id in refused_members
    }
    allowed = [row for row in waiting if row.pk not in refusals]
    full = budget.take_places(receivers=allowed, now=at)
    refusals |= {pk: policy.Refusal.BUDGET for pk in full}
    receivers.refuse_by_policy(refusals=refusals, receivers=waiting, at=at)
    return [row for row in allowed if row.pk not in full]


def _let_go(dispatch: Dispatch, *, state: str, reason: str = "") -> None:
    dispatch.state, dispatch.reason = state, reason
    dispatch.lease_token = dispatch.lease_until = None
    dispatch.save(update_fields=["state", "reason", "lease_token", "lease_until"])


@transaction.atomic
def _record_handed_over(
    *, dispatch_id: int, token: UUID, msgid: str, failed: tuple[str, ...], at: datetime
) -> bool:
    dispatch = _held(dispatch_id, token)
    if dispatch is None:  # taken for lost: whoever looks the send up will find it
        log.warning("dispatch_lease_lost", dispatch_id=dispatch_id)
        return False
    mark_handed_over(dispatch=dispatch, msgid=msgid, at=at)
    if failed:
        receivers.refuse_by_wecom(
            dispatch=dispatch,
            reason=gettext("WeCom cannot reach this customer"),
            at=at,
            only=failed,
        )
    faults.point("outreach.recorded")
    return True


def mark_handed_over(*, dispatch: Dispatch, msgid: str, at: datetime) -> None:
    """WeCom has the send under this id. Call inside a transaction that holds the row."""
    dispatch.state, dispatch.reason, dispatch.msgid = State.HANDED_OVER, "", msgid
    dispatch.handed_over_at, dispatch.unknown_since = at, None
    dispatch.lease_token = dispatch.lease_until = None
    dispatch.polls, dispatch.next_poll_at = 0, polling.first_poll_at(at)
    dispatch.save()


def _failed(*, dispatch_id: int, token: UUID, error: WeComError, run: Round, called: bool) -> None:
    corp_id = _record_failure(
        dispatch_id=dispatch_id, token=token, error=error, at=run.moment(), called=called
    )
    if isinstance(error, NotNow) and corp_id:  # the corp's other sends would be told the same
        run.resting.add(corp_id)


@transaction.atomic
def _record_failure(
    *, dispatch_id: int, token: UUID, error: WeComError, at: datetime, called: bool
) -> str:
    """What comes after a failed call, or (not `called`) a failed upload; the corp it was for."""
    dispatch = _held(dispatch_id, token)
    if dispatch is None:
        return ""
    if not called:
        dispatch.attempts += 1
    lost = error.errcode == MEDIA_UNKNOWN and dispatch.attempts < MEDIA_TRIES
    if lost:
        files = attachments.files_of(dispatch.attachments)
        media.forget(files=files, corp_id=dispatch.corp_id)
    if error.outcome_unknown:
        # no lease any more, but the time until somebody asks WeCom what became of it
        dispatch.lease_token = None
        dispatch.lease_until = at + timedelta(seconds=LOOK_AFTER_SECONDS)
        dispatch.save(update_fields=["lease_token", "lease_until"])
        log.warning("dispatch_outcome_open", dispatch_id=dispatch_id)
    elif error.retryable or lost:
        _put_back(dispatch, error, at)
    else:
        reason = plain_reason(error)
        receivers.refuse_by_wecom(dispatch=dispatch, reason=reason, at=at)
        _let_go(dispatch, state=State.FAILED, reason=reason)
    return dispatch.corp_id


def _put_back(dispatch: Dispatch, error: WeComError, at: datetime) -> None:
    """Nothing was done: try again after a growing pause, or never if its time is over by then."""
    fate = fate_of(error, failed=dispatch.attempts - 1, patience=PATIENCE, at=at)
    dispatch.attempts, dispatch.call_started_at = fate.attempts, None
    if fate.not_before >= dispatch.expires_at:
        dispatch.save(update_fields=["call_started_at", "attempts"])
        receivers.not_sent(dispatch=dispatch, at=at)
        _let_go(dispatch, state=State.EXPIRED, reason=plain_reason(error))
        return
    dispatch.not_before = fate.not_before
    dispatch.save(update_fields=["call_started_at", "attempts", "not_before"])
    _let_go(dispatch, state=State.PLANNED, reason=plain_reason(error))
