"""In without a password: WeCom says who taps, and only an active, posted guide gets in."""

import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core import clock
from apps.guide_portal.sign_in import safe_next
from apps.outreach.services.notices import door_of
from apps.stores.models import Posting
from apps.stores.services import guide_leaves
from tests.factories.outreach import connect_corp, make_friends, make_posted_guide

TODAY = "/g/"
STAY = "/g/customers/?show=away"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def where_wecom_sends(address, who):
    """The Location of WeCom's answer to a browser that belongs to this person."""
    request = urllib.request.Request(address.split("#")[0], headers={"Cookie": f"sim_as={who}"})
    try:
        urllib.request.build_opener(_Stay).open(request, timeout=10)
    except urllib.error.HTTPError as answer:
        return answer.headers["Location"]
    raise AssertionError("WeCom sent nobody anywhere.")


def local(address):
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def come_in(client, who, onward=TODAY):
    """Open a page, go where it sends us, come back with the code."""
    start = client.get(onward)
    to_wecom = client.get(start.url)
    return client.get(local(where_wecom_sends(to_wecom.url, who)))


@pytest.fixture
def corp(db):
    return connect_corp()


@pytest.fixture
def guide(corp, simulator):
    return make_posted_guide(simulator=simulator)


def test_a_guide_lands_signed_in_on_the_page_that_was_tapped(guide):
    client = Client()

    back = come_in(client, f"guide:{guide.wecom_userid}", STAY)

    assert (back.status_code, back.url) == (302, STAY)
    assert client.get(STAY).status_code == 200
    guide.refresh_from_db()
    assert guide.user.role == "guide"
    assert not guide.user.has_usable_password()


def test_a_colleagues_tap_on_a_shared_phone_signs_the_colleague_in(guide, simulator):
    client = Client()
    come_in(client, f"guide:{guide.wecom_userid}")
    colleague = make_posted_guide(simulator=simulator)

    to_wecom = client.get(local(door_of(TODAY, guide.corp_id)))
    back = client.get(local(where_wecom_sends(to_wecom.url, f"guide:{colleague.wecom_userid}")))

    assert back.url == TODAY
    assert client.get(TODAY).context["request"].actor.guide_id == colleague.pk


def test_a_manager_is_signed_in_as_manager(guide):
    Posting.objects.filter(guide=guide).update(role="store_manager")
    client = Client()

    come_in(client, f"guide:{guide.wecom_userid}")

    assert client.get(reverse("guide_portal:team")).status_code == 200


def test_signing_in_again_makes_no_second_user(guide):
    for _time in range(2):
        come_in(Client(), f"guide:{guide.wecom_userid}")

    assert User.objects.count() == 1


def test_a_customer_is_told_that_this_is_for_guides(guide, simulator):
    ((_member, external),) = make_friends(guide, simulator=simulator)
    client = Client()

    back = come_in(client, f"customer:{external}")

    assert back.status_code == 403
    assert client.get(TODAY).status_code == 302
    assert not User.objects.exists()


def test_a_guide_who_left_does_not_get_in(guide):
    now = clock.now()
    guide_leaves(guide=guide, now=now, on=clock.business_day(now))

    refused = come_in(Client(), f"guide:{guide.wecom_userid}")

    assert refused.status_code == 403
    page = refused.content.decode()  # in WeCom already: told why, not where to go
    assert "暂时不能登录" in page
    assert "请在企业微信里打开" not in page


def test_a_guide_without_a_posting_today_does_not_get_in(guide):
    Posting.objects.all().delete()

    assert come_in(Client(), f"guide:{guide.wecom_userid}").status_code == 403


def test_a_code_works_once(guide):
    client = Client()
    to_wecom = client.get(client.get(TODAY).url)
    back = local(where_wecom_sends(to_wecom.url, f"guide:{guide.wecom_userid}"))
    client.get(back)
    client.cookies.clear()

    assert client.get(back).status_code == 403
    assert client.get(TODAY).status_code == 302


def test_a_code_from_somebody_elses_question_is_not_taken(guide):
    other = Client()
    to_wecom = other.get(other.get(TODAY).url)
    back = local(where_wecom_sends(to_wecom.url, f"guide:{guide.wecom_userid}"))
    victim = Client()
    victim.get(victim.get(TODAY).url)

    assert victim.get(back).status_code == 403


@pytest.mark.parametrize(
    "bad", ["https://evil.example/g/", "//evil.example/g/", "/admin/", "/g/sign-out/", "/g\\x", ""]
)
def test_the_way_on_stays_inside(bad):
    assert safe_next(bad) == TODAY


def test_outside_wecom_the_page_says_so_with_a_code_to_scan(corp, settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False

    page = Client().get(reverse("guide_portal:sign_in"), {"next": STAY})
    inside = Client(HTTP_USER_AGENT="Mozilla/5.0 wxwork/4.1 MicroMessenger/7.0")

    assert page.status_code == 403
    assert "data:image/svg+xml" in page.content.decode()
    assert inside.get(reverse("guide_portal:sign_in")).status_code == 302


def test_a_form_whose_session_ran_out_leads_to_sign_in_and_back_to_its_page(corp):
    client = Client(enforce_csrf_checks=True)
    page = "http://testserver/g/targets/1/"

    answer = client.post("/g/targets/1/send/", {}, HTTP_REFERER=page)

    assert answer.status_code == 302
    assert answer.url.endswith("?next=%2Fg%2Ftargets%2F1%2F")


def test_wecom_silent_is_said_in_words(corp, settings):
    settings.WECOM_API_BASE = "http://127.0.0.1:9/cgi-bin/"
    client = Client()
    state = client.get(client.get(TODAY).url).url.split("state=")[1].split("&")[0]

    answer = client.get(reverse("guide_portal:sign_in_back"), {"code": "x", "state": state})

    assert answer.status_code == 403
    assert "127.0.0.1" not in answer.content.decode()


def test_pages_are_signed_for_the_sdk_and_strangers_pages_are_not(guide, simulator):
    client = Client()
    come_in(client, f"guide:{guide.wecom_userid}")
    address = reverse("guide_portal:signature")
    page = "http://testserver/g/sidebar/"

    signed = client.get(address, {"kind": "agent", "url": page}).json()
    verdict = simulator.post(
        "/sim/jssdk/verify",
        kind="agentConfig",
        url=page,
        corpId=guide.corp_id,
        agentId="1000002",
        **signed,
    )

    assert verdict["ok"] is True
    for bad in ("http://evil.example/g/", "http://testserver/admin/", "nonsense"):
        assert client.get(address, {"kind": "agent", "url": bad}).status_code == 400
