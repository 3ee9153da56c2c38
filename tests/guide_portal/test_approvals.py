"""待审批: one statement says of which kinds anything waits, and only those are read."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.concessions import services as concessions
from apps.handovers import services as handovers
from apps.outreach.services.access_news import ask_for_access
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import guide_actor

pytestmark = pytest.mark.django_db
APPROVALS = reverse("guide_portal:approvals")


def ask_everything(shop):
    """A concession, a claim and a look."""
    actor = guide_actor(shop.guide, shop.now)
    asked = {"client_id": uuid.uuid4(), "actor": actor, "now": shop.now}
    ((member, _external),) = make_friends(shop.guide, 1)
    concessions.ask(
        member_id=member.pk, kind="discount", percent=5, reason="loyal",
        **asked | {"client_id": uuid.uuid4()},
    )  # fmt: skip
    ((unserved, _external),) = make_friends(shop.guide, 1, serving=False)
    handovers.claim_member(
        member_id=unserved.pk, reason="sold", **asked | {"client_id": uuid.uuid4()}
    )
    far = make_guide(make_store(), corp=CORP)
    ((stranger, _external),) = make_friends(far, 1)
    ask_for_access(member_id=stranger.pk, guide_id=shop.guide.pk, reason="called", **asked)


def asked_by(browser):
    browser.get(APPROVALS)  # what a session and a process ask once
    with CaptureQueriesContext(connection) as asked:
        kinds = [row.kind for row in browser.get(APPROVALS).context["rows"]]
    return kinds, len(asked)


def test_what_nothing_waits_of_is_not_read(shop, managers_phone):
    kinds, few = asked_by(managers_phone)
    assert (kinds, few <= 7) == ([], True)

    ask_everything(shop)
    kinds, some = asked_by(managers_phone)
    assert kinds == ["access", "claim", "concession"]
    assert some == few + 3
    ask_everything(shop)
    kinds, many = asked_by(managers_phone)
    assert len(kinds) == 6
    assert many == some <= 12


def test_who_asked_finds_nothing_of_it(shop, phone, managers_phone):
    ask_everything(shop)
    assert phone.get(APPROVALS).status_code == 403
    manager = guide_actor(shop.manager, shop.now)
    ((member, _external),) = make_friends(shop.manager, 1)
    concessions.ask(
        member_id=member.pk, kind="discount", percent=5, reason="gift", client_id=uuid.uuid4(),
        actor=manager, now=shop.now,
    )  # fmt: skip
    kinds, _n = asked_by(managers_phone)
    assert kinds == ["access", "claim", "concession"]
