"""SMS: a row under a unique key, sent by a job under a lease. Over means sealed words are gone."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.core import lease, outbox, pii
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.members.models import MemberIdentity
from apps.outreach import sms
from apps.outreach.models import SmsMessage
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

SMS_JOB = "outreach.send_sms"
LEASE_SECONDS = 60
BATCH = 5  # a slow gateway answers all of them within the lease
PATIENCE = Patience(first=timedelta(seconds=4), most=timedelta(minutes=2), tries=5)

State = SmsMessage.State
_OVER = {"phone_enc": None, "body_enc": None}


@transaction.atomic
def queue_sms(
    *, kind: str, phone: str, text: str, idem_key: str, expires_at: datetime, now: datetime
) -> SmsMessage:
    """Leave one SMS to a number in E.164; the same key is the same message.

    Raises NoSmsProvider at once, so that the page can say it.
    """
    if not sms.is_connected():
        raise sms.NoSmsProvider
    message, created = SmsMessage.objects.get_or_create(
        idem_key=idem_key,
        defaults={
            "kind": kind,
            "phone_key": pii.value_key(MemberIdentity.Kind.PHONE, "", phone),
            "phone_enc": pii.encrypt(phone),
            "body_enc": pii.encrypt(text),
            "not_before": now,
            "expires_at": expires_at,
        },
    )
    if created:
        wake(SMS_JOB)
    return message


def send_due_sms(*, now: datetime, limit: int = 500) -> int:
    """Send what is due, give up what is too late; return how many went out."""
    run, sent = Round(now), 0
    queued = SmsMessage.objects.filter(state=State.QUEUED)
    queued.filter(expires_at__lte=now).update(
        state=State.EXPIRED, lease_token=None, lease_until=None, **_OVER
    )
    for token, ids in outbox.batches(
        lambda at: queued.filter(expires_at__gt=at).due(at),
        clock=run.moment,
        seconds=LEASE_SECONDS,
        batch=BATCH,
        limit=limit,
    ):
        for message in SmsMessage.objects.filter(pk__in=ids).order_by("pk"):
            with outbox.alone("sms_failed", sms_id=message.pk):
                sent += _send(message, token, run)
    return sent


def _send(message: SmsMessage, token: UUID, run: Round) -> bool:
    """One call; the outcome is written only while the lease is still ours."""
    assert PATIENCE.tries is not None
    if message.attempts >= PATIENCE.tries:  # whatever broke broke each of them
        message.settle(token, state=State.FAILED, **_OVER)
        return False
    # counted first: who breaks on it or dies over it has tried
    mine = lease.holds(SmsMessage.objects.filter(pk=message.pk), token)
    if not mine.update(attempts=message.attempts + 1):
        return False
    assert message.phone_enc is not None
    assert message.body_enc is not None
    try:
        number = sms.sender().send(
            phone=pii.decrypt(message.phone_enc),
            text=pii.decrypt(message.body_enc),
            key=message.idem_key,
        )
    except sms.SmsError as error:
        _note_failure(message, token, error, run.moment())
        return False
    return message.settle(
        token, state=State.SENT, sent_at=run.moment(), provider_id=str(number)[:80], reason="",
        **_OVER,
    )  # fmt: skip


def _note_failure(message: SmsMessage, token: UUID, error: sms.SmsError, at: datetime) -> None:
    log.warning("sms_not_sent", sms_id=message.pk, error=error.code)
    fate = fate_of(error, failed=message.attempts, patience=PATIENCE, at=at)
    outcome = {"state": State.FAILED, **_OVER} if fate.over else fate.again
    message.settle(token, reason=str(error), **outcome)
