"""SMS: one row, one message; words and number are gone when it is over."""

from datetime import timedelta

import pytest

from apps.core import clock, pii
from apps.outreach import services as outreach
from apps.outreach import sms
from apps.outreach.models import SmsMessage
from apps.outreach.services.sms import BATCH, LEASE_SECONDS
from apps.outreach.sms_gateway import TIMEOUT

pytestmark = pytest.mark.django_db
PHONE = "+8614300001234"


@pytest.fixture
def operator(simulator, settings):
    settings.SMS_SENDER = "apps.outreach.sms_gateway.HttpGateway"
    settings.SMS_GATEWAY_URL = f"{simulator.url}/sim/sms"
    return simulator


def queue(key="code:1", *, now=None, text="验证码 123456"):
    now = now or clock.now()
    return outreach.queue_sms(
        kind="code",
        phone=PHONE,
        text=text,
        idem_key=key,
        expires_at=now + timedelta(minutes=5),
        now=now,
    )


def on_phones(operator):
    return [(row["phone"], row["text"]) for row in operator.get("/sim/sms")["sms"]]


def test_an_sms_reaches_the_phone_once_and_its_words_are_gone_after(operator):
    queue()
    queue()

    assert outreach.send_due_sms(now=clock.now()) == 1
    assert outreach.send_due_sms(now=clock.now()) == 0

    assert on_phones(operator) == [(PHONE, "验证码 123456")]
    message = SmsMessage.objects.get()
    assert message.state == SmsMessage.State.SENT
    assert (message.phone_enc, message.body_enc) == (None, None)
    assert bytes(message.phone_key) == pii.value_key("phone", "", PHONE)


def test_a_worker_that_died_after_the_call_sends_no_second_one(operator):
    message = queue()
    sms.sender().send(phone=PHONE, text="验证码 123456", key=message.idem_key)
    long_ago = clock.now() - timedelta(seconds=1)
    SmsMessage.objects.update(lease_until=long_ago, lease_token="0" * 32)

    assert outreach.send_due_sms(now=clock.now()) == 1

    assert len(on_phones(operator)) == 1


def test_a_slow_gateway_leaves_no_message_to_two_workers():
    assert BATCH * sum(TIMEOUT) < LEASE_SECONDS


def test_a_gateway_that_does_not_answer_is_asked_again_later(operator, settings):
    settings.SMS_GATEWAY_URL = "http://127.0.0.1:9/none"
    now = clock.now()
    message = queue(now=now)

    assert outreach.send_due_sms(now=now) == 0

    message.refresh_from_db()
    assert (message.state, message.attempts) == (SmsMessage.State.QUEUED, 1)
    assert message.not_before > now
    settings.SMS_GATEWAY_URL = f"{operator.url}/sim/sms"
    assert outreach.send_due_sms(now=now + timedelta(seconds=30)) == 1


def test_a_refused_message_ends_and_a_late_one_is_not_sent(operator, settings):
    settings.SMS_GATEWAY_URL = f"{operator.url}/sim/nothing-here"
    now = clock.now()
    refused, late = queue("code:1", now=now), queue("code:2", now=now - timedelta(minutes=10))

    assert outreach.send_due_sms(now=now) == 0

    refused.refresh_from_db()
    late.refresh_from_db()
    assert (refused.state, late.state) == (SmsMessage.State.FAILED, SmsMessage.State.EXPIRED)
    assert (refused.body_enc, late.phone_enc) == (None, None)


def test_without_a_provider_the_page_is_told_at_once(settings):
    settings.SMS_SENDER = ""

    with pytest.raises(sms.NoSmsProvider):
        queue()

    assert not SmsMessage.objects.exists()


class Provider:
    """Somebody's own class: breaks on one number, and has long numbers of its own."""

    def send(self, *, phone, text, key):
        if text == "bad":
            raise ValueError
        return 10**90


def test_what_breaks_a_providers_class_stops_no_other_and_ends(settings, monkeypatch):
    settings.SMS_SENDER = "somebody.Provider"
    monkeypatch.setattr(sms, "sender", Provider)
    now = clock.now()
    bad, good = queue("code:1", now=now, text="bad"), queue("code:2", now=now)

    assert outreach.send_due_sms(now=now) == 1

    good.refresh_from_db()
    assert (good.state, len(good.provider_id)) == (SmsMessage.State.SENT, 80)
    bad.refresh_from_db()
    assert (bad.state, bad.attempts) == (SmsMessage.State.QUEUED, 1)

    SmsMessage.objects.filter(pk=bad.pk).update(expires_at=now + timedelta(hours=1))
    for minute in range(2, 12):
        outreach.send_due_sms(now=now + timedelta(minutes=minute))
    bad.refresh_from_db()
    assert (bad.state, bad.attempts, bad.body_enc) == (SmsMessage.State.FAILED, 5, None)
