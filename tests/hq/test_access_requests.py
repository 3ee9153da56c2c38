"""Head office: requests to look at a customer, alerts on look-ups, and the home's word on both."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from apps.accounts.actor import Actor
from apps.accounts.models import AuditEntry
from apps.members import services as members
from apps.members.models import AccessRequest, LookUp, LookUpAlert
from apps.outreach.models import GuideNotice
from tests.factories.facts import make_guide, make_member, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    user = get_user_model().objects.create_user("office", password="x", role="hq_operator")
    client = Client()
    client.force_login(user)
    return client


def ask(now):
    store, member = make_store(), make_member()
    guide = make_guide(store)
    return members.request_access(
        member_id=member.pk, guide_id=guide.pk, store_id=store.pk, reason="called",
        client_id=uuid.uuid4(), actor=Actor(guide_id=guide.pk), now=now,
    )  # fmt: skip


def test_a_request_is_on_the_home_and_head_office_answers_it(office, fixed_clock):
    asked = ask(fixed_clock)
    page = office.get(reverse("hq:access"))
    assert "林晓雯" not in page.content.decode()
    assert reverse("hq:access") in office.get(reverse("admin:index")).content.decode()

    for grant in ("yes", "no"):
        office.post(reverse("hq:decide_access", args=[asked.pk]), {"grant": grant})

    asked.refresh_from_db()
    assert asked.state == AccessRequest.State.GRANTED
    assert asked.expires_at == fixed_clock + timedelta(hours=24)
    assert GuideNotice.objects.filter(guide=asked.guide).count() == 1
    assert AuditEntry.objects.filter(action="member.access_granted").count() == 1


def test_an_alert_says_how_many_and_is_settled_once(office, fixed_clock, settings):
    settings.LOOKUPS_AN_HOUR = 1
    guide = make_guide(make_store())
    actor = Actor(guide_id=guide.pk)
    members.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)
    with pytest.raises(members.TooManyLookUps):
        members.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)

    page = office.get(reverse("hq:access"))
    (alert,) = page.context["alerts"]
    assert (alert.who, alert.looked, alert.others) == (guide.name, 1, 0)
    for _time in range(2):
        office.post(reverse("hq:settle_look_ups", args=[alert.alert_id]))

    assert LookUpAlert.objects.get().settled_by.startswith("user:")
    assert AuditEntry.objects.filter(action="member.lookup_settled").count() == 1
    assert office.get(reverse("hq:access")).context["alerts"] == []


def test_nobody_settles_the_alert_about_themselves(office, settings):
    settings.LOOKUPS_AN_HOUR = 0
    office.post(reverse("hq:find_member"), {"q": "13800001234"})
    alert = LookUpAlert.objects.get()
    settle = reverse("hq:settle_look_ups", args=[alert.pk])

    assert settle not in office.get(reverse("hq:access")).content.decode()
    answer = office.post(settle, follow=True)

    assert "由总部同事处理" in answer.content.decode()
    assert LookUpAlert.objects.get().settled_at is None
    colleague = Client()
    colleague.force_login(
        get_user_model().objects.create_user("colleague", password="x", role="hq_operator")
    )
    assert settle in colleague.get(reverse("hq:access")).content.decode()
    colleague.post(settle)
    assert LookUpAlert.objects.get().settled_at is not None
