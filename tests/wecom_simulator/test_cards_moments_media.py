import requests

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
    link = {"msgtype": "link", "link": {"title": "t", "url": "https://example.com"}}
    body = {"text": {"content": "x"}, "attachments": [link, link]}
    assert host.api("externalcontact/add_moment_task", body)["errcode"] == 41064
    plain = {"text": {"content": "x"}}
    codes = [host.api("externalcontact/add_moment_task", plain)["errcode"] for _ in range(10)]
    assert codes == [0] * 9 + [45009]
