"""What a page asks of the client beyond the chat: who may, what opens, what waits on the phone."""

import pytest

SHARE = {"text": {"content": "上新了"}}


def ask(host, name, params=None, userid="zhoulan"):
    """As the phone's half of the script asks: what came of it, or the reason it fails with."""
    body = {"userid": userid, "name": name, "params": params or {}}
    answer = host.sim("jssdk/call", body, status=None)
    return answer.get("error") or answer


@pytest.fixture
def group(host):
    people = {"userid": "zhoulan", "name": "老客群", "external_userids": ["wmA"]}
    return host.sim("groups/create", people)["chat_id"]


def test_a_profile_opens_of_colleagues_and_of_ones_own_customers(host):
    assert ask(host, "openUserProfile", {"type": 1, "userid": "LiMing"})["url"].endswith(
        "/phone/guide/zhoulan/colleagues/LiMing/"
    )
    assert ask(host, "openUserProfile", {"type": 2, "userid": "wmA"})["url"].endswith(
        "/chat/wmA/profile/"
    )
    assert ask(host, "openUserProfile", {"type": 2, "userid": "wmC"}) == "no permission"
    assert ask(host, "openUserProfile", {"type": 1, "userid": "nobody"}) == "invalid userid"
    assert ask(host, "openUserProfile", {"type": 3, "userid": "wmA"}) == "invalid type"


def test_a_link_goes_into_a_group_one_is_in(host, group):
    link = {"title": "预约", "desc": "周末", "url": "https://shop.example/book"}
    message = {"msgtype": "link", "link": link}

    opened = ask(host, "openExistedChatWithMsg", {"chatId": group, "msg": message})

    assert opened["url"].endswith(f"/groups/{group}/")
    said = host.sim("groups?userid=zhoulan")["groups"][0]["messages"][-1]
    assert said["attachments"][0]["link"]["url"] == link["url"]
    params = {"chatId": group, "msg": message}
    assert ask(host, "openExistedChatWithMsg", params, "LiMing") == "invalid chatId"
    assert ask(host, "openExistedChatWithMsg", {"chatId": group}) == "invalid msg"


def test_who_is_chosen_is_offered_no_second_time_where_the_page_wants_it_so(host):
    host.sim("jssdk/choose", {"userid": "zhoulan", "external_userids": ["wmA", "wmC"]})

    first = ask(host, "selectExternalContact", {"filterType": 1})

    assert first["result"]["userIds"] == ["wmA"]  # wmC is somebody else's
    rest = host.sim("jssdk/offered", {"userid": "zhoulan", "filterType": 1})["customers"]
    assert [row["external_userid"] for row in rest] == ["wmB"]
    assert ask(host, "selectExternalContact", {"filterType": 0}) == "cancel"
    assert ask(host, "selectExternalContact", {"filterType": 7}) == "invalid filterType"


def pick(host, *userids, **params):
    """`zhoulan` picks these colleagues when the page asks."""
    host.sim("jssdk/choose", {"userid": "zhoulan", "external_userids": list(userids)})
    asked = {"fromDepartmentId": 0, "mode": "multi", "agentId": 1000002, **params}
    answer = ask(host, "selectPrivilegedContact", asked)
    return answer if isinstance(answer, str) else answer["result"]


def test_of_the_colleagues_that_were_picked_the_page_learns_those_its_app_may_see(host):
    host.sim("agents/edit", {"agentid": 1000002, "visible_departments": [2]})

    found = pick(host, "LiMing", "zhoulan", "nobody")

    assert len(found["userList"]) == 1
    assert (found["selectedUserCount"], found["expiresIn"]) == (2, 7200)
    again = {"fromDepartmentId": 0, "mode": "multi", "selectedTickets": [found["selectedTicket"]]}
    listed = host.sim("jssdk/offered", {"userid": "zhoulan", "members": again})["members"]
    assert {row["userid"] for row in listed if row["chosen"]} == {"zhoulan", "LiMing"}
    by_id = {
        **again,
        "selectedTickets": [],
        "selectedOpenUserIds": [found["userList"][0]["openUserId"]],
    }
    listed = host.sim("jssdk/offered", {"userid": "zhoulan", "members": by_id})["members"]
    assert [row["userid"] for row in listed if row["chosen"]] == ["zhoulan"]


def test_one_colleague_from_the_own_department_on_and_what_is_wrong_is_named(host):
    assert pick(host, "LiMing", "zhoulan", mode="single")["selectedUserCount"] == 1
    assert pick(host, "LiMing", fromDepartmentId=-1) == "cancel"  # not in 人民广场店
    assert pick(host) == "cancel"
    assert pick(host, "LiMing", mode="all") == "invalid mode"
    assert pick(host, "LiMing", fromDepartmentId=2) == "invalid fromDepartmentId"


def test_calls_for_others_apps_and_for_forwarded_pages_say_why_they_fail(host):
    reason = "no permission: not for self-built apps"
    assert ask(host, "selectExternalChat", {}) == reason
    assert ask(host, "getShareInfo", {}) == "shareTicket missing"
    assert ask(host, "getShareInfo", {"shareTicket": "made-up"}) == "invalid shareTicket"


def test_what_is_shared_waits_for_its_member(host, group):
    ask(host, "shareToExternalContact", {**SHARE, "externalUserIds": ["wmA", "wmC"]})
    ask(host, "shareToExternalChat", {**SHARE, "chatIds": [group, "wrNone"]})

    to_people, to_group = host.sim("sends?userid=zhoulan")["sends"]
    assert [row["external_userid"] for row in to_people["receivers"]] == ["wmA"]
    assert (to_group["chat_type"], len(to_group["receivers"])) == ("group", 1)
    assert [row["counts"]["not_yet"] for row in (to_people, to_group)] == [1, 1]

    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": to_group["msgid"]})
    said = host.sim("groups?userid=zhoulan")["groups"][0]["messages"]
    assert said[-1]["text"] == "上新了"
    assert ask(host, "shareToExternalContact", {"externalUserIds": ["wmA"]}) == "nothing to share"
    too_many = {**SHARE, "externalUserIds": ["wmA"] * 20_001}
    assert ask(host, "shareToExternalContact", too_many) == "more than 20000 customers"
    assert ask(host, "shareToExternalChat", SHARE, "LiMing") == "no group to send to"


def test_a_post_of_ones_own_is_published_with_a_tap_and_listed_as_personal(host):
    ask(host, "shareToExternalMoments", SHARE)
    window = {"start_time": 1, "end_time": 2}
    now = int(host.sim("clock")["now"])
    window = {"start_time": now - 60, "end_time": now + 60}

    personal = host.api("externalcontact/get_moment_list", {**window, "filter_type": 1})
    of_corp = host.api("externalcontact/get_moment_list", {**window, "filter_type": 0})

    (post,) = personal["moment_list"]
    assert (post["creator"], post["create_type"]) == ("zhoulan", 1)
    assert of_corp["moment_list"] == []
    host.sim("moments/publish", {"userid": "zhoulan", "moment_id": post["moment_id"]})
    tasks = host.api("externalcontact/get_moment_task", {"moment_id": post["moment_id"]})
    assert tasks["task_list"] == [{"userid": "zhoulan", "publish_status": 1}]


def test_nobody_asks_who_does_not_work_here_and_nothing_that_does_not_exist(host):
    assert ask(host, "navigateToAddCustomer", userid="nobody") == "no permission"
    assert ask(host, "launchRocket") == "not supported by the simulator"
    host.sim("users/leave", {"userid": "zhoulan"})
    assert ask(host, "navigateToAddCustomer") == "no permission"
