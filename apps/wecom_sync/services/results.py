"""WeCom is asked what became of the sends; its word reaches receivers and targets."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from apps.core import lease, outbox
from apps.core.errors import kind_of
from apps.guide_tasks.services import evidence, push_coupons
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.services import results as outreach
from apps.outreach.services.polling import SENDS_PER_BEAT
from apps.wecom.client import WeComClient
from apps.wecom.errors import NotNow, Refused, WeComError
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import SendResult, SendStatus

log = structlog.get_logger(__name__)

BATCH = 50
# a slow WeCom holds a worker no longer; what is left is the next beat's
RUN_FOR = timedelta(minutes=3)
CANCELLED_ALREADY = 41093

_STATES = {
    SendStatus.SENT: DispatchRecipient.State.DELIVERED,
    SendStatus.NOT_FRIEND: DispatchRecipient.State.NOT_FRIEND,
    SendStatus.OVER_LIMIT: DispatchRecipient.State.OVER_LIMIT,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """When the guide confirmed, and every customer who has a result."""

    sent_at: datetime | None
    results: tuple[SendResult, ...]


def poll_results(*, now: datetime, limit: int = SENDS_PER_BEAT) -> int:
    """Ask WeCom about due sends and apply what it says; return how many receivers got a result."""
    apply_decided(now=now)
    run, found, seen = Round(now), 0, 0
    while seen < limit and run.moment() - now < RUN_FOR:
        token, ids = outreach.claim_due_polls(now=run.moment(), limit=min(BATCH, limit - seen))
        if not ids:
            break
        seen += len(ids)
        for dispatch in Dispatch.objects.filter(pk__in=ids).select_related("guide").order_by("pk"):
            try:
                with outbox.alone("result_not_applied", but=NotNow, dispatch_id=dispatch.pk):
                    found += _poll(dispatch, token, run)
            except NotNow as error:  # the others would be told the same: their turn comes later
                wait = timedelta(seconds=error.retry_after)
                outreach.give_back_polls(token=token, now=run.moment(), wait=wait)
                return found
    apply_decided(now=now)
    return found


def apply_decided(*, now: datetime) -> int:
    """Tell the guides' targets what the outbox decided by itself: refused, expired, called off.

    A receiver that cannot be applied stays untold for the next run and stops nobody else.
    """
    told, after = 0, 0
    while True:
        with transaction.atomic():
            rows = outreach.untold_results(after=after, limit=200)
            known = [row for row in evidence.in_lock_order(rows) if _tell(row)]
            push_coupons.take_back_unsent(told=known, now=now)
            outreach.mark_told(receiver_ids=[row.pk for row in known], now=now)
        if not rows:
            return told
        told += len(known)
        after = rows[-1].pk


def _tell(row: DispatchRecipient) -> bool:
    try:
        with suppress(ObjectDoesNotExist):  # the task is gone; nobody waits for this
            evidence.apply_result(recipient=row)
    except Exception as error:
        log.error("result_not_applied", receiver_id=row.pk, error=kind_of(error))
        return False
    return True


def _poll(dispatch: Dispatch, token: UUID, run: Round) -> int:
    expired = dispatch.expires_at <= run.moment()
    try:
        answer = _ask(dispatch, run.client(dispatch.corp_id), stop=expired)
    except NotNow:
        raise
    except WeComError as error:
        log.warning("poll_failed", dispatch_id=dispatch.pk, error=error.code)
        with transaction.atomic():
            outreach.schedule_next_poll(dispatch=dispatch, now=run.moment(), token=token)
        return 0
    return _apply(dispatch, token, answer, expired=expired, now=run.moment())


def _ask(dispatch: Dispatch, client: WeComClient, *, stop: bool) -> Answer:
    """Tasks first, customers only of those who confirmed. `stop` ends the rest for good."""
    if not dispatch.msgid:  # a person said it was sent; there is nothing to ask by
        return Answer(None, ())
    if stop:
        # told to stop before it is asked: nobody can confirm between the question and the stop
        try:
            client.cancel_mass_send(msgid=dispatch.msgid)
        except Refused as error:
            if error.errcode != CANCELLED_ALREADY:
                raise
    sent = [task for task in client.list_send_tasks(msgid=dispatch.msgid) if task.sent]
    results = [
        result
        for task in sent
        for result in client.list_send_results(msgid=dispatch.msgid, userid=task.userid)
        if result.status in _STATES
    ]
    times = [task.sent_at for task in sent if task.sent_at]
    return Answer(min(times, default=None), tuple(results))


@transaction.atomic
def _apply(dispatch: Dispatch, token: UUID, answer: Answer, *, expired: bool, now: datetime) -> int:
    mine = lease.holds(Dispatch.objects.filter(pk=dispatch.pk), token)
    if mine.select_for_update().first() is None:
        return 0
    if answer.sent_at is not None or answer.results:
        outreach.note_sent(dispatch=dispatch, at=answer.sent_at or now)
    news = [row for result in answer.results if (row := _record(dispatch, result, now))]
    for row in evidence.in_lock_order(news):
        with suppress(ObjectDoesNotExist):
            evidence.apply_result(recipient=row)
    push_coupons.take_back_unsent(told=news, now=now)
    outreach.mark_told(receiver_ids=[row.pk for row in news], now=now)
    if expired:
        outreach.settle_expired(dispatch=dispatch, now=now)
    else:
        outreach.schedule_next_poll(dispatch=dispatch, now=now, token=token)
    return len(news)


def _record(dispatch: Dispatch, result: SendResult, now: datetime) -> DispatchRecipient | None:
    return outreach.record_recipient_result(
        dispatch=dispatch,
        external_userid=result.external_userid,
        status=_STATES[result.status],
        at=result.sent_at or now,
        sender_userid=result.userid,
    )
