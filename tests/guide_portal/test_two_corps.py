"""Two corps in one chain: each guide comes in by her corp's WeCom and works with its people."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.backends.cached_db import SessionStore
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core import clock
from apps.members.invites import make_invite
from apps.outreach import services as outreach
from apps.stores.models import Posting
from tests.factories import corps as second
from tests.factories.outreach import CORP, connect_corp, make_friends, make_posted_guide
from tests.guide_portal.test_sign_in import TODAY, local, where_wecom_sends

SIGN_IN = reverse("guide_portal:sign_in")
SIDEBAR = reverse("guide_portal:sidebar")
EXTERNAL = "wmSecondFriend001"


@pytest.fixture(autouse=True)
def corps(db, simulator):
    connect_corp()
    return second.connect_second(simulator)


@pytest.fixture
def guide(simulator):
    """A guide of the second corp with one friend."""
    return second.make_guide_of_second(simulator, externals=[EXTERNAL])


def phone_of(guide):
    """A browser's cookies at WeCom: it is this guide's phone, in her own corp."""
    return f"guide:{guide.wecom_userid}; sim_corp={guide.corp_id}"


def come_in(client, guide, onward=TODAY):
    to_wecom = client.get(SIGN_IN, {"corp": guide.corp_id, "next": onward})
    return client.get(local(where_wecom_sends(to_wecom.url, phone_of(guide))))


def signed_in(client):
    return client.get(TODAY).context["request"].actor


def test_a_guide_of_the_second_corp_comes_in_by_its_wecom_and_sees_her_page(guide):
    client = Client()

    back = come_in(client, guide)

    assert (back.status_code, back.url) == (302, TODAY)
    assert client.get(TODAY).status_code == 200
    assert signed_in(client).guide_id == guide.pk


def test_the_same_userid_in_both_corps_is_two_people(simulator):
    one = make_posted_guide("anna", simulator=simulator)
    other = second.make_guide_of_second(simulator, "anna")
    phones = {guide.pk: Client() for guide in (one, other)}

    for guide in (one, other):
        come_in(phones[guide.pk], guide)

    assert {pk: signed_in(client).guide_id for pk, client in phones.items()} == {
        one.pk: one.pk,
        other.pk: other.pk,
    }
    assert User.objects.count() == 2


def test_a_code_of_the_first_corp_at_the_door_of_the_second_is_refused_in_words(simulator):
    ours = make_posted_guide("anna", simulator=simulator)
    second.make_guide_of_second(simulator, "anna")
    client = Client()
    first = client.get(SIGN_IN, {"corp": CORP}).url
    code = parse_qs(urlsplit(where_wecom_sends(first, phone_of(ours))).query)["code"][0]
    to_second = client.get(SIGN_IN, {"corp": second.CORP}).url
    state = parse_qs(urlsplit(to_second).query)["state"][0]

    answer = client.get(reverse("guide_portal:sign_in_back"), {"code": code, "state": state})

    assert answer.status_code == 403
    assert "这次登录不是本企业的企微发出的" in answer.content.decode()
    assert not User.objects.exists()
    assert f"corp={second.CORP}" in answer.content.decode()  # once more, at the same door


def test_an_address_that_names_no_corp_asks_the_guide(guide):
    page = Client().get(SIGN_IN, {"next": SIDEBAR}).content.decode()

    for corp_id in (CORP, second.CORP):
        assert f'href="{SIGN_IN}?corp={corp_id}&amp;next=%2Fg%2Fsidebar%2F"' in page
    assert "二号企业" in page


def test_an_address_of_a_corp_that_is_not_connected_says_so(guide, corps):
    corps.is_active = False
    corps.save()

    assert come_in_refused(second.CORP)
    assert come_in_refused("wwnobody")
    assert Client().get(SIGN_IN).status_code == 302  # one is left, so nobody has to choose


def come_in_refused(corp_id):
    answer = Client().get(SIGN_IN, {"corp": corp_id})
    return answer.status_code == 403 and "没有接入" in answer.content.decode()


def test_the_sidebar_is_signed_by_her_corp_and_shows_her_corps_contact(guide, simulator):
    client = Client()
    come_in(client, guide, SIDEBAR)

    frame = client.get(SIDEBAR).content.decode()
    page = f"http://testserver{SIDEBAR}"
    signature = client.get(reverse("guide_portal:signature"), {"kind": "agent", "url": page})
    words = {"kind": "agentConfig", "url": page, **signature.json()}
    verdict = simulator.post(
        f"/sim/jssdk/verify?corp={second.CORP}",
        corpId=second.CORP, agentId=str(second.AGENT), **words,
    )  # fmt: skip
    elsewhere = simulator.post("/sim/jssdk/verify", corpId=CORP, agentId="1000002", **words)
    card = client.post(
        reverse("guide_portal:sidebar_contact"), {"external_userid": EXTERNAL},
        HTTP_HX_REQUEST="true",
    )  # fmt: skip

    assert f'data-corp="{second.CORP}" data-agent="{second.AGENT}"' in frame
    assert (verdict["ok"], elsewhere["ok"]) == (True, False)
    assert "林晓雯" in card.content.decode()


def test_a_contact_id_of_the_first_corp_is_nobody_in_the_second(guide, simulator):
    colleague = make_posted_guide(simulator=simulator)
    ((_member, external),) = make_friends(colleague, simulator=simulator)
    client = Client()
    come_in(client, guide)

    card = client.post(
        reverse("guide_portal:sidebar_contact"), {"external_userid": external},
        HTTP_HX_REQUEST="true",
    )  # fmt: skip

    assert "林晓雯" not in card.content.decode()


def test_a_card_leads_in_by_the_guides_own_corp(guide, simulator):
    outreach.queue_guide_notices(
        source="test:1", rows=[(guide.pk, "新任务", "8 位客户", TODAY)], now=clock.now()
    )
    outreach.send_notices(now=clock.now())

    phone = simulator.get(f"/sim/phones/guides/{guide.wecom_userid}?corp={second.CORP}")
    (card,) = phone["notices"]
    answer = Client().get(local(card["url"]))

    assert parse_qs(urlsplit(answer.url).query)["appid"] == [second.CORP]


def test_an_invitation_asks_the_wecom_of_the_guide_who_invites(guide):
    posting = Posting.objects.get(guide=guide)
    token = make_invite(guide_id=guide.pk, store_id=posting.store_id, now=clock.now())
    client = Client()

    asked = client.get(reverse("member_portal:join", args=[token]))
    who = f"customer:{EXTERNAL}; sim_corp={second.CORP}"
    back = client.get(local(where_wecom_sends(asked.url, who)))

    assert parse_qs(urlsplit(asked.url).query)["appid"] == [second.CORP]
    assert back.status_code == 302
    kept = SessionStore(session_key=client.cookies["scrm_member"].value)
    assert kept["member_seen"] == [second.CORP, EXTERNAL]
