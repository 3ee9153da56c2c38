"""Head office signs in with a scan: this browser's, once, active people of head office only."""

from datetime import timedelta
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.wecom.models import Corp
from tests.factories import corps
from tests.factories import outreach as make
from tests.hq.conftest import make_user

START, BACK, LOGIN = reverse("hq:wecom_sign_in"), reverse("hq:wecom_sign_in_back"), "/admin/login/"
USERID = "hq_hejing"


@pytest.fixture
def world(db, simulator):
    make.connect_corp()
    simulator.post(
        "/sim/seed",
        departments=[{"id": 1, "name": "总部"}],
        users=[{"userid": USERID, "name": "何静", "department": [1]}],
    )
    return simulator


@pytest.fixture
def person(db):
    user = make_user(Role.HQ_ADMIN)
    user.wecom_userid = USERID
    user.save()
    return user


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def way_back(url):
    with pytest.raises(HTTPError) as sent:
        build_opener(Stay).open(url, timeout=10)
    with sent.value as answer:
        return answer.headers["Location"]


@pytest.fixture
def scan(world):
    """Go to WeCom's page and scan with this account; returns the way back."""

    def one(client, onward="", userid=USERID):
        there = client.get(f"{START}?{urlencode({'next': onward})}").url
        assert there.startswith(f"{world.url}/wwlogin/sso/login")
        query = {**dict(parse_qsl(urlsplit(there).query)), "scanned_by": userid}
        back = way_back(f"{world.url}/wwlogin/sso/login?{urlencode(query)}")
        return f"{BACK}?{urlsplit(back).query}"

    return one


def signed_in(client):
    return client.session.get("_auth_user_id")


def test_a_scan_lets_the_person_in_and_leads_on(scan, person, client):
    answer = client.get(scan(client, "/admin/wecom/health/"))

    assert answer.url == "/admin/wecom/health/"
    assert signed_in(client) == str(person.pk)
    assert AuditEntry.objects.get(action="account.wecom_sign_in").object_id == str(person.pk)


def test_the_sign_in_page_offers_it(world, client):
    page = client.get(f"{LOGIN}?next=/admin/reports/").content.decode()

    assert "企业微信扫码登录" in page
    assert f"{START}?next=/admin/reports/" in page


def test_a_way_back_works_once(scan, person, client):
    back = scan(client)
    client.get(back)
    client.logout()

    answer = client.get(back, follow=True)

    assert signed_in(client) is None
    assert "请重新扫码" in answer.content.decode()


def test_another_browsers_scan_is_nobodys(scan, person, client):
    back = scan(client)

    other = Client()
    other.get(back)

    assert signed_in(other) is None


def test_a_scan_after_ten_minutes_is_too_late(scan, person, client):
    back = scan(client)
    with clock.at(clock.now() + timedelta(minutes=11)):
        client.get(back)

    assert signed_in(client) is None


@pytest.mark.parametrize(
    "change",
    [{"is_active": False}, {"wecom_userid": ""}, {"role": Role.GUIDE}],
    ids=["left", "not entered", "a guide"],
)
def test_who_is_no_active_person_of_head_office_stays_out(scan, person, client, change):
    for name, value in change.items():
        setattr(person, name, value)
    person.save()

    answer = client.get(scan(client), follow=True)

    assert signed_in(client) is None
    assert "不属于总部" in answer.content.decode()
    entry = AuditEntry.objects.get(action="account.wecom_sign_in_refused")
    assert entry.detail == {"reason": "not_of_head_office"}


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "/g/", LOGIN])
def test_it_leads_to_pages_of_head_office_only(scan, person, client, onward):
    assert client.get(scan(client, onward)).url == "/admin/"


def test_when_wecom_does_not_answer_the_page_says_so(world, scan, person, client):
    back = scan(client)
    world.post("/sim/faults", path="auth/getuserinfo", errcode=-1, times=1)

    answer = client.get(back, follow=True)

    assert signed_in(client) is None
    assert "没有确认扫码的人" in answer.content.decode()


def test_without_a_corp_the_page_says_so(db, client):
    answer = client.get(START, follow=True)

    assert answer.redirect_chain[-1][0] == LOGIN
    assert "还没有" in answer.content.decode()


@pytest.fixture
def second_corp(world):
    """Another corp, in which somebody has the same WeCom user id."""
    corps.connect_second(world)
    world.post(
        f"/sim/seed?corp={corps.CORP}",
        departments=[{"id": 1, "name": "总部"}],
        users=[{"userid": USERID, "name": "许文博", "department": [1]}],
    )
    return corps.CORP


def scan_in(client, world, corp_id):
    there = client.get(START, {"corp": corp_id, "next": "/admin/"}).url
    assert dict(parse_qsl(urlsplit(there).query))["appid"] == corp_id
    query = {**dict(parse_qsl(urlsplit(there).query)), "scanned_by": USERID}
    back = way_back(f"{world.url}/wwlogin/sso/login?{urlencode(query)}")
    return client.get(f"{BACK}?{urlsplit(back).query}", follow=True)


def test_each_corp_has_its_button(second_corp, client):
    page = client.get(LOGIN).content.decode()

    for corp_id in (second_corp, make.CORP):
        assert f"{START}?corp={corp_id}&amp;next=" in page
    assert "用「二号企业」的企微扫码登录" in page


def test_the_same_account_in_another_corp_is_somebody_else(second_corp, world, person, client):
    answer = scan_in(client, world, second_corp)

    assert signed_in(client) is None
    assert "不属于总部" in answer.content.decode()


def test_who_is_in_the_second_corp_comes_in_by_its_code_alone(second_corp, world, person, client):
    colleague = make_user(Role.HQ_OPERATOR)
    colleague.wecom_userid, colleague.wecom_corp_id = USERID, second_corp
    colleague.save()

    scan_in(client, world, second_corp)
    assert signed_in(client) == str(colleague.pk)
    client.logout()
    scan_in(client, world, make.CORP)
    assert signed_in(client) == str(person.pk)


def test_who_names_no_corp_stays_in_the_first_even_when_it_is_off(
    second_corp, world, person, client
):
    Corp.objects.filter(corp_id=make.CORP).update(is_active=False)

    scan_in(client, world, second_corp)

    assert signed_in(client) is None
