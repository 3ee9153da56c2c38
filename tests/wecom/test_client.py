import json
import threading
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from redis import Redis

from apps.wecom import client as wecom
from apps.wecom import services
from apps.wecom.errors import (
    CorpNotConfigured,
    NoAnswer,
    RateLimited,
    Refused,
    TokenExpired,
    Unreachable,
)
from apps.wecom.models import Corp, CorpApp
from apps.wecom.shapes import SendStatus, TextCard

GUIDE, OTHER_GUIDE, CUSTOMER, STRANGER = "guide_01", "Guide_02", "wmCustomer01", "wmStranger01"
SEND = "externalcontact/add_msg_template"
FOLLOWERS = "externalcontact/get_follow_user_list"


@pytest.fixture
def chain(simulator):
    """A corp with two guides and one customer, a friend of the first."""
    simulator.post(
        "/sim/seed",
        departments=[
            {"id": 1, "name": "总部", "parentid": 0, "order": 1},
            {"id": 2, "name": "华东", "parentid": 1, "order": 2},
        ],
        users=[
            {"userid": GUIDE, "name": "林", "department": [2], "position": "导购", "status": 1},
            {"userid": OTHER_GUIDE, "name": "王", "department": [2], "position": "", "status": 1},
        ],
        customers=[
            {
                "external_userid": CUSTOMER,
                "name": "陈",
                "gender": 2,
                "unionid": "union01",
                "follows": [
                    {
                        "userid": GUIDE,
                        "createtime": 1767225600,
                        "remark": "老客",
                        "state": "store_1",
                        "add_way": 1,
                        "remark_mobiles": ["19900000001"],
                    }
                ],
            },
            {"external_userid": STRANGER, "name": "赵", "gender": 1, "follows": []},
        ],
    )
    return simulator


@pytest.fixture
def wc(db, chain):
    services.ensure_demo_corp()
    yield wecom.client_for()
    chain.post("/sim/faults/clear")


def calls(simulator, path):
    return [call for call in simulator.calls() if call["path"].endswith(path)]


def fault(simulator, path, times=1, **what):
    simulator.post("/sim/faults", path=path, times=times, **what)


# -- tokens -------------------------------------------------------------------------------------


def test_without_a_corp_there_is_no_client(db):
    with pytest.raises(CorpNotConfigured):
        wecom.client_for()


def test_the_token_is_asked_for_once_and_kept(wc, chain):
    wc.list_follow_userids()
    wecom.client_for().list_follow_userids()

    assert len(calls(chain, "gettoken")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("start", ["empty", "expired"])
def test_eight_workers_without_a_good_token_ask_for_one(wc, chain, start):
    if start == "expired":
        wc.list_follow_userids()
        chain.post("/sim/tokens/expire")
    before = len(calls(chain, "gettoken"))
    gate, got = threading.Barrier(8), []

    def work():
        worker = wecom.WeComClient(
            corp_id=wc.corp_id,
            secret=wc.secret,
            agent_id=wc.agent_id,
            redis=Redis.from_url(django_settings.CACHE_URL),
        )
        gate.wait()
        got.append(worker.list_follow_userids())
        worker.redis.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 8
    assert len(calls(chain, "gettoken")) - before == 1


@pytest.mark.parametrize("errcode", [40014, 42001])
def test_a_refused_token_is_renewed_once_and_the_call_repeated(wc, chain, errcode):
    wc.list_follow_userids()
    fault(chain, FOLLOWERS, errcode=errcode)

    assert GUIDE in wc.list_follow_userids()
    assert len(calls(chain, "gettoken")) == 2


def test_a_token_refused_for_ever_ends_after_two_requests(wc, chain):
    fault(chain, FOLLOWERS, times=50, errcode=40014)

    with pytest.raises(TokenExpired) as caught:
        wc.list_follow_userids()

    assert len(calls(chain, FOLLOWERS)) == 2
    assert not caught.value.outcome_unknown


def test_two_secrets_with_the_same_beginning_share_no_token(wc):
    twin = wecom.WeComClient(corp_id=wc.corp_id, secret=f"{wc.secret}x", agent_id=9, redis=wc.redis)

    assert twin.access_token_key != wc.access_token_key
    with pytest.raises(Refused):
        twin.list_follow_userids()


def test_a_wrong_secret_is_a_refusal_that_does_not_tell_the_secret(db, chain):
    services.ensure_demo_corp()
    bad = wecom.WeComClient(
        corp_id=Corp.objects.get().corp_id,
        secret="very-secret",
        agent_id=1,
        redis=wecom.shared_cache(),
    )

    with pytest.raises(Refused) as caught:
        bad.list_follow_userids()

    assert caught.value.errcode in {40001, 40091}
    assert "very-secret" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__suppress_context__


# -- what can go wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("errcode", [45009, 45033])
def test_limits_are_told_and_not_hammered(wc, chain, errcode):
    fault(chain, SEND, times=5, errcode=errcode)

    with pytest.raises(RateLimited) as caught:
        wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    assert caught.value.retry_after > 0
    assert not caught.value.outcome_unknown
    assert len(calls(chain, SEND)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", [{"http_status": 500}, {"http_status": 502}, {"drop_connection": True}]
)
def test_no_answer_to_a_send_is_unknown_and_never_repeated(wc, chain, what):
    fault(chain, SEND, times=5, after_effect=True, **what)

    with pytest.raises(NoAnswer) as caught:
        wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    assert caught.value.outcome_unknown
    assert len(calls(chain, SEND)) == 1
    assert "access_token" not in str(caught.value)
    start = datetime.now(UTC) - timedelta(hours=1)
    listed = wc.list_mass_sends(start=start, end=datetime.now(UTC) + timedelta(minutes=1))
    assert [row.text for row in listed] == ["hi"]


@pytest.mark.slow
def test_no_answer_in_time_is_unknown(wc, chain, monkeypatch):
    monkeypatch.setattr(wc, "timeout", (5, 0.3))
    fault(chain, SEND, delay_ms=1500)

    with pytest.raises(NoAnswer) as caught:
        wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    assert caught.value.outcome_unknown


def test_no_answer_to_a_question_leaves_nothing_unknown(wc, chain):
    fault(chain, FOLLOWERS, http_status=500)

    with pytest.raises(NoAnswer) as caught:
        wc.list_follow_userids()

    assert not caught.value.outcome_unknown
    assert caught.value.retryable


def test_a_closed_door_means_nothing_was_done(wc, settings):
    wc.list_follow_userids()
    settings.WECOM_API_BASE = "http://127.0.0.1:9/cgi-bin/"

    with pytest.raises(Unreachable) as caught:
        wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    assert not caught.value.outcome_unknown


def test_no_token_means_nothing_was_done(wc, chain):
    fault(chain, "gettoken", http_status=500)

    with pytest.raises(Unreachable):
        wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    assert not calls(chain, SEND)


@pytest.mark.slow
def test_a_busy_wecom_is_asked_three_times_and_no_more(wc, chain):
    fault(chain, FOLLOWERS, times=2, errcode=-1)
    assert GUIDE in wc.list_follow_userids()

    fault(chain, FOLLOWERS, times=9, errcode=-1)
    with pytest.raises(Refused) as caught:
        wc.list_follow_userids()

    assert caught.value.retryable
    assert len(calls(chain, FOLLOWERS)) == 3 + 3


def test_a_busy_answer_to_a_send_is_a_refusal(wc, chain):
    fault(chain, SEND, errcode=-1)

    with pytest.raises(Refused) as caught:
        wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    assert (caught.value.outcome_unknown, caught.value.retryable) == (False, True)
    assert len(calls(chain, SEND)) == 1


def test_calls_are_counted_by_how_they_ended(wc, chain):
    wc.list_follow_userids()
    fault(chain, FOLLOWERS, errcode=45009)
    with pytest.raises(RateLimited):
        wc.list_follow_userids()

    counts = wecom.call_counts()

    assert (counts[FOLLOWERS, "ok"], counts[FOLLOWERS, "45009"]) == (1, 1)


# -- mass sends ---------------------------------------------------------------------------------


def test_a_mass_send_waits_for_the_guide_and_reports_each_customer(wc, chain):
    made = wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="新款到店")

    (waiting,) = wc.list_send_tasks(msgid=made.msgid)
    assert (waiting.userid, waiting.sent, waiting.sent_at) == (GUIDE, False, None)

    chain.post("/sim/sends/confirm", userid=GUIDE, msgid=made.msgid)

    (task,) = wc.list_send_tasks(msgid=made.msgid)
    (result,) = wc.list_send_results(msgid=made.msgid, userid=GUIDE)
    assert task.sent
    assert (result.external_userid, result.userid) == (CUSTOMER, GUIDE)
    assert result.status is SendStatus.SENT
    assert result.sent_at.tzinfo is not None


def test_somebody_who_is_no_friend_is_left_out(wc):
    made = wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER, STRANGER], text="hi")
    assert made.failed == (STRANGER,)

    with pytest.raises(Refused) as caught:
        wc.create_mass_send(sender=GUIDE, external_userids=[STRANGER], text="hi")
    assert (caught.value.errcode, caught.value.retryable) == (41048, False)


def test_mass_sends_are_listed_over_more_than_a_month(wc, chain):
    made = wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")
    now = datetime.now(UTC)

    listed = wc.list_mass_sends(start=now - timedelta(days=70), end=now + timedelta(hours=1))

    assert [(row.msgid, row.text) for row in listed] == [(made.msgid, "hi")]
    assert len(calls(chain, "externalcontact/get_groupmsg_list_v2")) == 3


def test_a_mass_send_can_be_nudged_and_stopped(wc, chain):
    made = wc.create_mass_send(sender=GUIDE, external_userids=[CUSTOMER], text="hi")

    wc.remind_mass_send(msgid=made.msgid)
    wc.cancel_mass_send(msgid=made.msgid)

    with pytest.raises(Refused) as caught:
        wc.remind_mass_send(msgid=made.msgid)
    assert caught.value.errcode == 41093


@pytest.mark.parametrize(
    ("customers", "text"), [([], "hi"), ([CUSTOMER] * 10_001, "hi"), ([CUSTOMER], "字" * 1334)]
)
def test_what_wecom_would_not_take_is_not_sent(wc, chain, customers, text):
    with pytest.raises(Refused):
        wc.create_mass_send(sender=GUIDE, external_userids=customers, text=text)

    assert not calls(chain, SEND)


# -- notices, departments, customers ------------------------------------------------------------


def test_a_card_reaches_the_guide_s_phone_and_unknown_members_come_back(wc, chain):
    card = TextCard(
        title="新任务", description="8 位顾客", url="https://scrm.test/g/", button="去看"
    )

    result = wc.send_notice(userids=[GUIDE, OTHER_GUIDE, "Nobody"], card=card)

    assert result.msgid
    assert result.invalid == ("Nobody",)
    notices = json.dumps(chain.get(f"/sim/phones/guides/{GUIDE}")["notices"], ensure_ascii=False)
    assert "新任务" in notices
    assert "https://scrm.test/g/" in notices


def test_a_card_for_nobody_known_is_refused(wc):
    card = TextCard(title="a", description="b", url="https://scrm.test/g/")

    with pytest.raises(Refused) as caught:
        wc.send_notice(userids=["nobody"], card=card)

    assert caught.value.errcode == 81013


def test_departments_and_their_members(wc):
    departments = {department.id: department for department in wc.list_departments()}
    members = {member.userid: member for member in wc.list_department_members(2)}

    assert (departments[2].name, departments[2].parent_id) == ("华东", 1)
    assert members[GUIDE].position == "导购"
    assert members[GUIDE].departments == (2,)
    assert members[GUIDE].status == 1


def test_customers_of_a_guide_with_their_friendship(wc):
    page = wc.list_contacts_of([GUIDE])

    ((contact, follow),) = page.items
    assert page.next_cursor == ""
    assert (contact.external_userid, contact.unionid, contact.gender) == (CUSTOMER, "union01", 2)
    assert (follow.userid, follow.state, follow.add_way) == (GUIDE, "store_1", 1)
    assert follow.created_at == datetime.fromtimestamp(1767225600, tz=UTC)
    assert follow.remark_mobiles == ("19900000001",)
    assert wc.list_contacts_of([OTHER_GUIDE]).items == ()


def test_pages_of_customers_come_to_an_end(wc, chain):
    chain.post(
        "/sim/seed",
        departments=[],
        users=[],
        customers=[
            {
                "external_userid": f"wmMany{number:03}",
                "name": "客",
                "gender": 0,
                "follows": [{"userid": OTHER_GUIDE, "createtime": 1767225600}],
            }
            for number in range(230)
        ],
    )
    found, cursor = set(), ""
    while True:
        page = wc.list_contacts_of([OTHER_GUIDE], cursor)
        found |= {contact.external_userid for contact, _follow in page.items}
        cursor = page.next_cursor
        if not cursor:
            break

    assert len(found) == 230


def test_one_customer_with_everyone_who_follows(wc):
    detail = wc.get_contact(CUSTOMER)

    assert detail.contact.external_userid == CUSTOMER
    assert [follow.userid for follow in detail.follows] == [GUIDE]


# -- who is it, and the JS-SDK ------------------------------------------------------------------


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


def code_for(who, url):
    """What the browser of `who` brings back from the authorize page."""
    opener = urllib.request.build_opener(_StayHere)
    request = urllib.request.Request(url.split("#")[0], headers={"Cookie": f"sim_as={who}"})
    try:
        answer = opener.open(request, timeout=10)
    except urllib.error.HTTPError as redirect:
        answer = redirect
    with answer:
        target = urllib.parse.urlsplit(answer.headers["Location"])
    query = urllib.parse.parse_qs(target.query)
    assert query["state"] == ["state1"]
    return query["code"][0]


@pytest.mark.parametrize(
    ("who", "userid", "external_userid"),
    [(f"guide:{GUIDE}", GUIDE, None), (f"customer:{CUSTOMER}", None, CUSTOMER)],
)
def test_a_code_names_who_tapped_and_works_once(wc, who, userid, external_userid):
    url = wecom.authorize_url("http://testserver/g/enter/?next=%2Fg%2F", "state1")
    assert url.endswith("#wechat_redirect")
    code = code_for(who, url)

    user = wc.oauth_user(code)

    assert user.userid == userid
    assert user.external_userid == external_userid
    with pytest.raises(Refused):
        wc.oauth_user(code)


def test_page_signatures_hold_for_both_tickets_and_tickets_are_kept(wc, chain):
    page = "http://testserver/g/sidebar/?a=1#top"

    first, again = wc.config_signature(page), wc.config_signature(page)
    agent = wc.agent_config_signature(page)

    assert set(first) == {"timestamp", "nonceStr", "signature", "corpId", "agentId"}
    assert first["corpId"] == wc.corp_id
    assert agent["agentId"] == CorpApp.objects.get().agent_id
    assert first["nonceStr"] != again["nonceStr"]
    for kind, signed in (("config", first), ("agentConfig", agent)):
        verdict = chain.post("/sim/jssdk/verify", kind=kind, url=page.split("#")[0], **signed)
        assert verdict["ok"], verdict
    assert len(calls(chain, "get_jsapi_ticket")) == 1
    assert len(calls(chain, "ticket/get")) == 1


def test_the_qr_page_knows_the_app(wc, chain):
    url = wecom.login_url("http://testserver/admin/enter/", "state2")

    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200
    assert url.startswith(f"{chain.url}/wwlogin/sso/login?")


def test_a_tree_too_large_for_one_answer_is_read_branch_by_branch(wc, simulator):
    whole = {one.id: one for one in wc.list_departments()}
    more = [{"id": 100 + n, "name": f"店{n}", "parentid": 2} for n in range(6)]
    simulator.post("/sim/seed", departments=more)
    simulator.post("/sim/switches", departments_most=3)

    found = wc.list_departments()

    assert {one.id for one in found} == whole.keys() | {row["id"] for row in more}
    assert len(found) == len({one.id for one in found})
    assert {one.parent_id for one in found if one.id >= 100} == {2}
    codes = [call["errcode"] for call in simulator.calls("department/list")]
    assert codes.count(45029) >= 2
