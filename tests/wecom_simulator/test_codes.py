"""Every errcode that no other test brings about, by the condition under which it is answered."""

import pytest
import requests

from apps.wecom_simulator import crypto

LINK = "externalcontact/customer_acquisition/"
GROUP = "externalcontact/groupchat/"
WELCOME = "externalcontact/group_welcome_template/"
MOMENT = {"text": {"content": "上新"}}
HAND_OVER = {"handover_userid": "zhoulan", "takeover_userid": "LiMing"}


def switch(**switches):
    return lambda host: host.sim("switches", switches)


def edit(userid, **fields):
    def change(host):
        host.sim("seed", {"users": [{"userid": userid, **fields}]})

    return change


def many_members(host):
    users = [{"userid": f"m{number}", "department": [2]} for number in range(1001)]
    host.sim("seed", {"users": users})


def tags(*names):
    return {"group_name": "偏好", "tag": [{"name": name} for name in names]}


# code, what went before, path, body (None: a GET), query
REFUSED = [
    (40031, None, "externalcontact/batch/get_by_user", {"userid_list": ["zhoulan", "nobody"]}, {}),
    (40056, None, "agent/get", None, {"agentid": "1"}),
    (40071, lambda host: host.api("externalcontact/add_corp_tag", tags("跑步")),
     "externalcontact/add_corp_tag", tags("跑步"), {}),
    (40126, None, "externalcontact/add_corp_tag", tags(*map(str, range(3001))), {}),
    (40130, None, "externalcontact/transfer_customer",
     {**HAND_OVER, "takeover_userid": "ZHOULAN", "external_userid": ["wmA"]}, {}),
    (40143, edit("zhoulan", banned=True), "externalcontact/transfer_customer",
     {**HAND_OVER, "external_userid": ["wmA"]}, {}),
    (40205, edit("LiMing", stale=True), "externalcontact/transfer_customer",
     {**HAND_OVER, "external_userid": ["wmA"]}, {}),
    (84074, edit("LiMing", can_follow=False), "externalcontact/transfer_customer",
     {**HAND_OVER, "external_userid": ["wmA"]}, {}),
    (41043, None, "externalcontact/get_contact_way", {}, {}),
    (41043, None, f"{GROUP}get_join_way", {}, {}),
    (41045, switch(contact_ways_most=0), "externalcontact/add_contact_way",
     {"type": 1, "scene": 2, "user": ["zhoulan"]}, {}),
    (41055, switch(group_welcomes_most=0), f"{WELCOME}add", {"text": {"content": "欢迎"}}, {}),
    (41059, None, "externalcontact/get_moment_task", {}, {}),
    (41060, None, "externalcontact/get_moment_task", {"moment_id": "momNone"}, {}),
    (41078, switch(moment_jobs_most=0), "externalcontact/add_moment_task", MOMENT, {}),
    (41089, None, "externalcontact/add_moment_task", {}, {}),
    (41095, switch(acquisition_links_most=0), f"{LINK}create_link",
     {"link_name": "一", "range": {"user_list": ["zhoulan"]}}, {}),
    (45029, switch(departments_most=1), "department/list", None, {}),
    (81017, many_members, f"{GROUP}list", {"limit": 10}, {}),
    (82002, None, "message/send",
     {"agentid": 1000002, "msgtype": "text", "text": {"content": "x"},
      "toparty": "|".join(map(str, range(101)))}, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "before", "path", "body", "query"), REFUSED,
    ids=[f"{row[0]}-{row[2].rpartition('/')[2]}" for row in REFUSED],
)  # fmt: skip
def test_what_is_refused_and_with_which_number(host, code, before, path, body, query):
    if before:
        before(host)

    answer = host.api(path, body, **query)

    assert answer["errcode"] == code
    assert f"devtool/query?e={code}" in answer["errmsg"]


def hand_over(host, ident, takeover="LiMing"):
    body = {**HAND_OVER, "takeover_userid": takeover, "external_userid": [ident]}
    answer = host.api("externalcontact/transfer_customer", body)
    assert answer["errcode"] == 0
    return answer["customer"][0]["errcode"]


def test_each_customer_of_a_hand_over_has_a_number_of_their_own(host):
    host.sim("seed", {"users": [
        {"userid": "full", "name": "满", "department": [2], "customer_limit": 0},
        {"userid": "other", "name": "另一位", "department": [2]},
    ]})  # fmt: skip

    said = [
        hand_over(host, "wmNobody"),
        hand_over(host, "wmC"),  # of the successor alone
        hand_over(host, "wmA", "full"),
        hand_over(host, "wmA"),
        hand_over(host, "wmA"),  # the same once more
        hand_over(host, "wmA", "other"),  # on the way to somebody else
    ]

    assert said == [40096, 40131, 40099, 0, 40129, 40100]


def test_of_a_banned_member_who_left_nothing_is_inherited(host):
    host.sim("users/edit", {"userid": "zhoulan", "banned": True})
    host.sim("users/leave", {"userid": "zhoulan"})
    body = {**HAND_OVER, "external_userid": ["wmA"]}

    answer = host.api("externalcontact/resigned/transfer_customer", body)

    assert answer["errcode"] == 40143


def test_a_group_goes_to_its_owner_as_little_as_an_attachment_may_be_huge(host):
    chat = host.sim("groups/create", {"userid": "zhoulan", "external_userids": ["wmA"]})["chat_id"]
    body = {"chat_id_list": [chat], "new_owner": "zhoulan"}
    assert host.api(f"{GROUP}onjob_transfer", body)["failed_chat_list"][0]["errcode"] == 90508

    host.sign_in()
    answer = requests.post(
        f"{host.url}/cgi-bin/media/upload_attachment",
        params={"access_token": host.token, "media_type": "image", "attachment_type": 1},
        files={"media": ("big.png", b"x" * (10 * 1024 * 1024 + 1))},
        timeout=20,
    ).json()
    assert answer["errcode"] == 41080


def test_jobs_of_posts_are_counted_for_a_day(host):
    host.sim("switches", {"moment_jobs_most": 1})
    assert host.api("externalcontact/add_moment_task", MOMENT)["errcode"] == 0
    assert host.api("externalcontact/add_moment_task", MOMENT)["errcode"] == 41078

    host.sim("clock", {"advance_s": 86401})
    host.token = None
    assert host.api("externalcontact/add_moment_task", MOMENT)["errcode"] == 0


def test_a_tree_too_large_for_one_answer_is_told_branch_by_branch(host):
    branches = [{"id": n, "name": f"店{n}", "parentid": 1} for n in range(3, 9)]
    host.sim("seed", {"departments": branches})
    host.sim("switches", {"departments_most": 2})

    assert host.api("department/list")["errcode"] == 45029
    assert len(host.api("department/simplelist")["department_id"]) == 8
    assert [row["id"] for row in host.api("department/list", id=3)["department"]] == [3]


def test_a_page_signed_with_a_ticket_that_is_over_or_revoked_is_told_so(host):
    def verify():
        ticket = host.api("get_jsapi_ticket")["ticket"]
        page = "http://127.0.0.1:9/g/sidebar/"
        signed = crypto.jssdk_signature(ticket, "n", "1", page)
        return lambda: host.sim("jssdk/verify", {
            "kind": "config", "corpId": host.sim("corp")["corp_id"], "agentId": "1000002",
            "url": page, "nonceStr": "n", "timestamp": "1", "signature": signed,
        })["errcode"]  # fmt: skip

    first = verify()
    assert first() == 0
    host.sim("tickets/expire", {})
    assert first() == 42012
    second = verify()  # a fresh one is given out at once
    assert second() == 0
    host.sim("clock", {"advance_s": 7201})
    host.token = None
    assert second() == 42012
