import re
import uuid
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from apps.core import clock
from apps.members.invites import make_invite
from apps.outreach import services as outreach
from tests.factories.coupons import make_coupon
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, connect_corp, seed

REQUIRED = "membership@2026-01"
WECOM = "wecom_marketing@2026-01"


@pytest.fixture
def shop(db, simulator, settings):
    """A guide in a store whose WeCom is the simulator; its phones receive our SMS, too."""
    settings.SMS_SENDER = "apps.outreach.sms_gateway.HttpGateway"
    settings.SMS_GATEWAY_URL = f"{simulator.url}/sim/sms"
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    connect_corp()
    store = make_store()
    guide = make_guide(store, corp=CORP)
    seed(simulator, guide)
    return SimpleNamespace(store=store, guide=guide, simulator=simulator)


@pytest.fixture
def offer(db):
    return make_coupon(
        name="满 299 减 30 券", for_welcome=True, for_guides=False, off_fen=3_000, from_fen=29_900
    )


@pytest.fixture
def join_path(shop):
    token = make_invite(guide_id=shop.guide.pk, store_id=shop.store.pk, now=clock.now())
    return reverse("member_portal:join", args=[token])


@pytest.fixture
def customer():
    """A customer's browser: nobody's user."""
    return Client()


def form(phone, *consents, client_id=None):
    return {
        "phone": phone,
        "consent": list(consents or (REQUIRED,)),
        "client_id": str(client_id or uuid.uuid4()),
    }


def read_code(simulator, phone):
    """The code on the phone that got the SMS; None when it got none."""
    outreach.send_due_sms(now=clock.now())
    found = simulator.get(f"/sim/sms?phone={phone}")["sms"]
    return re.search(r"\d{6}", found[0]["text"])[0] if found else None


def sign_in(client, simulator, phone):
    client.post(reverse("member_portal:sign_in"), {"phone": phone})
    code = read_code(simulator, phone)
    return client.post(reverse("member_portal:code"), {"code": code})
