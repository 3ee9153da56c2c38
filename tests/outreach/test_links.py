from datetime import timedelta
from urllib.parse import parse_qs, urlparse

import pytest

from apps.core import clock
from apps.guide_tasks.services import evidence
from apps.outreach import services as outreach
from apps.outreach.models import DispatchRecipient, LinkClick, TrackedLink
from apps.outreach.selectors import taps_of
from apps.outreach.services.links import link_address, shared_pieces
from apps.outreach.views import make_state, state_holds
from apps.timeline.models import Kind, MemberEvent
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def friends(guide, simulator):
    return make.make_friends(guide, 2, simulator=simulator)


@pytest.fixture
def link(guide, friends):
    dispatch = make.request_send(guide, friends[:1], asset=make.make_asset())
    return TrackedLink.objects.get(dispatch=dispatch)


def test_a_tap_asks_wecom_who_it_is(client, link, simulator):
    answer = client.get(f"/l/{link.code}/")

    target = urlparse(answer["Location"])
    query = parse_qs(target.query)
    assert answer["Location"].startswith(simulator.url)
    assert query["redirect_uri"] == [f"http://testserver/l/{link.code}/"]
    assert query["state"][0].isalnum()
    assert len(query["state"][0]) <= 128


def test_taps_to_count_come_with_their_sends(link, friends, moment, django_assert_num_queries):
    ((_member, external), _other) = friends
    outreach.record_click(code=link.code, external_userid=external, now=moment)

    (click,) = outreach.take_identified_clicks(now=moment, limit=10)

    with django_assert_num_queries(0):
        assert click.recipient.dispatch.pk == link.dispatch_id


@pytest.mark.parametrize("state", sorted(DispatchRecipient.State.values))
def test_who_got_nothing_and_taps_a_forwarded_link_is_nobody(link, friends, moment, state):
    ((_member, external), _other) = friends
    DispatchRecipient.objects.filter(dispatch=link.dispatch_id).update(state=state)

    outreach.record_click(code=link.code, external_userid=external, now=moment)

    known = LinkClick.objects.get().recipient is not None
    assert known == (state in ("waiting", "delivered"))


@pytest.fixture
def reachable(live_server, settings, simulator):
    """Our host is the trusted domain of WeCom's app."""
    settings.PUBLIC_BASE_URL = live_server.url
    simulator.post(
        "/sim/corp",
        agents=[
            {
                "agentid": 1000002,
                "secret": "test-app-secret",
                "customer_contact": True,
                "trusted_domain": urlparse(live_server.url).netloc,
            }
        ],
    )
    return live_server.url


def test_an_identified_tap_is_proof_and_leads_to_the_page(reachable, link, friends, simulator):
    ((_member, external), (_other, forwarded_to)) = friends

    tapped = simulator.post(
        "/sim/links/tap", external_userid=external, url=f"{reachable}/l/{link.code}/"
    )

    assert (tapped["status"], urlparse(tapped["final_url"]).path) == (200, f"/l/{link.code}/page/")
    assert external not in str(tapped)
    assert LinkClick.objects.get().recipient.external_userid == external
    simulator.post(
        "/sim/links/tap", external_userid=forwarded_to, url=f"{reachable}/l/{link.code}/"
    )
    assert LinkClick.objects.order_by("pk").last().recipient is None


def test_who_opens_what_a_guide_passed_on_is_asked_too(reachable, guide, friends, simulator):
    """Into a chat or a group, by no send of ours: there is no receiver, and WeCom knows who."""
    piece = {"kind": "link", "title": "", "summary": "", "url": f"{reachable}/healthz/"}
    outreach.guide_pieces(pieces=[piece], guide_ids=[guide.pk], source="task_push:1")
    link = TrackedLink.objects.get(source="task_push:1")
    simulator.post("/sim/seed", customers=[{"external_userid": "wmStranger", "name": "路人"}])

    for ident in (friends[0][1], "wmStranger"):
        tapped = simulator.post(
            "/sim/links/tap", external_userid=ident, url=f"{reachable}/l/{link.code}/"
        )
        assert urlparse(tapped["final_url"]).query == f"link_code={link.code}"

    known, unknown = LinkClick.objects.order_by("pk")
    assert (known.member, known.recipient) == (friends[0][0], None)
    assert (unknown.member, unknown.recipient) == (None, None)


def test_who_opens_a_moments_link_is_asked_though_no_guide_is_named(
    reachable, guide, friends, simulator, django_assert_num_queries
):
    piece = {"kind": "link", "title": "", "summary": "", "url": f"{reachable}/healthz/"}
    shown = {"corp_id": guide.corp_id, "source": "task_push:9"}
    (coded,) = shared_pieces(pieces=[piece], **shown)
    link = TrackedLink.objects.get(source="task_push:9")
    assert coded["url"] == link_address(link.code)
    with django_assert_num_queries(1):  # made once
        assert shared_pieces(pieces=[piece], **shown) == [coded]
    with django_assert_num_queries(0):
        assert shared_pieces(pieces=[{"kind": "image"}], **shown) == [{"kind": "image"}]
    simulator.post("/sim/seed", customers=[{"external_userid": "wmPasser", "name": "路人"}])

    for ident in (friends[0][1], "wmPasser"):
        simulator.post("/sim/links/tap", external_userid=ident, url=f"{reachable}/l/{link.code}/")

    known, unknown = LinkClick.objects.order_by("pk")
    assert (known.member, unknown.member) == (friends[0][0], None)
    assert taps_of(source="task_push:9") == 2
    assert evidence.take_clicks(now=clock.now()) == 1
    told = MemberEvent.objects.get(member_id=friends[0][0].pk, kind=Kind.ENGAGED)
    assert told.payload["guide_id"] is None


def test_outside_wechat_the_page_shows_and_the_tap_counts_without_a_name(client, link, settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False

    page = client.get(f"/l/{link.code}/", follow=True)

    assert "秋冬新款到店" in page.content.decode()
    assert LinkClick.objects.get().recipient is None


def test_a_forged_or_old_state_identifies_nobody(client, link, simulator):
    good = make_state(link.code)
    with clock.at(clock.now() - timedelta(hours=1)):
        old = make_state(link.code)

    assert state_holds(link.code, good)
    for state in (old, make_state("another"), "", "zz", f"{good}0", "9" * 8 + "g" + "0" * 40):
        assert not state_holds(link.code, state)
        client.get(f"/l/{link.code}/", {"code": "whatever", "state": state})
    assert simulator.calls("auth/getuserinfo") == []
    assert not LinkClick.objects.filter(recipient__isnull=False).exists()


def test_a_code_that_wecom_refuses_still_shows_the_page(client, link):
    page = client.get(f"/l/{link.code}/", {"code": "used", "state": make_state(link.code)})

    assert page["Location"] == f"/l/{link.code}/page/"


def test_an_outside_address_is_where_the_link_leads(guide, friends):
    asset = make.make_asset(url="https://mall.example/new")
    dispatch = make.request_send(guide, friends, asset=asset)
    code = TrackedLink.objects.get(dispatch=dispatch).code

    target = outreach.record_click(code=code, external_userid=None, now=clock.now())

    assert target == f"https://mall.example/new?link_code={code}"


@pytest.mark.parametrize("asset", [None, {"valid_until": clock.now() - timedelta(days=1)}, {}])
def test_the_page_names_guide_and_store_and_no_customer(client, guide, friends, asset):
    made = None if asset is None else make.make_asset(**asset)
    dispatch = make.request_send(guide, friends, asset=made)
    code = TrackedLink.objects.get(dispatch=dispatch).code

    page = client.get(f"/l/{code}/page/").content.decode()

    assert guide.name in page
    assert "林晓雯" not in page
    assert friends[0][1] not in page


def test_an_unknown_link_is_404(client, db):
    assert client.get("/l/nothing/").status_code == 404
    assert client.get("/l/nothing/page/").status_code == 404
