"""SMS: a row under a unique key, sent by a job under a lease. Over means sealed words are gone."""

import random
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F

from apps.core import lease, pii
from apps.core.wake import wake
from apps.members.models import MemberIdentity
from apps.outreach import sms
from apps.outreach.models import SmsMessage
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

SMS_JOB = "outreach.send_sms"
LEASE_SECONDS = 60
BATCH = 5  # a slow gateway answers all of them within the lease
MAX_ATTEMPTS = 5
BACK_OFF_SECONDS = 4

State = SmsMessage.State
_OVER = {"phone_enc": None, "body_enc": None, "lease_token": None, "lease_until": None}


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
    run, sent, seen = Round(now), 0, 0
    late = SmsMessage.objects.filter(state=State.QUEUED, expires_at__lte=now)
    late.update(state=State.EXPIRED, **_OVER)
    while seen < limit:
        moment = run.moment()
        due = SmsMessage.objects.filter(
            state=State.QUEUED, not_before__lte=moment, expires_at__gt=moment
        )
        token, ids = lease.claim(
            due.order_by("not_before", "pk"), now=moment, seconds=LEASE_SECONDS, limit=BATCH
        )
        if not ids:
            break
        seen += len(ids)
        for message in SmsMessage.objects.filter(pk__in=ids).order_by("pk"):
            sent += _send(message, token, run)
    return sent


def _send(message: SmsMessage, token: UUID, run: Round) -> int:
    """One call; the outcome is written only while the lease is still ours."""
    assert message.phone_enc is not None
    assert message.body_enc is not None
    mine = lease.holds(SmsMessage.objects.filter(pk=message.pk), token)
    try:
        number = sms.sender().send(
            phone=pii.decrypt(message.phone_enc),
            text=pii.decrypt(message.body_enc),
            key=message.idem_key,
        )
    except sms.SmsError as error:
        _note_failure(message, token, error, run.moment())
        return 0
    return mine.update(
        state=State.SENT, sent_at=run.moment(), provider_id=number, reason="", **_OVER
    )


def _note_failure(message: SmsMessage, token: UUID, error: sms.SmsError, at: datetime) -> None:
    mine = lease.holds(SmsMessage.objects.filter(pk=message.pk), token)
    log.warning("sms_not_sent", sms_id=message.pk, error=error.code)
    if not error.retryable or message.attempts + 1 >= MAX_ATTEMPTS:
        mine.update(state=State.FAILED, reason=str(error), **_OVER)
        return
    pause = BACK_OFF_SECONDS * 2**message.attempts * random.uniform(0.7, 1)  # noqa: S311
    mine.update(
        attempts=F("attempts") + 1,
        not_before=at + timedelta(seconds=pause),
        reason=str(error),
        lease_token=None,
        lease_until=None,
    )
