import pytest
import requests

from apps.wecom_simulator import crypto

from .conftest import CONTACT_SECRET, CORP, SECRET


def get(host, path, **params):
    return requests.get(f"{host.url}/{path}", params=params, allow_redirects=False)


def authorize(host, who, **extra):
    params = {
        "appid": CORP, "redirect_uri": "http://127.0.0.1:9/back?x=1", "response_type": "code",
        "scope": "snsapi_base", "state": "s1", **extra,
    }  # fmt: skip
    cookies = {"sim_as": who} if who else {}
    url = f"{host.url}/connect/oauth2/authorize"
    return requests.get(url, params=params, cookies=cookies, allow_redirects=False)


def code_of(answer):
    location = requests.utils.urlparse(answer.headers["Location"])
    return dict(part.split("=") for part in location.query.split("&"))["code"]


@pytest.mark.parametrize(
    ("params", "errcode"),
    [
        ({"corpsecret": SECRET}, 41002),
        ({"corpid": CORP}, 41004),
        ({"corpid": "wwother", "corpsecret": SECRET}, 40013),
        ({"corpid": CORP, "corpsecret": "wrong"}, 40001),
    ],
)
def test_wrong_credentials_are_told_apart(host, params, errcode):
    assert get(host, "cgi-bin/gettoken", **params).json()["errcode"] == errcode


def test_token_is_the_same_while_it_lives(host):
    first = host.sign_in()
    second = host.sign_in()

    assert first["errcode"] == 0
    assert first["expires_in"] == 7200
    assert second["access_token"] == first["access_token"]


def test_token_missing_unknown_and_expired_are_told_apart(host):
    host.sign_in()

    assert get(host, "cgi-bin/user/get", userid="zhoulan").json()["errcode"] == 41001
    assert host.api("user/get", userid="zhoulan", access_token="no")["errcode"] == 40014
    host.sim("clock", {"advance_s": 7201})
    assert host.api("user/get", userid="zhoulan")["errcode"] == 42001


@pytest.mark.parametrize("errcode", [42001, 40014])
def test_tokens_can_be_revoked_early(host, errcode):
    host.sign_in()

    host.sim("tokens/expire", {"errcode": errcode})

    assert host.api("user/get", userid="zhoulan")["errcode"] == errcode
    host.sign_in()
    assert host.api("user/get", userid="zhoulan")["errcode"] == 0


def test_contact_secret_reads_members_and_nothing_of_customers(host):
    host.sign_in(CONTACT_SECRET)

    assert host.api("department/list")["errcode"] == 0
    assert host.api("externalcontact/get_follow_user_list")["errcode"] == 48002
    assert host.api("message/send", {"touser": "zhoulan"})["errcode"] == 48002


def test_refusal_carries_hint_address_and_link(host):
    answer = get(host, "cgi-bin/gettoken", corpid=CORP, corpsecret="wrong")

    assert "hint: [" in answer.json()["errmsg"]
    assert "from ip: 127.0.0.1" in answer.json()["errmsg"]
    assert answer.json()["errmsg"].endswith("devtool/query?e=40001")
    assert answer.headers["error-code"] == "40001"


def test_unknown_call_is_refused_and_logged(host):
    answer = host.api("externalcontact/no_such_thing", {})

    assert answer["errcode"] == 404
    assert host.sim("calls?path=externalcontact/no_such_thing")["calls"][0]["errcode"] == 404


def test_log_holds_no_token_and_no_secret(host):
    host.api("user/get", userid="zhoulan")

    calls = host.sim("calls")["calls"]

    assert [call["path"] for call in calls] == ["gettoken", "user/get"]
    assert calls[1]["query"] == {"userid": "zhoulan"}
    assert host.token not in str(calls)
    assert SECRET not in str(calls)


def test_over_the_rate_of_one_call_answers_45009_until_the_minute_is_over(host):
    host.sim("switches", {"calls_per_minute": 3})

    codes = [host.api("user/get", userid="zhoulan")["errcode"] for _ in range(5)]

    assert 45009 in codes
    assert host.api("department/list")["errcode"] == 0
    host.sim("clock", {"advance_s": 61})
    assert host.api("user/get", userid="zhoulan")["errcode"] == 0


def test_member_comes_back_with_a_code_that_works_once(host):
    back = authorize(host, "guide:zhoulan")
    code = code_of(back)

    assert back.headers["Location"].startswith("http://127.0.0.1:9/back?x=1&code=")
    assert back.headers["Location"].endswith("&state=s1")
    assert host.api("auth/getuserinfo", code=code)["userid"] == "zhoulan"
    assert host.api("auth/getuserinfo", code=code)["errcode"] == 42022
    assert host.api("auth/getuserinfo", code="made-up")["errcode"] == 40029


def test_code_lives_five_minutes(host):
    code = code_of(authorize(host, "guide:zhoulan"))

    host.sim("clock", {"advance_s": 301})

    assert host.api("auth/getuserinfo", code=code)["errcode"] == 42003


def test_customer_comes_back_as_openid_and_external_userid(host):
    answer = host.api("auth/getuserinfo", code=code_of(authorize(host, "customer:wmA")))

    assert answer["external_userid"] == "wmA"
    assert answer["openid"]
    assert "userid" not in answer


def test_old_form_of_the_answer_has_capitals(host):
    answer = host.api("user/getuserinfo", code=code_of(authorize(host, "guide:zhoulan")))

    assert answer["UserId"] == "zhoulan"


def test_private_scope_gives_a_ticket_for_details(host):
    back = authorize(host, "guide:zhoulan", scope="snsapi_privateinfo", agentid="1000002")

    ticket = host.api("auth/getuserinfo", code=code_of(back))["user_ticket"]

    assert host.api("auth/getuserdetail", {"user_ticket": ticket})["userid"] == "zhoulan"
    assert host.api("auth/getuserdetail", {"user_ticket": "no"})["errcode"] == 84015
    host.sim("clock", {"advance_s": 1801})
    assert host.api("auth/getuserdetail", {"user_ticket": ticket})["errcode"] == 84014


def test_unknown_browser_is_asked_who_it_is(host):
    answer = authorize(host, "")

    assert answer.status_code == 200
    assert "你是谁" in answer.text
    assert "周岚" in answer.text


def test_foreign_appid_and_untrusted_domain_are_refused(host):
    agents = [{"agentid": 1000002, "secret": SECRET, "trusted_domain": "scrm.example.test"}]

    assert "40013" in authorize(host, "guide:zhoulan", appid="wwother").text
    host.sim("corp", {"agents": agents})
    assert "50001" in authorize(host, "guide:zhoulan").text


def test_qr_login_needs_a_scan_and_gives_a_code(host):
    params = {"login_type": "CorpApp", "appid": CORP, "agentid": "1000002", "state": "s"}
    params["redirect_uri"] = "http://127.0.0.1:9/back"

    shown = get(host, "wwlogin/sso/login", **params)
    back = get(host, "wwlogin/sso/login", **params, scanned_by="zhoulan")

    assert "用谁的手机扫码" in shown.text
    assert host.api("auth/getuserinfo", code=code_of(back))["userid"] == "zhoulan"


def test_page_signature_is_checked_against_the_right_ticket(host):
    corp_ticket = host.api("get_jsapi_ticket")["ticket"]
    app_ticket = host.api("ticket/get", type="agent_config")["ticket"]
    url = "http://127.0.0.1:9/g/sidebar/?a=1"

    def verdict(kind, ticket):
        signature = crypto.jssdk_signature(ticket, "nonce", 1767225600, url)
        return host.sim("jssdk/verify", {
            "kind": kind, "corpId": CORP, "agentId": "1000002", "nonceStr": "nonce",
            "timestamp": 1767225600, "signature": signature, "url": f"{url}#top",
        })  # fmt: skip

    assert verdict("config", corp_ticket) == {"ok": True, "errcode": 0}
    assert verdict("agentConfig", app_ticket) == {"ok": True, "errcode": 0}
    assert verdict("agentConfig", corp_ticket)["errcode"] == 40093
    assert verdict("config", "made-up")["errcode"] == 40093


def test_app_ticket_of_another_type_is_refused(host):
    assert host.api("ticket/get", type="wx_card")["errcode"] == 91040
