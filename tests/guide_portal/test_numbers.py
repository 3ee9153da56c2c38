"""A manager asks for a customer's number: head office answers, one look, on the record, bounded."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.core import clock, pii
from apps.members.models import AccessRequest, LookUpAlert, Member, MemberIdentity
from apps.outreach.models import GuideNotice
from tests.factories.facts import make_member, make_phone


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


@pytest.fixture
def office(shop):
    user = get_user_model().objects.create_user("office", password="x", role="hq_operator")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def member(shop):
    return shop.members[0]


@pytest.fixture
def full(member):
    """Their number, as it is told in full."""
    number = f"+86{make_phone()}"
    MemberIdentity.objects.create(
        member=member,
        kind="phone",
        value_key=pii.value_key("phone", "", number),
        value_enc=pii.encrypt(number),
        last4=number[-4:],
    )
    return number


def ask(managers_phone, member, act, reason="after_sales"):
    answer = managers_phone.post(at("number", member.public_id), act(reason=reason), follow=True)
    return answer.content.decode()


def decide(office, grant="yes"):
    asked = AccessRequest.objects.for_phone().waiting().get()
    office.post(reverse("hq:decide_access", args=[asked.pk]), {"grant": grant})
    return asked


def look(managers_phone, member, act):
    return managers_phone.post(at("show_number", member.public_id), act(), follow=True)


def test_head_office_allows_one_look_and_the_number_stands_in_that_answer_alone(
    shop, managers_phone, office, member, full, act
):
    card = managers_phone.get(at("customer", member.public_id)).content.decode()
    assert at("number", member.public_id) in card
    assert full[-11:] not in card
    assert "总部还没有答复" in ask(managers_phone, member, act)
    ask(managers_phone, member, act)  # a second request is the first one
    page = office.get(reverse("hq:access")).content.decode()
    assert "手机号" in page
    assert "同意看一次" in page

    asked = decide(office)
    notice = GuideNotice.objects.get(guide=shop.manager)
    assert notice.path == at("number", member.public_id)
    before = managers_phone.get(notice.path).content.decode()
    assert full[-11:] not in before
    answer = look(managers_phone, member, act)

    assert full in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert answer["Refresh"] == f"60; url={at('number', member.public_id)}"
    asked.refresh_from_db()
    assert asked.used_at is not None
    again = look(managers_phone, member, act).content.decode()
    assert full[-11:] not in again
    assert "请重新申请" in again
    kept = AuditEntry.objects.filter(action__startswith="member.phone").order_by("pk")
    assert [one.action for one in kept] == [
        "member.phone_asked", "member.phone_granted", "member.phone_unmasked",
    ]  # fmt: skip
    assert kept[2].actor == f"guide:{shop.manager.pk}"
    assert kept[2].detail["reason"] == f"after_sales: {asked.pk}"
    assert full[-11:] not in str([one.detail for one in kept])


def test_refused_or_a_day_later_there_is_nothing_to_see(managers_phone, office, member, full, act):
    ask(managers_phone, member, act)
    decide(office, grant="no")
    assert full[-11:] not in look(managers_phone, member, act).content.decode()

    ask(managers_phone, member, act)
    decide(office)
    with clock.at(clock.now() + timedelta(hours=25)):
        assert full[-11:] not in look(managers_phone, member, act).content.decode()


def test_nobody_in_the_store_answers_and_a_grant_opens_no_card(shop, managers_phone, member, act):
    ask(managers_phone, member, act)
    asked = AccessRequest.objects.get()
    assert not GuideNotice.objects.filter(guide=shop.manager).exists()
    assert at("decide_access", asked.pk) not in managers_phone.get(at("approvals")).content.decode()
    managers_phone.post(at("decide_access", asked.pk), act(grant="yes"))
    asked.refresh_from_db()
    assert asked.state == "waiting"

    stranger = make_member()
    AccessRequest.objects.filter(pk=asked.pk).update(
        member=stranger, state="granted", expires_at=clock.now() + timedelta(hours=1)
    )
    assert managers_phone.get(at("customer", stranger.public_id)).status_code == 404
    assert look(managers_phone, stranger, act).status_code == 404


def test_a_region_manager_may_not_grant_what_they_may_not_see(
    shop, lead, managers_phone, member, act
):
    ask(managers_phone, member, act)
    board = Client(HTTP_REFERER="http://testserver/admin/")
    board.force_login(lead)
    asked = AccessRequest.objects.get()
    board.post(reverse("hq:decide_access", args=[asked.pk]), {"grant": "yes"})
    asked.refresh_from_db()
    assert asked.state == "waiting"


def test_a_guide_neither_asks_nor_sees_and_other_stores_are_not_there(
    shop, phone, managers_phone, member, act
):
    card = phone.get(at("customer", member.public_id)).content.decode()
    assert at("number", member.public_id) not in card
    assert phone.get(at("number", member.public_id)).status_code == 403
    assert look(phone, member, act).status_code == 403
    assert managers_phone.get(at("number", make_member().public_id)).status_code == 404


def test_beyond_the_days_limit_nothing_is_shown_the_grant_stays_and_head_office_is_told(
    shop, managers_phone, office, member, full, act, settings
):
    settings.UNMASK_DAILY_LIMIT = 0
    ask(managers_phone, member, act)
    asked = decide(office)

    assert full[-11:] not in look(managers_phone, member, act).content.decode()

    alert = LookUpAlert.objects.get()
    assert alert.guide == shop.manager
    asked.refresh_from_db()
    assert asked.used_at is None


def test_an_erased_customer_has_no_number(managers_phone, office, member, act):
    ask(managers_phone, member, act)
    decide(office)
    Member.objects.filter(pk=member.pk).update(erased_at=clock.now())
    assert not AuditEntry.objects.filter(action="member.phone_unmasked").exists()
    look(managers_phone, member, act)
    assert not AuditEntry.objects.filter(action="member.phone_unmasked").exists()


def test_the_page_asks_as_often_for_many_requests_as_for_few(shop, managers_phone, member, act):
    address = at("number", member.public_id)
    managers_phone.get(address)
    with CaptureQueriesContext(connection) as few:
        managers_phone.get(address)
    for one in (*shop.members, *shop.others_members):
        ask(managers_phone, one, act)
    with CaptureQueriesContext(connection) as many:
        managers_phone.get(address)
    assert len(many) == len(few) <= 12
