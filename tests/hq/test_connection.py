"""企微 › 接入: each step is asked of WeCom, and what is wrong is said with the place to mend it."""

import re
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.core.pii import decrypt
from apps.stores.models import Guide
from apps.wecom import client as wecom
from apps.wecom.crypto import seal_text
from apps.wecom.diagnosis import cause_of
from apps.wecom.errors import RateLimited, Refused
from apps.wecom.models import CallbackEndpoint, ConnectionCheck, Corp, CorpApp, RawCallback
from apps.wecom.selectors import endpoint_config
from apps.wecom.services import ensure_demo_corp
from apps.wecom_simulator import errors
from tests.conftest import WECOM
from tests.factories.facts import make_guide, make_store
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db

CORP = WECOM["WECOM_CORP_ID"]
DOMAIN = "testserver"
NO_SUCH_INTERFACE = 404  # of the simulator alone


@pytest.fixture
def admin(db):
    return signed_in(Role.HQ_ADMIN)


@pytest.fixture
def app(simulator):
    ensure_demo_corp()
    yield CorpApp.objects.get()
    simulator.post("/sim/faults/clear")


@pytest.fixture
def guides(app, simulator):
    """Three here; the first two in WeCom, the second of them without the right to customers."""
    store = make_store()
    found = [make_guide(store, f"guide_{name}", corp=CORP) for name in ("in", "mute", "out")]
    simulator.post(
        "/sim/seed",
        departments=[{"id": 1, "name": "总部"}, {"id": 2, "name": "华东", "parentid": 1}],
        users=[
            {"userid": "guide_in", "name": "林", "department": [2], "status": 1},
            {"userid": "guide_mute", "name": "王", "department": [2], "status": 4},
        ],
        customers=[],
    )
    return found


def set_agent(simulator, **changes):
    agent = {"agentid": int(WECOM["WECOM_AGENT_ID"]), "secret": WECOM["WECOM_SECRET"], **changes}
    simulator.post("/sim/corp", agents=[agent])


def check(client, app, step="", **data):
    return client.post(
        reverse("hq:connection_check", args=[app.pk]), {"step": step, **data}, follow=True
    ).content.decode()


def row(app, step):
    return ConnectionCheck.objects.get(app=app, step=step)


def line(page, step):
    """The text of one step's line on the page."""
    found = re.search(rf'<tr id="{step}">(.*?)</tr>', page, re.S)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


# --- connecting ----------------------------------------------------------------------------------


def connect(client, **changes):
    fields = {
        "corp_name": "示范连锁", "corp_id": "ww1a2b3c4d5e6f7081", "agent_id": "1000021",
        "secret": "the-new-secret",
    }  # fmt: skip
    return client.post(reverse("hq:connections"), {**fields, **changes})


def test_an_app_is_connected_and_its_keys_are_shown_once(admin):
    answer = connect(admin)

    page, endpoint = answer.content.decode(), CallbackEndpoint.objects.get()
    token, aes_key = decrypt(bytes(endpoint.token_enc)), decrypt(bytes(endpoint.aes_key_enc))
    assert (len(token), len(aes_key)) == (32, 43)
    assert token in page
    assert aes_key in page
    assert f"http://testserver/wecom/callback/{endpoint.slug}/" in page
    assert "no-store" in answer["Cache-Control"]
    assert decrypt(bytes(CorpApp.objects.get().secret_enc)) == "the-new-secret"
    later = admin.get(reverse("hq:connection", args=[CorpApp.objects.get().pk])).content.decode()
    for secret in (token, aes_key, "the-new-secret"):
        assert secret not in later
    assert "wecom.connected" in AuditEntry.objects.values_list("action", flat=True)


def test_a_second_app_of_the_corp_joins_it_and_the_same_app_does_not_come_twice(admin):
    connect(admin)
    connect(admin, agent_id="1000022")
    page = connect(admin).content.decode()

    assert (Corp.objects.count(), CorpApp.objects.count()) == (1, 2)
    assert "这个应用已经接入" in page
    assert "the-new-secret" not in page


@pytest.mark.parametrize("wrong", [{"corp_id": "no-corp"}, {"agent_id": "x"}, {"secret": ""}])
def test_what_cannot_be_right_is_not_kept(admin, wrong):
    assert connect(admin, **wrong).status_code == 200
    assert not CorpApp.objects.exists()


def test_new_keys_replace_the_old_ones_and_ask_for_a_new_check(admin, app):
    endpoint = CallbackEndpoint.objects.get()
    CallbackEndpoint.objects.update(verified_at=clock.now())

    page = admin.post(reverse("hq:connection_keys", args=[endpoint.pk])).content.decode()

    endpoint.refresh_from_db()
    assert decrypt(bytes(endpoint.token_enc)) in page
    assert decrypt(bytes(endpoint.token_enc)) != WECOM["WECOM_TOKEN"]
    assert endpoint.verified_at is None


def test_the_list_costs_the_same_for_many_apps(admin, app, django_assert_max_num_queries):
    url = reverse("hq:connections")
    admin.get(url)
    with django_assert_max_num_queries(12) as few:
        admin.get(url)
    for number in range(8):
        connect(admin, agent_id=str(1000100 + number))
    with django_assert_max_num_queries(12) as many:
        admin.get(url)
    assert len(few) == len(many)


# --- the steps -----------------------------------------------------------------------------------


def test_a_corp_that_is_connected_rightly_is_in_order(admin, app, guides, simulator):
    Guide.objects.exclude(wecom_userid="guide_in").delete()
    set_agent(simulator, trusted_domain=DOMAIN)

    page = check(admin, app)

    bad = {row.step: row.code for row in app.checks.exclude(state="ok")}
    assert bad == {"sign_in": "no_sign_in", "callback": "no_url_check"}
    assert "正常" in line(page, "secret")
    assert row(app, "secret").checked_by


@pytest.mark.parametrize(
    ("step", "path", "errcode", "what", "where"),
    [
        ("secret", "gettoken", 40001, "secret", "应用管理"),
        ("secret", "gettoken", 40013, "企业 ID", "我的企业"),
        ("address", "agent/get", 60020, "127.0.0.1", "企业可信IP"),
        ("agent", "agent/get", 301002, "不是同一个应用", "应用管理"),
        ("callable", "externalcontact/get_follow_user_list", 48002, "可调用", "客户联系"),
        ("callable", "externalcontact/get_follow_user_list", 45009, "过于频繁", "WECOM_LIMIT"),
        ("agent", "agent/get", 99999, "错误码表", "devtool"),
    ],
)
def test_what_wecom_refuses_is_said_in_chinese_with_the_place_to_mend_it(
    admin, app, guides, simulator, step, path, errcode, what, where
):
    simulator.post("/sim/faults", path=path, errcode=errcode, times=1)

    found = line(check(admin, app, step), step)

    assert row(app, step).state == "bad"
    assert what in found
    assert where in found
    assert str(errcode) in found


def test_it_is_asked_again_as_soon_as_somebody_says_so(admin, app, simulator):
    simulator.post("/sim/faults", path="gettoken", errcode=40001, times=1)
    check(admin, app, "secret")
    assert row(app, "secret").state == "bad"

    check(admin, app, "secret")

    assert row(app, "secret").state == "ok"


def test_an_app_that_may_not_call_customer_contact_is_told_where_to_be_listed(
    admin, app, simulator
):
    set_agent(simulator, customer_contact=False)

    assert "可调用" in line(check(admin, app, "callable"), "callable")


def test_guides_outside_the_range_are_named_and_those_without_the_right_too(admin, app, guides):
    check(admin, app, "range")
    page = check(admin, app, "permission")

    assert row(app, "range").detail["userids"] == ["guide_out"]
    assert row(app, "permission").detail["userids"] == ["guide_mute"]
    assert guides[2].name in line(page, "range")
    assert guides[1].name in line(page, "permission")
    assert guides[0].name not in line(page, "range")
    assert "3 位导购中的 1 位" in line(page, "range")


@pytest.mark.parametrize(
    ("domain", "code"), [("", "no_domain"), ("other.example", "other_domain"), (DOMAIN, "")]
)
def test_the_trusted_domain_is_compared_with_ours(admin, app, simulator, domain, code):
    set_agent(simulator, trusted_domain=domain)

    page = check(admin, app, "domain")

    assert row(app, "domain").code == code
    assert DOMAIN in line(page, "domain")


def test_the_callback_step_knows_when_wecom_checked_the_address(admin, app, simulator):
    check(admin, app, "callback")
    assert row(app, "callback").code == "no_url_check"
    endpoint = CallbackEndpoint.objects.get()

    CallbackEndpoint.objects.filter(pk=endpoint.pk).update(verified_at=clock.now())
    check(admin, app, "callback")

    assert (row(app, "callback").state, row(app, "callback").code) == ("warn", "no_event")


def test_wecom_gone_is_a_finding_and_no_error_page(admin, app, settings):
    settings.WECOM_API_BASE = "http://127.0.0.1:9/cgi-bin/"

    page = check(admin, app)

    assert row(app, "secret").code == "wecom_unreachable"
    assert "443" in line(page, "secret")


def test_what_no_interface_tells_a_person_confirms(admin, app):
    check(admin, app, "quota", confirm="1")
    check(admin, app, "verified")

    assert row(app, "quota").state == "ok"
    assert not ConnectionCheck.objects.filter(step="verified").exists()


def test_what_a_person_finds_not_in_order_says_where_it_is_mended_until_it_is(admin, app):
    page = check(admin, app, "verified", confirm="0")

    assert (row(app, "verified").state, row(app, "verified").code) == ("bad", "not_verified")
    assert "去认证" in line(page, "verified")
    check(admin, app, "verified", confirm="1")
    assert row(app, "verified").state == "ok"


def test_a_cause_is_told_once_and_later_steps_point_at_it(admin, app, simulator):
    simulator.post("/sim/faults", path="gettoken", errcode=40001, times=100)

    page = check(admin, app)

    assert "应用管理" in line(page, "secret")
    for step in ("address", "agent", "callable"):
        assert row(app, step).code == "40001"
        assert "与第 2 步是同一个原因" in line(page, step)
        assert "应用管理" not in line(page, step)


def test_a_corp_where_nobody_may_have_customers_is_not_called_in_order(admin, app, simulator):
    simulator.post("/sim/seed", departments=[{"id": 1, "name": "总部"}], users=[], customers=[])

    page = check(admin, app, "callable")

    assert (row(app, "callable").state, row(app, "callable").code) == ("warn", "no_members")
    assert "还没有成员开通客户联系" in line(page, "callable")


def ask_for_the_address(endpoint, **entered):
    """As WeCom does when somebody saves the address with what they entered."""
    ours = endpoint_config(endpoint.slug).keys
    keys = replace(ours, **entered)
    encrypted, signature = seal_text(keys=keys, text="4711", timestamp="1767225660", nonce="n1")
    query = {"msg_signature": signature, "timestamp": "1767225660", "nonce": "n1"}
    return Client().get(
        reverse("wecom:callback", args=[endpoint.slug]), {**query, "echostr": encrypted}
    )


@pytest.mark.parametrize(
    ("entered", "code", "words"),
    [
        ({"token": "another"}, "url_token", "Token 与这里的不一致"),
        ({"aes_key": "A" * 43}, "url_aes_key", "EncodingAESKey 与这里的不一致"),
        ({"receive_id": "wwanother"}, "url_corp", "另一家企业"),
    ],
)
def test_an_address_that_was_entered_wrongly_says_what_was_wrong(admin, app, entered, code, words):
    endpoint = CallbackEndpoint.objects.get()
    assert ask_for_the_address(endpoint, **entered).status_code == 403

    assert words in line(check(admin, app, "callback"), "callback")
    assert row(app, "callback").code == code

    # entered rightly it is forgotten, and a stranger's guess afterwards says nothing
    assert ask_for_the_address(endpoint).content == b"4711"
    ask_for_the_address(endpoint, **entered)
    check(admin, app, "callback")
    assert row(app, "callback").code == "no_event"


def test_what_came_by_older_keys_proves_nothing_of_the_new_ones(admin, app):
    endpoint = CallbackEndpoint.objects.get()
    RawCallback.objects.create(endpoint=endpoint, key=b"k" * 32, event="e", fields={})
    check(admin, app, "callback")
    assert row(app, "callback").state == "ok"

    admin.post(reverse("hq:connection_keys", args=[endpoint.pk]))
    check(admin, app, "callback")

    assert row(app, "callback").code == "no_url_check"


def test_whoever_enters_a_secret_anew_is_back_on_the_checklist(admin, app):
    address = reverse("admin:wecom_corpapp_change", args=[app.pk])
    fields = {"corp": app.corp_id, "agent_id": app.agent_id, "name": app.name, "kind": app.kind}

    answer = admin.post(address, {**fields, "secret": "the-new-secret"})

    assert answer["Location"] == reverse("hq:connection", args=[app.pk])
    app.refresh_from_db()
    assert decrypt(bytes(app.secret_enc)) == "the-new-secret"


def test_no_check_keeps_a_secret_or_a_name(admin, app, guides):
    check(admin, app)

    kept = str(list(ConnectionCheck.objects.values())) + str(list(AuditEntry.objects.values()))
    for word in (WECOM["WECOM_SECRET"], WECOM["WECOM_TOKEN"], guides[2].name):
        assert word not in kept


# --- the log of calls ----------------------------------------------------------------------------


def test_calls_are_shown_and_filtered_by_how_they_ended(admin, app, simulator):
    client = wecom.client_for()
    client.list_departments()
    simulator.post("/sim/faults", path="department/list", errcode=45009, times=1)
    for _ in range(2):
        with pytest.raises(RateLimited):
            client.list_departments()
    url = reverse("hq:wecom_calls")

    everything = admin.get(url).content.decode()
    bad = admin.get(url, {"outcome": "45009"}).content.decode()

    assert "gettoken" in everything
    assert "department/list" in bad
    assert bad.count("<code>gettoken</code>") == everything.count("<code>gettoken</code>") - 1
    assert "3 次调用" in everything
    assert WECOM["WECOM_SECRET"] not in everything


def test_the_calls_cost_no_query_each(admin, app, django_assert_max_num_queries):
    client, url = wecom.client_for(), reverse("hq:wecom_calls")
    admin.get(url)
    with django_assert_max_num_queries(10) as few:
        admin.get(url)
    for _ in range(20):
        client.list_departments()
    with django_assert_max_num_queries(10) as many:
        admin.get(url)
    assert len(few) == len(many)


def test_others_do_not_see_the_connection(app):
    assert Client().get(reverse("hq:connections")).status_code == 302
    assert signed_in(Role.HQ_OPERATOR).get(reverse("hq:connections")).status_code == 403


def test_every_number_that_wecom_may_answer_is_said_in_words():
    numbers = {code for code in errors.TEXTS if code != NO_SUCH_INTERFACE}
    assert sorted(code for code in numbers if cause_of(str(code)) == cause_of("1")) == []


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"disabled": True}, "40001", "应用已停用"),
        ({"forbidden": ["externalcontact/get_follow_user_list"]}, "48001", "没有这个接口的权限"),
        ({"customer_contact": False}, "48002", "可调用"),
    ],
)
def test_what_an_administrator_switched_off_is_found_by_the_checklist(
    admin, app, simulator, changes, code, words
):
    simulator.post("/sim/agents/edit", agentid=int(WECOM["WECOM_AGENT_ID"]), **changes)
    check(admin, app, "secret")
    page = check(admin, app, "callable")

    assert row(app, "callable").code == code
    told = "secret" if row(app, "secret").code == code else "callable"
    assert words in line(page, told)


IN_WORDS = {
    40031: "已不在企微通讯录中",
    40100: "正在转给另一位成员",
    40143: "已被封禁",
    41078: "同时创建的朋友圈太多",
    42012: "企微不认页面票据",
    45029: "会自动分批再读",
}


@pytest.mark.parametrize("code", IN_WORDS)
def test_each_answer_of_wecom_is_said_in_words_with_what_to_do(admin, app, simulator, code):
    simulator.post("/sim/faults", path="user/list", errcode=code, times=1)
    with pytest.raises(Refused):
        wecom.client_for().list_department_members(1)

    page = admin.get(reverse("hq:wecom_calls"), {"outcome": str(code)}).content.decode()

    assert IN_WORDS[code] in page
    assert str(cause_of(str(code)).where) in page
