import contextlib
import os
import subprocess
import sys
import threading
import time

import pytest
import requests

from .conftest import PROJECT

TEMPLATE = "externalcontact/add_msg_template"
SEND = {"sender": "zhoulan", "external_userid": ["wmA"], "text": {"content": "x"}}


def test_next_calls_of_a_path_answer_as_told(host):
    host.sim("faults", {"path": "user/get", "errcode": 45009, "times": 2})

    codes = [host.api("user/get", userid="zhoulan")["errcode"] for _ in range(3)]

    assert codes == [45009, 45009, 0]
    assert host.api("department/list")["errcode"] == 0


def test_http_failure_does_nothing(host):
    host.sign_in()
    host.sim("faults", {"path": TEMPLATE, "http_status": 500})
    url = f"{host.url}/cgi-bin/{TEMPLATE}?access_token={host.token}"

    assert requests.post(url, json=SEND).status_code == 500
    assert host.sim("sends")["sends"] == []


@pytest.mark.parametrize("after_effect", [False, True])
def test_dropped_connection_with_and_without_the_effect(host, after_effect):
    host.sign_in()
    fault = {"path": TEMPLATE, "drop_connection": True, "after_effect": after_effect}
    host.sim("faults", fault)

    with pytest.raises(requests.ConnectionError):
        host.api(TEMPLATE, SEND)

    call = host.sim(f"calls?path={TEMPLATE}")["calls"][0]
    assert call["errcode"] == "dropped"
    assert len(host.sim("sends")["sends"]) == int(after_effect)
    assert bool(call["effect"]) is after_effect


def test_lost_reply_can_come_too_late_instead(host):
    host.sign_in()
    host.sim("faults", {"path": TEMPLATE, "delay_ms": 6000, "after_effect": True})
    url = f"{host.url}/cgi-bin/{TEMPLATE}?access_token={host.token}"

    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=SEND, timeout=2)

    assert len(host.sim("sends")["sends"]) == 1


def test_unknown_fault_is_refused(host):
    assert "Unknown" in host.sim("faults", {"path": "x", "explode": True}, status=400)["error"]


def test_reset_goes_back_to_the_start(host, listener):
    listener.register(host)
    host.send("wmA")
    host.sim("clock", {"advance_s": 500})

    host.sim("reset", {})

    assert host.sim("sends")["sends"] == []
    assert host.sim("calls")["calls"] == []
    assert host.sim("clock")["offset_s"] == 0
    assert host.sim("customers")["total"] == 0


def test_link_in_a_message_is_opened_as_the_customer(host, listener):
    back = "http%3A//127.0.0.1%3A9/"
    url = f"{host.url}/connect/oauth2/authorize?appid=x&redirect_uri={back}"

    answer = host.sim("links/tap", {"external_userid": "wmA", "url": url})

    assert answer["status"] == 400
    assert (
        "nobody"
        in host.sim("links/tap", {"external_userid": "nobody", "url": url}, status=400)["error"]
    )


def test_link_through_oauth_comes_back_with_the_customers_code(host):
    """The simulator's own start page stands for the product's page behind the link."""
    page = requests.utils.quote(f"{host.url}/sim/healthz", safe="")
    url = (
        f"{host.url}/connect/oauth2/authorize?appid=wwsimtest00000001&redirect_uri={page}"
        "&response_type=code&scope=snsapi_base&state=s"
    )

    answer = host.sim("links/tap", {"external_userid": "wmA", "url": url})

    code = answer["final_url"].split("code=")[1].split("&")[0]
    assert answer["status"] == 200
    assert host.api("auth/getuserinfo", code=code)["external_userid"] == "wmA"


@pytest.mark.slow
@pytest.mark.crash
def test_kill_loses_nothing_that_was_acknowledged(own_host):
    own_host.start()
    own_host.seed_shop()
    own_host.sim("clock", {"advance_s": 3600})
    sent = own_host.send("wmA", "wmB")["msgid"]
    own_host.sim("sends/confirm", {"userid": "zhoulan", "msgid": sent})
    pending = own_host.send("wmA")["msgid"]
    before = own_host.sim("sends"), own_host.sim("calls"), own_host.sim("phones/customers/wmA")

    own_host.kill()
    own_host.start()

    after = own_host.sim("sends"), own_host.sim("calls"), own_host.sim("phones/customers/wmA")
    assert after == before
    assert own_host.sim("clock")["offset_s"] == 3600
    assert own_host.api("user/get", userid="zhoulan")["errcode"] == 0, "the token lives on"
    own_host.sim("sends/confirm", {"userid": "zhoulan", "msgid": pending})


@pytest.mark.slow
@pytest.mark.crash
def test_kill_in_the_middle_of_many_writers_keeps_every_answered_send(own_host):
    own_host.start()
    own_host.seed_shop()
    own_host.sign_in()
    answered = []

    def write():
        with contextlib.suppress(requests.RequestException):
            while True:
                answered.append(own_host.send("wmA")["msgid"])

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    time.sleep(0.7)
    own_host.kill()
    for writer in writers:
        writer.join()

    own_host.start()

    kept = {send["msgid"] for send in own_host.sim("sends")["sends"]}
    logged = {call["effect"]["msgid"] for call in own_host.sim(f"calls?path={TEMPLATE}")["calls"]}
    assert len(answered) > 20
    assert set(answered) <= kept
    assert logged == kept, "every effect is in the log and the other way round"


@pytest.mark.slow
@pytest.mark.crash
def test_kill_keeps_callbacks_that_were_not_sent_yet(own_host, listener):
    own_host.start()
    own_host.seed_shop()
    listener.register(own_host)
    own_host.sim("callbacks/faults", {"reorder": 5})
    made = own_host.sim("customers/add-guide", {"userid": "zhoulan", "name": "新客"})
    own_host.kill()
    assert listener.events == []

    environment = {"WECOM_CALLBACK_URL": listener.url, "WECOM_TOKEN": "listenertoken"}
    environment["WECOM_AES_KEY"] = "MqBe1IIqdDV532xrJRwK5RkkTDEZYqCmTLvGnoTZSfc"
    own_host.start(**environment)

    own_host.sim("callbacks/flush", {})
    assert [event["ExternalUserID"] for event in listener.events] == [made["external_userid"]]


@pytest.mark.slow
@pytest.mark.crash
def test_torn_last_line_is_cut_off(own_host):
    own_host.start()
    own_host.seed_shop()
    own_host.kill()
    journal = max(own_host.state_dir.glob("journal-*.jsonl"))
    with journal.open("ab") as out:
        out.write(b'{"op":"send","at":1,"a":{"se')

    own_host.start()
    own_host.sim("customers/add-guide", {"userid": "zhoulan", "name": "新客"})
    own_host.kill()
    own_host.start()

    assert own_host.sim("customers")["total"] == 4


@pytest.mark.slow
@pytest.mark.crash
def test_state_survives_a_snapshot(own_host):
    own_host.start()
    own_host.sim("reset", {})
    own_host.seed_shop()
    own_host.kill()

    own_host.start()

    assert own_host.api("externalcontact/list", userid="zhoulan")["external_userid"] == [
        "wmA",
        "wmB",
    ]


def run_main(tmp_path, **environment):
    argv = [sys.executable, "-m", "apps.wecom_simulator", "--port", "0"]
    return subprocess.run(
        [*argv, "--state-dir", str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_does_not_start_in_production(tmp_path):
    finished = run_main(tmp_path, SCRM_ENV="prod")

    assert finished.returncode == 2
    assert "production" in finished.stderr


@pytest.mark.slow
@pytest.mark.crash
def test_two_processes_do_not_share_a_state_folder(own_host):
    own_host.start()

    finished = run_main(own_host.state_dir)

    assert finished.returncode == 1
    assert "used by another simulator" in finished.stderr
