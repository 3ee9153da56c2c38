import requests

LINK = "externalcontact/customer_acquisition/"
GROUP = "externalcontact/groupchat/"


def test_link_brings_customers_and_uses_up_the_quota(host, listener):
    listener.register(host)
    body = {"link_name": "抖音投放", "range": {"user_list": ["zhoulan"]}}
    made = host.api(f"{LINK}create_link", body)["link"]
    asked = {"link_id": made["link_id"]}
    url = f"{made['url']}?customer_channel=dy-11"

    requests.get(url, timeout=5)
    requests.post(url, data={"name": "新客"}, timeout=5)
    requests.post(url, data={"external_userid": "wmC"}, timeout=5)
    requests.post(url, data={"external_userid": "wmC"}, timeout=5)
    host.sim("callbacks/flush", {})

    came = host.api(f"{LINK}customer", {**asked, "limit": 1000})["customer_list"]
    assert [(row["userid"], row["state"], row["chat_status"]) for row in came] == [
        ("zhoulan", "dy-11", 0)
    ] * 2
    assert {event["State"] for event in listener.events} == {"dy-11"}
    assert host.api("externalcontact/customer_acquisition_quota")["balance"] == 998
    host.sim("chats/say", {"userid": "zhoulan", "external_userid": "wmC", "from": "customer",
                           "text": "你好"})  # fmt: skip
    came = host.api(f"{LINK}customer", asked)["customer_list"]
    assert sorted(row["chat_status"] for row in came) == [0, 1]


def test_links_are_edited_listed_and_deleted_and_checked(host):
    wrong = {"link_name": "x" * 31, "range": {"user_list": ["zhoulan"]}}
    assert host.api(f"{LINK}create_link", wrong)["errcode"] == 40058
    assert host.api(f"{LINK}create_link", {"link_name": "x", "range": {}})["errcode"] == 40063
    body = {"link_name": "一", "range": {"department_list": [2]}}
    link_id = host.api(f"{LINK}create_link", body)["link"]["link_id"]
    assert host.api(f"{LINK}list_link", {})["link_id_list"] == [link_id]

    host.api(f"{LINK}update_link", {"link_id": link_id, "link_name": "二"})
    found = host.api(f"{LINK}get", {"link_id": link_id})
    assert (found["link"]["link_name"], found["range"]["department_list"]) == ("二", [2])
    host.api(f"{LINK}delete_link", {"link_id": link_id})
    assert host.api(f"{LINK}get", {"link_id": link_id})["errcode"] == 40058


def test_group_of_a_leaver_goes_to_a_successor_and_others_are_told_why(host):
    chat_id = host.sim("groups/create", {"userid": "zhoulan", "name": "群",
                                         "external_userids": ["wmA"]})["chat_id"]  # fmt: skip
    ask = {"chat_id_list": [chat_id, "wrNone"], "new_owner": "LiMing"}
    failed = host.api(f"{GROUP}transfer", ask)["failed_chat_list"]
    assert [(row["chat_id"], row["errcode"]) for row in failed] == [
        (chat_id, 90500), ("wrNone", 90501),
    ]  # fmt: skip

    host.sim("users/leave", {"userid": "zhoulan"})
    failed = host.api(f"{GROUP}transfer", ask)["failed_chat_list"]
    assert [row["chat_id"] for row in failed] == ["wrNone"]
    group = host.sim("truth?kind=groups")["groups"][0]
    assert (group["owner"], group["status"]) == ("LiMing", 3)
    assert group["members"] == ["LiMing", "wmA"]


def test_group_changes_hands_on_the_job_twice_in_ninety_days(host):
    chat_id = host.sim("groups/create", {"userid": "zhoulan", "name": "群"})["chat_id"]
    codes = []
    for owner in ("LiMing", "zhoulan", "LiMing"):
        ask = {"chat_id_list": [chat_id], "new_owner": owner}
        failed = host.api(f"{GROUP}onjob_transfer", ask)["failed_chat_list"]
        codes.append(failed[0]["errcode"] if failed else 0)
    assert codes == [0, 0, 40128]


def test_groups_are_counted_by_owner_and_by_day(host):
    host.sim("clock", {"now": "2026-03-01T10:00:00"})
    chat_id = host.sim("groups/create", {"userid": "zhoulan", "name": "群",
                                         "external_userids": ["wmA"]})["chat_id"]  # fmt: skip
    host.sim("groups/say", {"chat_id": chat_id, "from": "wmA", "text": "在吗"})
    host.sim("clock", {"now": "2026-03-02T10:00:00"})
    host.token = None
    ask = {"day_begin_time": 1772294400, "owner_filter": {"userid_list": ["zhoulan", "LiMing"]}}

    told = host.api(f"{GROUP}statistic", {**ask, "limit": 500})
    assert told["total"] == 1
    data = told["items"][0]["data"]
    assert (data["new_chat_cnt"], data["member_total"], data["msg_total"]) == (1, 2, 1)
    days = host.api(f"{GROUP}statistic_group_by_day", ask)["items"]
    assert [(row["stat_time"], row["data"]["chat_has_msg"]) for row in days] == [(1772294400, 1)]
    today = {**ask, "day_begin_time": 1772380800}
    assert host.api(f"{GROUP}statistic", today)["errcode"] == 40058
