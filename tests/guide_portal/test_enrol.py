"""开卡: the guide shows a code and sees who is new; nobody learns who was a member before."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members import services as members
from apps.members.invites import make_invite
from tests.factories.facts import make_phone
from tests.member_portal.conftest import form

pytestmark = pytest.mark.django_db

PAGE = reverse("guide_portal:enrol")
LIVE = reverse("guide_portal:enrol_live")


@pytest.fixture(autouse=True)
def _no_question(settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    settings.SMS_SENDER = "apps.outreach.sms_gateway.HttpGateway"


def join(shop, phone):
    token = make_invite(guide_id=shop.guide.pk, store_id=shop.store.pk, now=clock.now())
    return Client().post(reverse("member_portal:join", args=[token]), form(phone))


def live(phone, now):
    return phone.get(LIVE, {"since": int(now.timestamp())})


def test_who_joins_appears_by_itself_masked(shop, phone):
    page = phone.get(PAGE).content.decode()
    assert 'data-count="0"' in page
    assert "data:image/svg+xml" in page
    number = make_phone()

    join(shop, number)

    shown = live(phone, shop.now).content.decode()
    assert 'data-count="1"' in shown
    assert f"{number[:3]}****{number[-4:]}" in shown
    assert number not in shown


def test_a_known_number_shows_nowhere_before_or_after(shop, phone):
    number = make_phone()
    row = members.MemberRow(
        identities=[("phone", "", number)], name="周若曦", joined_at=shop.now - timedelta(days=9)
    )
    members.resolve_members(rows=[row], now=shop.now, source="pos", actor=SYSTEM)

    join(shop, number)

    assert 'data-count="0"' in live(phone, shop.now).content.decode()


def test_the_invitation_on_the_page_opens_and_holds_no_name(shop, phone):
    page = phone.get(PAGE).content.decode()
    address = re.search(r"http://testserver(/m/join/\w+/)", page)[1]

    assert Client().get(address).status_code == 200


def test_an_old_page_renews_its_invitation(shop, phone):
    answer = live(phone, shop.now - timedelta(hours=1, minutes=1))

    assert answer.headers["HX-Refresh"] == "true"


def test_the_page_asks_the_same_questions_for_one_and_for_many(
    shop, phone, django_assert_max_num_queries
):
    join(shop, make_phone())
    phone.get(PAGE)
    with django_assert_max_num_queries(12) as few:
        phone.get(PAGE)
    for _one in range(5):
        join(shop, make_phone())
    with django_assert_max_num_queries(12) as more:
        phone.get(PAGE)

    assert len(few) == len(more)
