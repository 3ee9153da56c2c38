"""Chats of members that an app makes; everybody the corp serves; whose welcome comes first."""

import pytest

TEXT = {"msgtype": "text", "text": {"content": "早会改到九点"}}


def make_chat(host, **fields):
    body = {"userlist": ["zhoulan", "LiMing"], "chatid": "morning", **fields}
    return host.api("appchat/create", body)


def test_an_app_makes_a_chat_changes_it_and_writes_into_it(host):
    assert make_chat(host, name="早会", owner="LiMing")["chatid"] == "morning"

    sent = host.api("appchat/send", {"chatid": "morning", **TEXT})
    changed = host.api("appchat/update", {"chatid": "morning", "name": "晨会", "owner": "zhoulan"})

    assert (sent["errcode"], changed["errcode"]) == (0, 0)
    assert host.api("appchat/get", chatid="morning")["chat_info"] == {
        "chatid": "morning", "name": "晨会", "owner": "zhoulan", "userlist": ["zhoulan", "LiMing"],
    }  # fmt: skip
    chats = host.sim("phones/guides/zhoulan")["appchats"]
    assert [chat["messages"][0]["content"] for chat in chats] == ["早会改到九点"]


@pytest.mark.parametrize(
    ("fields", "errcode"),
    [
        ({"userlist": ["zhoulan"]}, 86006),
        ({"userlist": ["zhoulan", "nobody"]}, 60111),
        ({"owner": "nobody"}, 86003),
        ({"chatid": "no spaces"}, 86001),
        ({"name": "长" * 51}, 40058),
    ],
)
def test_a_chat_that_does_not_fit_is_refused(host, fields, errcode):
    assert make_chat(host, **fields)["errcode"] == errcode


def test_only_its_maker_writes_and_only_an_app_of_the_whole_corp_makes_one(host):
    make_chat(host)
    assert make_chat(host)["errcode"] == 86001
    assert host.api("appchat/send", {"chatid": "unknown", **TEXT})["errcode"] == 40050
    agents = [
        {"agentid": 1000002, "secret": "app-secret-one", "visible_departments": [2]},
        {"agentid": 1000003, "secret": "app-secret-two"},
    ]
    host.sim("corp", {"agents": agents})

    assert host.api("appchat/send", {"chatid": "morning", **TEXT})["errcode"] == 48002
    host.sign_in("app-secret-two")
    assert host.api("appchat/send", {"chatid": "morning", **TEXT})["errcode"] == 86008
    host.sim("corp", {"agents": [{"agentid": 1000002, "secret": "app-secret-one"}]})


def test_everybody_is_listed_friends_and_people_of_groups(host):
    people = {"userid": "zhoulan", "name": "会员群", "external_userids": ["wmA", "wmB"]}
    chat = host.sim("groups/create", people)["chat_id"]
    host.sim("groups/join", {"chat_id": chat, "name": "路人甲"})

    first = host.api("externalcontact/contact_list", {"limit": 2})
    rest = host.api("externalcontact/contact_list", {"limit": 2, "cursor": first["next_cursor"]})

    rows = [*first["info_list"], *rest["info_list"]]
    assert [row.get("external_userid") for row in rows] == ["wmC", "wmA", "wmB", None]
    assert (rows[3]["is_customer"], rows[3]["name"], rows[3]["chat_id"]) == (False, "路**", chat)
    assert rest["next_cursor"] == ""


def test_ids_are_turned_into_openids_and_back(host):
    openid = host.api("user/convert_to_openid", {"userid": "LiMing"})["openid"]

    assert host.api("user/convert_to_userid", {"openid": openid})["userid"] == "LiMing"
    assert host.api("user/convert_to_userid", {"openid": "o_nobody"})["errcode"] == 43004
    convert = "externalcontact/convert_to_openid"
    assert host.api(convert, {"external_userid": "wmA"})["openid"]
    assert host.api(convert, {"external_userid": "wmX"})["errcode"] == 40096


def test_while_another_apps_welcome_is_on_its_way_it_is_said_so(host):
    agents = [
        {"agentid": 1000002, "secret": "app-secret-one"},
        {"agentid": 1000003, "secret": "app-secret-two"},
    ]
    host.sim("corp", {"agents": agents})
    host.sim("switches", {"welcome_delivery_s": 5})
    code = host.sim("customers/add-guide", {"userid": "zhoulan", "name": "新客"})["welcome_code"]
    body = {"welcome_code": code, "text": {"content": "您好"}}

    def welcome():
        return host.api("externalcontact/send_welcome_msg", body)["errcode"]

    first, again = welcome(), welcome()
    host.sign_in("app-secret-two")
    others = [welcome()]
    host.sim("clock", {"advance_s": 6})
    others.append(welcome())

    assert (first, again, others) == (0, 41051, [41096, 41051])
    host.sim("corp", {"agents": agents[:1]})
