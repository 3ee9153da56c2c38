"""Codes with a cause of their own: what an administrator switched off, what is too much at once,
what is in a file."""

import struct
import threading

import pytest
import requests

from apps.wecom_simulator import crypto

from .conftest import CORP, SECRET

TAGS = "externalcontact/add_corp_tag"
READ = "externalcontact/get_follow_user_list"
DAY_S = 86400


def together(host, *calls):
    """Answers of calls that are on their way at the same time."""
    host.sim("faults", {"path": "*", "delay_ms": 1500, "times": len(calls)})
    codes = []

    def one(path, body):
        codes.append(host.api(path, body)["errcode"])

    threads = [threading.Thread(target=one, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(codes)


def upload(host, content, kind="image"):
    query = {"access_token": host.token, "media_type": kind, "attachment_type": 1}
    return requests.post(
        f"{host.url}/cgi-bin/media/upload_attachment", params=query,
        files={"media": ("a", content)}, timeout=10,
    ).json()["errcode"]  # fmt: skip


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 40


def jpeg(width, height):
    frame = struct.pack(">BBHBHH", 0xFF, 0xC0, 17, 8, height, width)
    return b"\xff\xd8" + struct.pack(">BBH", 0xFF, 0xE0, 16) + b"\0" * 14 + frame + b"\0" * 40


def film(seconds):
    return (
        b"\0\0\0\x18ftypmp42moov....mvhd"
        + struct.pack(">IIIII", 0, 0, 0, 600, seconds * 600)
        + b"\0" * 80
    )


def test_a_disabled_app_gets_no_token_and_its_old_one_is_good_for_nothing(host):
    assert host.api(READ)["errcode"] == 0

    host.sim("agents/edit", {"agentid": 1000002, "disabled": True})

    assert host.api(READ)["errcode"] == 50003
    assert host.sign_in()["errcode"] == 40001
    host.sim("agents/edit", {"agentid": 1000002, "disabled": False})
    assert host.sign_in()["errcode"] == 0
    assert host.api(READ)["errcode"] == 0


def test_a_function_taken_from_the_app_is_told_apart_from_an_app_that_may_not_call(host):
    host.sim("agents/edit", {"agentid": 1000002, "forbidden": ["externalcontact/groupchat/*"]})
    assert host.api("externalcontact/groupchat/list", {"limit": 10})["errcode"] == 48001
    assert host.api(READ)["errcode"] == 0

    host.sim("agents/edit", {"agentid": 1000002, "customer_contact": False})
    assert host.api(READ)["errcode"] == 48002
    assert host.sim("agents/edit", {"agentid": 7}, status=400)["error"] == "No such app."
    wrong = {"agentid": 1000002, "locked": True}
    assert "locked" in host.sim("agents/edit", wrong, status=400)["error"]


def test_an_app_that_did_nothing_for_long_must_be_switched_on_again(host):
    host.sim("switches", {"disuse_days": 90})
    assert host.api(READ)["errcode"] == 0
    host.sim("clock", {"advance_s": 91 * DAY_S})
    host.sign_in()

    assert host.api(READ)["errcode"] == 48006
    assert host.api(READ)["errcode"] == 48006  # a refusal is no use of it

    host.sim("agents/edit", {"agentid": 1000002, "disabled": False})
    assert host.api(READ)["errcode"] == 0


def test_the_secret_of_another_corp(host):
    agents = [{"agentid": 9, "secret": "secret-next-door"}]
    host.sim("corps", {"corp_id": "wwnextdoor", "agents": agents})

    assert host.sign_in("secret-next-door")["errcode"] == 40091
    assert host.sign_in("secret-of-nobody")["errcode"] == 40001
    assert host.sign_in(SECRET)["errcode"] == 0


def test_more_at_once_than_the_host_takes(host):
    host.sign_in()
    host.sim("switches", {"calls_at_once": 1})

    codes = together(host, (READ, None), ("department/list", None), ("user/get", None))

    assert codes[0] == -1
    assert host.api(READ)["errcode"] == 0


def test_of_two_who_edit_tags_at_once_one_has_to_come_again(host):
    host.sign_in()

    def tag(name):
        return (TAGS, {"group_name": "季节", "tag": [{"name": name}]})

    assert together(host, tag("春"), tag("夏"))[0] == 0
    assert together(host, tag("秋"), tag("冬"))[1] == 6000
    assert host.api(*tag("雨"))["errcode"] == 0


def test_a_post_is_told_of_as_being_made_for_a_while(host):
    host.sim("switches", {"moment_dispatch_s": 60})
    jobid = host.api("externalcontact/add_moment_task", {"text": {"content": "上新"}})["jobid"]
    result = "externalcontact/get_moment_task_result"
    assert host.api(result, jobid=jobid)["status"] == 2
    now = int(host.sim("clock")["now"])
    listed = host.api(
        "externalcontact/get_moment_list", {"start_time": 1 + now - 60, "end_time": now + 60}
    )
    body = {"moment_id": listed["moment_list"][0]["moment_id"]}
    assert host.api("externalcontact/cancel_moment_task", body)["errcode"] == 41079

    host.sim("clock", {"advance_s": 61})

    assert host.api(result, jobid=jobid)["status"] == 3
    assert host.api("externalcontact/cancel_moment_task", body)["errcode"] == 0


def test_pixels_and_length_of_what_is_uploaded_for_moments(host):
    host.sign_in()
    host.sim("switches", {"picture_side_most": 1440})

    assert [upload(host, kind(1440, 1080)) for kind in (png, jpeg)] == [0, 0]
    assert [upload(host, kind(1080, 1441)) for kind in (png, jpeg)] == [41081, 41081]
    assert upload(host, film(30), "video") == 0
    assert upload(host, film(31), "video") == 41082
    assert upload(host, b"neither of them") == 0


def test_a_contact_way_names_what_is_missing_and_what_is_wrong(host):
    def add(**body):
        return host.api("externalcontact/add_contact_way", {"user": ["zhoulan"], **body})["errcode"]

    assert (add(), add(type=7), add(type=1), add(type=1, scene=7)) == (41037, 41039, 41038, 41040)


def test_more_tags_than_a_message_takes(host):
    body = {"agentid": 1000002, "msgtype": "text", "text": {"content": "x"}}
    many = "|".join(str(number) for number in range(101))

    assert host.api("message/send", {**body, "totag": many})["errcode"] == 82003


@pytest.mark.parametrize(
    ("button", "errcode"),
    [
        ({"text": "看"}, 42019),
        ({"key": "take"}, 42020),
        ({"text": "看", "key": "k" * 1025}, 42018),
        ({"text": "看", "key": "take"}, 43012),
    ],
)
def test_a_card_says_which_field_of_its_button_is_wrong(host, listener, button, errcode):
    if errcode != 43012:  # an app that nobody could tell of a press
        listener.register(host)
    card = {"card_type": "button_interaction", "task_id": "t-1", "main_title": {"title": "看"}}
    body = {
        "touser": "zhoulan", "msgtype": "template_card", "agentid": 1000002,
        "template_card": {**card, "button_list": [button]},
    }  # fmt: skip

    assert host.api("message/send", body)["errcode"] == errcode


def test_a_card_is_changed_by_its_own_app_alone(host, listener):
    ours = {"agentid": 1000002, "secret": SECRET}
    host.sim("corp", {"agents": [ours, {"agentid": 7, "secret": "other-app"}]})
    listener.register(host)
    host.sign_in()
    card = {"card_type": "button_interaction", "task_id": "t-1", "main_title": {"title": "看"},
            "button_list": [{"text": "好", "key": "ok"}]}  # fmt: skip
    body = {"touser": "zhoulan", "msgtype": "template_card", "agentid": 1000002}
    code = host.api("message/send", {**body, "template_card": card})["response_code"]
    host.sign_in("other-app")

    change = {"agentid": 7, "response_code": code, "button": {"replace_name": "好"}}
    assert host.api("message/update_template_card", change)["errcode"] == 42015


def test_pages_of_a_domain_that_nobody_has_proven(host):
    host.sign_in()
    ticket = host.api("get_jsapi_ticket")["ticket"]
    url = "https://shop.example/g/"
    data = {"kind": "config", "corpId": CORP, "agentId": "1000002", "url": url,
            "nonceStr": "n", "timestamp": "1"}  # fmt: skip
    data["signature"] = crypto.jssdk_signature(ticket, "n", "1", url)
    assert host.sim("jssdk/verify", data)["ok"]

    host.sim("agents/edit", {"agentid": 1000002, "domain_unproven": True})

    assert host.sim("jssdk/verify", data)["errcode"] == 85005
