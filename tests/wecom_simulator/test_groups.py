"""Customer groups on the host: people, versions, codes, welcomes, mass sends to groups."""

import xml.etree.ElementTree as ElementTree

import pytest

from apps.wecom_simulator.callbacks import event_xml
from apps.wecom_simulator.crypto import decrypt
from tests.wecom_simulator.conftest import AES_KEY, CORP

GROUP = "externalcontact/groupchat/"


@pytest.fixture
def chat(host):
    body = {"userid": "zhoulan", "name": "新款内购群", "external_userids": ["wmA"]}
    return host.sim("groups/create", body)["chat_id"]


def detail(host, chat):
    return host.api(f"{GROUP}get", {"chat_id": chat, "need_name": 1})["group_chat"]


def test_a_group_made_on_a_phone_is_listed_and_can_be_read(host, chat):
    listed = host.api(f"{GROUP}list", {"limit": 10, "owner_filter": {"userid_list": ["zhoulan"]}})
    assert listed["group_chat_list"] == [{"chat_id": chat, "status": 0}]
    group = detail(host, chat)
    assert (group["name"], group["owner"], group["member_version"]) == (
        "新款内购群",
        "zhoulan",
        "v1",
    )
    people = {row["userid"]: row for row in group["member_list"]}
    assert people["zhoulan"]["type"] == 1
    assert people["wmA"]["type"] == 2
    assert people["wmA"]["invitor"] == {"userid": "zhoulan"}


def test_the_listing_needs_a_limit_and_pages(host, chat):
    host.sim("groups/create", {"userid": "zhoulan", "name": "二群"})
    assert host.api(f"{GROUP}list", {})["errcode"] == 40058
    first = host.api(f"{GROUP}list", {"limit": 1})
    second = host.api(f"{GROUP}list", {"limit": 1, "cursor": first["next_cursor"]})
    ids = [row["chat_id"] for page in (first, second) for row in page["group_chat_list"]]
    assert len(set(ids)) == 2
    assert "next_cursor" not in second


def test_people_come_and_go_with_a_chain_of_versions(host, listener, chat):
    listener.register(host)
    host.sim("groups/join", {"chat_id": chat, "external_userid": "wmC"})
    host.sim("groups/leave", {"chat_id": chat, "external_userid": "wmC", "removed": True})
    host.sim("callbacks/flush", {})
    joined, left = [open_event(listener, path, body) for path, body in listener.raw]
    assert joined["ChangeType"] == "update"
    assert (joined["UpdateDetail"], joined["JoinScene"]) == ("add_member", "0")
    assert joined["MemChangeList"] == ["wmC"]
    assert (joined["LastMemVer"], joined["CurMemVer"]) == ("v1", "v2")
    assert (left["UpdateDetail"], left["QuitScene"], left["CurMemVer"]) == ("del_member", "1", "v3")
    assert detail(host, chat)["member_version"] == "v3"


def open_event(listener, path, body):
    sealed = ElementTree.fromstring(body).findtext("Encrypt")
    clear = ElementTree.fromstring(decrypt(AES_KEY, sealed, CORP))
    return {node.tag: [item.text for item in node] if len(node) else node.text for node in clear}


def test_a_list_of_people_is_written_as_items():
    clear = event_xml(CORP, 1, {"MemChangeList": ["wmA", "wmB"]})
    nodes = ElementTree.fromstring(clear).find("MemChangeList")
    assert [node.text for node in nodes] == ["wmA", "wmB"]


def test_a_dismissed_group_is_gone(host, chat):
    host.sim("groups/dismiss", {"chat_id": chat})
    assert host.api(f"{GROUP}get", {"chat_id": chat})["errcode"] == 86001
    assert host.api(f"{GROUP}list", {"limit": 10})["group_chat_list"] == []


def test_a_code_leads_to_its_group_and_tells_its_state(host, chat):
    made = host.api(
        f"{GROUP}add_join_way", {"scene": 2, "chat_id_list": [chat], "state": "门店海报"}
    )
    way = host.api(f"{GROUP}get_join_way", {"config_id": made["config_id"]})["join_way"]
    assert way["chat_id_list"] == [chat]
    assert way["qr_code"].endswith(f"/group-code/{made['config_id']}/")
    host.sim("groups/join", {"config_id": made["config_id"], "external_userid": "wmC"})
    joined = next(row for row in detail(host, chat)["member_list"] if row["userid"] == "wmC")
    assert (joined["join_scene"], joined["state"]) == (3, "门店海报")
    assert "invitor" not in joined


def test_a_full_group_is_followed_by_a_new_one_when_the_code_says_so(host, chat):
    host.sim("switches", {"group_most_members": 2})
    body = {"scene": 2, "chat_id_list": [chat], "room_base_name": "内购群", "room_base_id": 2}
    way = host.api(f"{GROUP}add_join_way", body)["config_id"]
    after = host.sim("groups/join", {"config_id": way, "external_userid": "wmC"})["chat_id"]
    assert after != chat
    assert detail(host, after)["name"] == "内购群2"
    fixed = host.api(
        f"{GROUP}add_join_way", {"scene": 2, "chat_id_list": [chat], "auto_create_room": 0}
    )["config_id"]
    host.sim("groups/join", {"config_id": fixed, "external_userid": "wmB"}, status=400)


def test_a_mass_send_to_groups_names_its_owner_and_tells_only_of_sent_ones(host, chat):
    others = host.sim("groups/create", {"userid": "LiMing", "name": "别人的群"})["chat_id"]
    body = {"chat_type": "group", "chat_id_list": [chat, others], "text": {"content": "今晚八点"}}
    assert host.api("externalcontact/add_msg_template", body)["errcode"] == 40063
    made = host.api("externalcontact/add_msg_template", {**body, "sender": "zhoulan"})
    assert made["fail_list"] == [others]
    asked = {"msgid": made["msgid"], "userid": "zhoulan"}
    results = "externalcontact/get_groupmsg_send_result"
    assert host.api(results, asked)["send_list"] == []
    host.sim("sends/confirm", asked)
    (sent,) = host.api(results, asked)["send_list"]
    assert (sent["chat_id"], sent["status"]) == (chat, 1)
    (group,) = host.sim("groups?userid=zhoulan")["groups"]
    assert group["messages"][0]["text"] == "今晚八点"


def test_a_welcome_for_newcomers_is_kept_changed_and_dropped(host):
    path = "externalcontact/group_welcome_template/"
    template = host.api(f"{path}add", {"text": {"content": "欢迎"}})["template_id"]
    host.api(f"{path}edit", {"template_id": template, "text": {"content": "欢迎入群"}})
    assert host.api(f"{path}get", {"template_id": template})["text"] == {"content": "欢迎入群"}
    assert host.api(f"{path}del", {"template_id": template})["errcode"] == 0
    assert host.api(f"{path}get", {"template_id": template})["errcode"] == 40058
    assert host.api(f"{path}add", {"text": {"content": "好" * 1001}})["errcode"] == 40058
