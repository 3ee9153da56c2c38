import xml.etree.ElementTree as ElementTree
from unittest.mock import ANY

import pytest
import requests

from apps.wecom_simulator import crypto
from tests.wecom_simulator.conftest import AES_KEY, CORP

CARD = {
    "touser": "zhoulan|LiMing", "msgtype": "template_card", "agentid": 1000002,
    "template_card": {
        "card_type": "button_interaction", "task_id": "task-1",
        "main_title": {"title": "有新任务", "desc": "请今天处理"},
        "button_list": [{"text": "我来做", "key": "take"}],
    },
}  # fmt: skip
UPDATE = "message/update_template_card"


def upload(host, path="media/upload", size=100, **query):
    host.token or host.sign_in()
    return requests.post(
        f"{host.url}/cgi-bin/{path}", params={"access_token": host.token, **query},
        files={"media": ("a.png", b"x" * size)}, timeout=10,
    ).json()  # fmt: skip


def update(host, code, **more):
    body = {"agentid": 1000002, "response_code": code, "button": {"replace_name": "周岚已领"}}
    return host.api(UPDATE, {**body, **more})["errcode"]


def test_card_changes_once_for_each_code_and_shows_it_on_the_phone(host, listener):
    listener.register(host)
    sent = host.api("message/send", CARD)
    host.sim("cards/click", {"userid": "zhoulan", "msgid": sent["msgid"], "key": "take"})
    host.sim("callbacks/flush", {})
    pressed = listener.events[0]["ResponseCode"]

    assert update(host, pressed, userids=["LiMing"]) == 0
    assert update(host, pressed, userids=["LiMing"]) == 60140
    assert update(host, "RC_made_up") == 60140
    page = requests.get(f"{host.url}/phone/guide/LiMing/notices/", timeout=5).text
    assert "周岚已领" in page
    host.sim("cards/click", {"userid": "zhoulan", "msgid": sent["msgid"], "key": "take"},
             status=400)  # fmt: skip
    host.sim("clock", {"advance_s": 72 * 3600 + 1})
    host.token = None
    assert update(host, sent["response_code"]) == 60140


def test_uploads_for_messages_and_for_moments_are_not_the_same(host):
    picture = upload(host, type="image")
    post = upload(host, "media/upload_attachment", media_type="image", attachment_type=1)
    assert isinstance(picture["created_at"], str)
    assert isinstance(post["created_at"], int)
    assert upload(host, "media/upload_attachment", media_type="voice",
                  attachment_type=1)["errcode"] == 41072  # fmt: skip

    def send(media_id):
        image = [{"msgtype": "image", "image": {"media_id": media_id}}]
        body = {"sender": "zhoulan", "external_userid": ["wmA"], "attachments": image}
        return host.api("externalcontact/add_msg_template", body)["errcode"]

    assert (send(picture["media_id"]), send(post["media_id"])) == (0, 41072)
    video = {"msgtype": "video", "video": {"media_id": picture["media_id"]}}
    body = {"sender": "zhoulan", "external_userid": ["wmA"], "attachments": [video]}
    assert host.api("externalcontact/add_msg_template", body)["errcode"] == 40007


def test_lasting_picture_has_an_address(host):
    found = requests.get(upload(host, "media/uploadimg", size=300)["url"], timeout=5)
    assert found.content == b"x" * 300


def make_moment(host, **more):
    body = {"text": {"content": "新品到店"},
            "visible_range": {"sender_list": {"department_list": [2]}}, **more}  # fmt: skip
    job = host.api("externalcontact/add_moment_task", body)["jobid"]
    return host.api("externalcontact/get_moment_task_result", jobid=job)["result"]["moment_id"]


def test_moment_goes_to_a_department_and_customers_answer_it(host):
    moment_id = make_moment(host)
    pair = {"moment_id": moment_id, "userid": "zhoulan"}
    assert host.api("externalcontact/get_moment_comments", pair)["errcode"] == 41062
    assert host.api("externalcontact/get_moment_send_result", pair)["customer_list"] == []
    like = {**pair, "external_userid": "wmA", "kind": "like"}
    host.sim("moments/answer", like, status=400)

    host.sim("moments/publish", pair)
    host.sim("moments/answer", like)
    host.sim("moments/answer", like)
    host.sim("moments/answer", {**like, "kind": "comment", "text": "好看"})

    told = host.api("externalcontact/get_moment_comments", pair)
    assert [row["external_userid"] for row in told["like_list"]] == ["wmA"]
    assert [row["external_userid"] for row in told["comment_list"]] == ["wmA"]
    sent = host.api("externalcontact/get_moment_send_result", pair)["customer_list"]
    assert {row["external_userid"] for row in sent} == {"wmA", "wmB"}
    other = {"moment_id": moment_id, "userid": "LiMing"}
    assert host.api("externalcontact/get_moment_comments", other)["errcode"] == 41061
    wall = requests.get(f"{host.url}/phone/customer/wmA/moments/", timeout=5).text
    assert "新品到店" in wall
    assert "好看" in wall


def test_moment_that_was_taken_back_cannot_be_published(host):
    moment_id = make_moment(host)
    assert host.api("externalcontact/cancel_moment_task", {"moment_id": moment_id})["errcode"] == 0
    host.sim("moments/publish", {"moment_id": moment_id, "userid": "zhoulan"}, status=400)


def test_moment_holds_pictures_or_one_link_and_ten_are_made_a_minute(host):
    cover = upload(host, "media/upload_attachment", media_type="image", attachment_type=1)
    inner = {"title": "t", "url": "https://example.com", "media_id": cover["media_id"]}
    link = {"msgtype": "link", "link": inner}
    body = {"text": {"content": "x"}, "attachments": [link, link]}
    assert host.api("externalcontact/add_moment_task", body)["errcode"] == 41064
    plain = {"text": {"content": "x"}}
    codes = [host.api("externalcontact/add_moment_task", plain)["errcode"] for _ in range(10)]
    assert codes == [0] * 9 + [45009]


def test_a_link_in_moments_needs_a_cover_that_was_uploaded_for_moments(host):
    other = upload(host, type="image")["media_id"]
    cover = upload(host, "media/upload_attachment", media_type="image", attachment_type=1)

    def make(**more):
        inner = {"title": "t", "url": "https://example.com", **more}
        body = {"text": {"content": "x"}, "attachments": [{"msgtype": "link", "link": inner}]}
        return host.api("externalcontact/add_moment_task", body)["errcode"]

    assert make() == make(picurl="https://example.com/a.png") == make(media_id=other) == 40007
    assert make(media_id=cover["media_id"]) == 0


YES_NO = [{"id": "yes", "text": "能到"}, {"id": "no", "text": "到不了"}]
SUBMIT = {"text": "提交", "key": "submit"}


def ask(host, listener, task_id="ask-1", **card):
    """Send a card with questions to both members; the answer of the call."""
    listener.register(host)
    block = {"task_id": task_id, "main_title": {"title": "周六盘点"}, **card}
    return host.api("message/send", {**CARD, "template_card": block})


def vote(mode, *, options=YES_NO):
    box = {"question_key": "coming", "mode": mode, "option_list": options}
    return {"card_type": "vote_interaction", "checkbox": box, "submit_button": SUBMIT}


def chosen(listener):
    """What the last event says was selected, by question."""
    path, body = listener.raw[-1]
    clear = ElementTree.fromstring(
        crypto.decrypt(AES_KEY, ElementTree.fromstring(body).findtext("Encrypt"), CORP)
    )
    return {
        item.findtext("QuestionKey"): [node.text for node in item.iter("OptionId")]
        for item in clear.iter("SelectedItem")
    }


def test_a_vote_tells_what_was_chosen(host, listener):
    sent = ask(host, listener, **vote(1))
    press = {"userid": "zhoulan", "msgid": sent["msgid"], "key": "submit"}

    for wrong in ([], ["perhaps"], ["yes", "yes"]):
        host.sim("cards/click", {**press, "selected": {"coming": wrong}}, status=400)
    host.sim("cards/click", {**press, "selected": {"coming": ["no", "yes"]}})
    host.sim("cards/click", {**press, "selected": {"coming": ["yes"]}}, status=400)

    host.sim("callbacks/flush", {})
    event = listener.events[-1]
    assert (event["Event"], event["CardType"], event["EventKey"], event["TaskId"]) == (
        "template_card_event",
        "vote_interaction",
        "submit",
        "ask-1",
    )
    assert chosen(listener) == {"coming": ["yes", "no"]}
    assert update(host, event["ResponseCode"], userids=["zhoulan"]) == 0


def test_lists_of_a_card_keep_what_was_chosen_before(host, listener):
    shifts = [{"id": "am", "text": "早班"}, {"id": "pm", "text": "晚班"}]
    lists = [
        {"question_key": "shift", "title": "哪一班", "option_list": shifts, "selected_id": "pm"},
        {"question_key": "coming", "option_list": YES_NO},
    ]
    sent = ask(
        host, listener, card_type="multiple_interaction", select_list=lists, submit_button=SUBMIT
    )
    press = {"userid": "zhoulan", "msgid": sent["msgid"], "key": "submit"}

    host.sim("cards/click", press, status=400)  # one is not answered
    host.sim("cards/click", {**press, "selected": {"coming": "yes"}})

    host.sim("callbacks/flush", {})
    assert chosen(listener) == {"shift": ["pm"], "coming": ["yes"]}


def test_another_card_in_its_place_may_be_answered_again(host, listener):
    sent = ask(host, listener, **vote(0))
    press = {"userid": "zhoulan", "msgid": sent["msgid"], "key": "submit"}
    host.sim("cards/click", {**press, "selected": {"coming": ["no"]}})
    host.sim("callbacks/flush", {})
    code = listener.events[-1]["ResponseCode"]
    again = {**vote(0), "main_title": {"title": "真的到不了吗"}}
    refused = {"template_card": {**again, "checkbox": {}}}

    assert host.api(UPDATE, {"agentid": 1000002, "response_code": code, **refused}) == {
        "errcode": 42014, "errmsg": ANY
    }  # fmt: skip
    body = {"agentid": 1000002, "response_code": code, "userids": ["zhoulan"]}
    assert host.api(UPDATE, {**body, "template_card": again})["errcode"] == 0

    page = requests.get(f"{host.url}/phone/guide/zhoulan/notices/", timeout=5).text
    assert "真的到不了吗" in page
    asked = requests.post(
        f"{host.url}/phone/guide/zhoulan/notices/click",
        data={"msgid": sent["msgid"], "key": "submit", "q:coming": "yes"},
        timeout=5,
    )
    assert asked.status_code == 200
    host.sim("callbacks/flush", {})
    assert chosen(listener) == {"coming": ["yes"]}
    other = requests.get(f"{host.url}/phone/guide/LiMing/notices/", timeout=5).text
    assert "周六盘点" in other

    assert update(host, listener.events[-1]["ResponseCode"], userids=["zhoulan"]) == 0
    page = requests.get(f"{host.url}/phone/guide/zhoulan/notices/", timeout=5).text
    assert "周岚已领" in page
    assert "真的到不了吗" in page
    assert "周六盘点" not in page


@pytest.mark.parametrize(
    "card",
    [
        vote(2),
        vote(0, options=[]),
        vote(0, options=[YES_NO[0], YES_NO[0]]),
        {"card_type": "multiple_interaction", "select_list": [], "submit_button": SUBMIT},
        {"card_type": "button_interaction", "button_list": [{"text": "看", "type": 1}]},
        {"card_type": "news_notice", "card_action": {"type": 1, "url": "https://a.example"}},
        {"card_type": "text_notice"},
    ],
)
def test_a_card_that_lacks_a_part_is_refused(host, listener, card):
    assert ask(host, listener, **card)["errcode"] == 42014


def test_a_task_id_is_for_one_card(host, listener):
    assert ask(host, listener, **vote(0))["errcode"] == 0
    assert ask(host, listener, **vote(1))["errcode"] == 42014
    assert ask(host, listener, task_id="ask-2", **vote(1))["errcode"] == 0
