import pytest
import requests

MONTH_S = 31 * 86400


def results(host, msgid, userid="zhoulan"):
    body = {"msgid": msgid, "userid": userid}
    rows = host.api("externalcontact/get_groupmsg_send_result", body)["send_list"]
    return {row["external_userid"]: row["status"] for row in rows}


def task_status(host, msgid):
    rows = host.api("externalcontact/get_groupmsg_task", {"msgid": msgid})["task_list"]
    return {row["userid"]: row["status"] for row in rows}


def received(host, external_userid):
    messages = host.sim(f"phones/customers/{external_userid}")["messages"]
    return [row["text"] for row in messages if row["via"] == "mass_send"]


def test_nothing_goes_out_before_the_guide_confirms(host):
    msgid = host.send("wmA", "wmB", text="新靴到店")["msgid"]

    assert task_status(host, msgid) == {"zhoulan": 0}
    assert results(host, msgid) == {"wmA": 0, "wmB": 0}
    assert received(host, "wmA") == []
    assert host.sim("phones/guides/zhoulan")["pending_sends"][0]["msgid"] == msgid


def test_confirmation_delivers_and_the_results_say_so(host):
    msgid = host.send("wmA", "wmB", text="新靴到店")["msgid"]

    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})

    assert task_status(host, msgid) == {"zhoulan": 2}
    assert results(host, msgid) == {"wmA": 1, "wmB": 1}
    assert received(host, "wmA") == ["新靴到店"]
    assert host.sim("phones/guides/zhoulan")["pending_sends"] == []


def test_confirmation_works_once(host):
    msgid = host.send("wmA")["msgid"]
    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})

    again = host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid}, status=400)

    assert "confirmed already" in again["error"]
    assert received(host, "wmA") == ["您好"]


def test_ignored_send_stays_unsent(host):
    msgid = host.send("wmA")["msgid"]

    host.sim("sends/ignore", {"userid": "zhoulan", "msgid": msgid})

    assert task_status(host, msgid) == {"zhoulan": 0}
    assert received(host, "wmA") == []


def test_customers_who_are_no_friends_come_back_in_fail_list(host):
    answer = host.send("wmA", "wmC", "wmNobody")

    assert answer["errcode"] == 0
    assert answer["fail_list"] == ["wmC", "wmNobody"]
    assert host.send("wmC")["errcode"] == 41048


def test_friend_lost_before_the_confirmation_gives_status_two(host):
    msgid = host.send("wmA", "wmB")["msgid"]
    host.sim("follows/delete", {"by": "customer", "userid": "zhoulan", "external_userid": "wmA"})

    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})

    assert results(host, msgid) == {"wmA": 2, "wmB": 1}
    assert received(host, "wmA") == []


def test_customer_over_the_cap_gives_status_three_until_the_month_turns(host):
    host.sim("clock", {"now": "2026-03-10T10:00:00"})
    host.sim("switches", {"month_cap": 2})

    def one():
        host.token = None
        msgid = host.send("wmA")["msgid"]
        host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})
        return results(host, msgid)["wmA"]

    assert [one(), one(), one()] == [1, 1, 3]
    host.sim("clock", {"now": "2026-04-01T00:00:01"})
    assert one() == 1


def test_cap_is_the_days_of_the_month_by_default(host):
    host.sim("clock", {"now": "2026-02-10T10:00:00"})
    statuses = []
    for _ in range(30):
        msgid = host.send("wmA")["msgid"]
        host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})
        statuses.append(results(host, msgid)["wmA"])

    assert statuses == [1] * 28 + [3] * 2


def test_without_sender_each_customer_goes_to_who_talked_last(host):
    now = host.sim("healthz")["now"]
    late = {"userid": "LiMing", "createtime": int(now)}
    host.sim("seed", {"customers": [{"external_userid": "wmA", "follows": [late]}]})
    body = {"external_userid": ["wmA", "wmB"], "text": {"content": "x"}}

    msgid = host.api("externalcontact/add_msg_template", body)["msgid"]

    assert task_status(host, msgid) == {"LiMing": 0, "zhoulan": 0}
    assert results(host, msgid, "LiMing") == {"wmA": 0}


def test_ignore_sender_switch_hands_the_task_to_who_talked_last(host):
    late = {"userid": "LiMing", "createtime": int(host.sim("healthz")["now"])}
    host.sim("seed", {"customers": [{"external_userid": "wmA", "follows": [late]}]})
    host.sim("switches", {"ignore_sender": True})

    msgid = host.send("wmA")["msgid"]

    assert task_status(host, msgid) == {"LiMing": 0}


def test_sender_alone_means_all_their_customers(host):
    body = {"sender": "zhoulan", "text": {"content": "x"}}

    msgid = host.api("externalcontact/add_msg_template", body)["msgid"]

    assert set(results(host, msgid)) == {"wmA", "wmB"}


def test_tag_filter_is_or_inside_and_between_groups(host):
    ids = {}
    for name in ("a", "b", "c"):
        body = {"group_name": name, "tag": [{"name": name}]}
        ids[name] = host.api("externalcontact/add_corp_tag", body)["tag_group"]["tag"][0]["id"]
    for ident, names in (("wmA", "ac"), ("wmB", "a")):
        tags = [ids[name] for name in names]
        pair = {"userid": "zhoulan", "external_userid": ident, "add_tag": tags}
        host.api("externalcontact/mark_tag", pair)
    groups = [{"tag_list": [ids["a"], ids["b"]]}, {"tag_list": [ids["c"]]}]
    body = {"sender": "zhoulan", "tag_filter": {"group_list": groups}, "text": {"content": "x"}}

    msgid = host.api("externalcontact/add_msg_template", body)["msgid"]

    assert set(results(host, msgid)) == {"wmA"}


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"text": {"content": "x"}}, 40063),
        ({"sender": "zhoulan", "external_userid": ["wmA"]}, 44004),
        ({"sender": "nobody", "external_userid": ["wmA"], "text": {"content": "x"}}, 40003),
        ({"sender": "zhoulan", "external_userid": ["x"] * 10_001, "text": {"content": "x"}}, 40035),
        (
            {"sender": "zhoulan", "external_userid": ["wmA"], "text": {"content": "字" * 1334}},
            40058,
        ),
        ({"sender": "zhoulan", "external_userid": ["wmA"], "attachments": [{}] * 10}, 41064),
        (
            {"sender": "zhoulan", "external_userid": ["wmA"], "attachments": [{"msgtype": "x"}]},
            41065,
        ),
        (
            {
                "sender": "zhoulan",
                "external_userid": ["wmA"],
                "attachments": [{"msgtype": "image", "image": {"media_id": "gone"}}],
            },
            40007,
        ),
    ],
)
def test_mass_send_errors_are_told_apart(host, body, errcode):
    assert host.api("externalcontact/add_msg_template", body)["errcode"] == errcode


def test_listing_shows_api_sends_without_a_creator(host):
    msgid = host.send("wmA", text="第一条")["msgid"]
    now = int(host.sim("healthz")["now"])
    body = {"chat_type": "single", "start_time": now - 60, "end_time": now + 60}

    rows = host.api("externalcontact/get_groupmsg_list_v2", body)["group_msg_list"]

    assert [(row["msgid"], row["text"]["content"]) for row in rows] == [(msgid, "第一条")]
    assert "creator" not in rows[0]
    wide = {**body, "start_time": now - MONTH_S - 61}
    assert host.api("externalcontact/get_groupmsg_list_v2", wide)["errcode"] == 40058


def test_listing_pages_by_cursor(host):
    made = [host.send("wmA")["msgid"] for _ in range(5)]
    now = int(host.sim("healthz")["now"])
    body = {"chat_type": "single", "start_time": now - 60, "end_time": now + 60, "limit": 2}
    seen, cursor = [], ""

    while True:
        answer = host.api("externalcontact/get_groupmsg_list_v2", {**body, "cursor": cursor})
        seen += [row["msgid"] for row in answer["group_msg_list"]]
        cursor = answer["next_cursor"]
        if not cursor:
            break

    assert seen == made


def test_reminders_are_three_a_day(host):
    ident = {"msgid": host.send("wmA")["msgid"]}

    codes = [host.api("externalcontact/remind_groupmsg_send", ident)["errcode"] for _ in range(4)]

    assert codes == [0, 0, 0, 41094]


def test_cancelled_send_cannot_be_confirmed(host):
    msgid = host.send("wmA")["msgid"]

    assert host.api("externalcontact/cancel_groupmsg_send", {"msgid": msgid})["errcode"] == 0

    assert host.api("externalcontact/cancel_groupmsg_send", {"msgid": msgid})["errcode"] == 41093
    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid}, status=400)
    assert received(host, "wmA") == []


def test_unknown_msgid_is_told(host):
    assert host.api("externalcontact/get_groupmsg_task", {"msgid": "msgNo"})["errcode"] == 41047
    assert host.api("externalcontact/get_groupmsg_task", {})["errcode"] == 41046


def test_welcome_works_once_and_within_twenty_seconds(host, listener):
    listener.register(host)
    code = host.sim("customers/add-guide", {"userid": "zhoulan", "name": "新客"})["welcome_code"]
    late = host.sim("customers/add-guide", {"userid": "zhoulan", "name": "晚了"})["welcome_code"]
    path, text = "externalcontact/send_welcome_msg", {"text": {"content": "欢迎"}}

    assert host.api(path, {"welcome_code": code, **text})["errcode"] == 0
    assert host.api(path, {"welcome_code": code, **text})["errcode"] == 41051
    assert host.api(path, {"welcome_code": "no", **text})["errcode"] == 41050
    assert host.api(path, text)["errcode"] == 41049
    host.sim("clock", {"advance_s": 21})
    assert host.api(path, {"welcome_code": late, **text})["errcode"] == 41050


CARD = {"title": "今天的客户", "description": "你有 8 位客户", "url": "http://127.0.0.1:9/g/"}


def notify(host, touser, **extra):
    body = {"touser": touser, "msgtype": "textcard", "agentid": 1000002, "textcard": CARD}
    return host.api("message/send", {**body, **extra})


def test_notice_reaches_the_guides_phone(host):
    answer = notify(host, "zhoulan|Nobody")

    assert answer["errcode"] == 0
    assert answer["invaliduser"] == "nobody"
    notice = host.sim("phones/guides/zhoulan")["notices"][0]
    assert (notice["title"], notice["url"]) == (CARD["title"], CARD["url"])
    assert notice["btntxt"] == "详情"


def test_notice_errors_are_told_apart(host):
    assert notify(host, "nobody")["errcode"] == 81013
    assert notify(host, "")["errcode"] == 82001
    assert notify(host, "zhoulan", agentid=7)["errcode"] == 301002
    assert notify(host, "zhoulan", msgtype="telegram")["errcode"] == 40008
    assert notify(host, "zhoulan", textcard={**CARD, "url": "/g/"})["errcode"] == 40058
    assert notify(host, "|".join(["zhoulan"] * 1001))["errcode"] == 40032


def test_thirty_first_message_of_a_minute_is_dropped_without_a_word(host):
    host.sim("clock", {"now": "2026-03-10T10:00:00"})

    answers = [notify(host, "zhoulan") for _ in range(31)]

    assert {answer["errcode"] for answer in answers} == {0}
    assert len(host.sim("phones/guides/zhoulan")["notices"]) == 30


def test_duplicate_check_shows_the_same_request_once(host):
    notify(host, "zhoulan", enable_duplicate_check=1)
    notify(host, "zhoulan", enable_duplicate_check=1)

    assert len(host.sim("phones/guides/zhoulan")["notices"]) == 1


def test_notice_is_recalled_within_a_day(host):
    first, second = (notify(host, "zhoulan")["msgid"] for _ in range(2))

    assert host.api("message/recall", {"msgid": first})["errcode"] == 0
    assert host.sim("phones/guides/zhoulan")["notices"][0]["recalled"] is True
    host.sim("clock", {"advance_s": 86401})
    host.token = None
    assert host.api("message/recall", {"msgid": second})["errcode"] == 42052


def test_button_of_a_card_comes_back_as_an_event(host, listener):
    listener.register(host)
    card = {
        "card_type": "button_interaction",
        "task_id": "task-1",
        "main_title": {"title": "去看看"},
        "button_list": [{"text": "接受", "key": "accept"}],
    }
    answer = notify(host, "zhoulan", msgtype="template_card", template_card=card)

    host.sim("cards/click", {"userid": "zhoulan", "msgid": answer["msgid"], "key": "accept"})

    host.sim("callbacks/flush", {})
    event = listener.events[0]
    assert answer["response_code"]
    assert (event["FromUserName"], event["EventKey"], event["TaskId"]) == (
        "zhoulan",
        "accept",
        "task-1",
    )


def test_media_is_uploaded_read_and_gone_after_three_days(host):
    host.sign_in()
    params = {"access_token": host.token, "type": "file"}
    files = {"media": ("a.txt", b"0123456789")}
    made = requests.post(f"{host.url}/cgi-bin/media/upload", params=params, files=files).json()
    read = {"access_token": host.token, "media_id": made["media_id"]}

    assert isinstance(made["created_at"], str)
    assert requests.get(f"{host.url}/cgi-bin/media/get", params=read).content == b"0123456789"
    host.sim("clock", {"advance_s": 3 * 86400 + 1})
    host.token = None
    assert host.api("media/get", media_id=made["media_id"])["errcode"] == 40007
