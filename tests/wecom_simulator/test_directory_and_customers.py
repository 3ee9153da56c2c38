import pytest


def test_departments_come_whole_or_as_a_branch(host):
    everything = host.api("department/list")["department"]
    branch = host.api("department/simplelist", id="2")["department_id"]

    assert [row["name"] for row in everything] == ["总部", "人民广场店"]
    assert branch == [{"id": 2, "parentid": 1, "order": 1}]
    assert host.api("department/list", id="99")["errcode"] == 60123


def test_members_are_listed_by_department(host):
    direct = host.api("user/simplelist", department_id="1")["userlist"]
    below = host.api("user/list", department_id="1", fetch_child="1")["userlist"]

    assert [row["userid"] for row in direct] == ["LiMing"]
    assert {row["userid"] for row in below} == {"zhoulan", "LiMing"}
    assert "mobile" not in below[0]
    assert "avatar" not in below[0]


def test_userid_is_found_in_any_case(host):
    assert host.api("user/get", userid="liming")["userid"] == "LiMing"
    assert host.api("user/get", userid="nobody")["errcode"] == 60111


def test_app_sees_only_its_visible_range(host):
    agent = {"agentid": 1000002, "secret": "app-secret-one", "visible_departments": [2]}
    host.sim("corp", {"agents": [agent]})

    assert host.api("externalcontact/get_follow_user_list")["follow_user"] == ["zhoulan"]
    assert host.api("user/get", userid="LiMing")["errcode"] == 60111
    assert host.api("externalcontact/get", external_userid="wmC")["errcode"] == 84061


def test_app_without_customer_permission_is_refused(host):
    agent = {"agentid": 1000002, "secret": "app-secret-one", "customer_contact": False}
    host.sim("corp", {"agents": [agent]})

    assert host.api("externalcontact/list", userid="zhoulan")["errcode"] == 48002


def test_customers_of_a_member(host):
    answer = host.api("externalcontact/list", userid="zhoulan")

    assert answer["external_userid"] == ["wmA", "wmB"]


def test_member_without_customers_answers_84061_with_an_empty_list(host):
    host.sim("seed", {"users": [{"userid": "newone"}]})

    answer = host.api("externalcontact/list", userid="newone")

    assert answer["errcode"] == 84061
    assert answer["external_userid"] == []


def test_detail_shows_person_and_followers(host):
    answer = host.api("externalcontact/get", external_userid="wmA")

    assert answer["external_contact"]["name"] == "林晓雯"
    assert answer["external_contact"]["unionid"] == "uA"
    assert answer["follow_user"][0]["userid"] == "zhoulan"
    assert answer["follow_user"][0]["createtime"] == 1767225600
    assert host.api("externalcontact/get", external_userid="wmNo")["errcode"] == 40096
    assert host.api("externalcontact/get")["errcode"] == 41035


def all_pages(host, userids, limit):
    rows, cursor = [], ""
    while True:
        body = {"userid_list": userids, "limit": limit, "cursor": cursor}
        answer = host.api("externalcontact/batch/get_by_user", body)
        assert answer["errcode"] == 0
        rows.extend(answer["external_contact_list"])
        cursor = answer["next_cursor"]
        if not cursor:
            return rows


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_batch_pages_give_every_friendship_once(host, limit):
    customers = [
        {
            "external_userid": f"wmP{number}",
            "follows": [{"userid": "zhoulan"}, {"userid": "LiMing"}],
        }
        for number in range(9)
    ]
    host.sim("seed", {"customers": customers})

    rows = all_pages(host, ["zhoulan", "LiMing"], limit)

    pairs = [
        (row["follow_info"]["userid"], row["external_contact"]["external_userid"]) for row in rows
    ]
    assert len(pairs) == len(set(pairs)) == 9 * 2 + 3


def test_batch_limit_over_the_maximum_becomes_the_maximum(host):
    many = [{"external_userid": f"wmM{n}", "follows": [{"userid": "zhoulan"}]} for n in range(120)]
    host.sim("seed", {"customers": many})

    body = {"userid_list": ["zhoulan"], "limit": 5000}
    answer = host.api("externalcontact/batch/get_by_user", body)

    assert len(answer["external_contact_list"]) == 100
    assert answer["next_cursor"]


def test_foreign_and_old_cursors_are_refused(host):
    path, body = "externalcontact/batch/get_by_user", {"userid_list": ["zhoulan"], "limit": 1}
    cursor = host.api(path, body)["next_cursor"]

    assert host.api(path, {**body, "cursor": "nonsense"})["errcode"] == 40058
    other = {"userid_list": ["LiMing"], "limit": 1, "cursor": cursor}
    assert host.api(path, other)["errcode"] == 40058
    host.sim("clock", {"advance_s": 3700})
    assert host.api(path, {**body, "cursor": cursor})["errcode"] == 40058


def test_remark_is_kept_and_makes_no_callback(host, listener):
    listener.register(host)
    body = {"userid": "zhoulan", "external_userid": "wmA", "remark": "林女士"}
    body["remark_mobiles"] = ["02100000000"]

    assert host.api("externalcontact/remark", body)["errcode"] == 0

    follow = host.api("externalcontact/get", external_userid="wmA")["follow_user"][0]
    assert (follow["remark"], follow["remark_mobiles"]) == ("林女士", ["02100000000"])
    assert host.sim("callbacks/flush", {})["pending"] == 0
    assert listener.events == []


def test_remark_of_another_members_customer_is_refused(host):
    body = {"userid": "zhoulan", "external_userid": "wmC", "remark": "x"}

    assert host.api("externalcontact/remark", body)["errcode"] == 84061
    assert host.api("externalcontact/remark", {**body, "remark": "x" * 21})["errcode"] == 84061
    mine = {**body, "external_userid": "wmA", "remark": "x" * 21}
    assert host.api("externalcontact/remark", mine)["errcode"] == 40058


def test_tags_are_made_marked_edited_and_deleted(host):
    made = host.api("externalcontact/add_corp_tag", {
        "group_name": "尺码", "tag": [{"name": "37 码"}, {"name": "38 码"}, {"name": "37 码"}],
    })["tag_group"]  # fmt: skip
    first, second = (tag["id"] for tag in made["tag"])
    mark = {"userid": "zhoulan", "external_userid": "wmA", "add_tag": [first, second]}

    assert host.api("externalcontact/mark_tag", mark)["errcode"] == 0
    assert host.api("externalcontact/edit_corp_tag", {"id": first, "name": "36 码"})["errcode"] == 0
    assert host.api("externalcontact/del_corp_tag", {"tag_id": [second]})["errcode"] == 0

    tags = host.api("externalcontact/get", external_userid="wmA")["follow_user"][0]["tags"]
    assert [(tag["group_name"], tag["tag_name"]) for tag in tags] == [("尺码", "36 码")]
    listed = host.api("externalcontact/get_corp_tag_list", {})["tag_group"]
    assert [tag["name"] for group in listed for tag in group["tag"]] == ["36 码"]


def test_group_vanishes_with_its_last_tag(host):
    made = host.api("externalcontact/add_corp_tag", {"group_name": "G", "tag": [{"name": "a"}]})
    tag_id = made["tag_group"]["tag"][0]["id"]

    host.api("externalcontact/del_corp_tag", {"tag_id": [tag_id]})

    assert host.api("externalcontact/get_corp_tag_list", {})["tag_group"] == []


def test_tag_errors_are_told_apart(host):
    add, mark = "externalcontact/add_corp_tag", "externalcontact/mark_tag"
    pair = {"userid": "zhoulan", "external_userid": "wmA"}

    assert host.api(add, {"group_name": "G", "tag": []})["errcode"] == 40063
    assert host.api(add, {"group_name": "G", "tag": [{"name": "x" * 31}]})["errcode"] == 40072
    assert host.api(mark, pair)["errcode"] == 40063
    assert host.api(mark, {**pair, "add_tag": ["etNo"]})["errcode"] == 40068


def test_contact_way_leads_a_customer_to_its_member(host, listener):
    listener.register(host)
    made = host.api(
        "externalcontact/add_contact_way",
        {"type": 1, "scene": 2, "state": "store_q3", "user": ["zhoulan"]},
    )

    host.sim("customers/add-guide", {"config_id": made["config_id"], "name": "新客"})

    host.sim("callbacks/flush", {})
    assert made["qr_code"].endswith(f"/qr/{made['config_id']}/")
    assert listener.events[0]["State"] == "store_q3"
    assert listener.events[0]["UserID"] == "zhoulan"


def test_contact_way_is_read_changed_and_deleted(host):
    made = host.api(
        "externalcontact/add_contact_way", {"type": 2, "scene": 2, "user": ["zhoulan", "LiMing"]}
    )
    ident = {"config_id": made["config_id"]}

    assert host.api("externalcontact/update_contact_way", {**ident, "state": "x"})["errcode"] == 0
    way = host.api("externalcontact/get_contact_way", ident)["contact_way"]
    assert (way["state"], way["user"]) == ("x", ["zhoulan", "LiMing"])
    assert host.api("externalcontact/del_contact_way", ident)["errcode"] == 0
    assert host.api("externalcontact/get_contact_way", ident)["errcode"] == 41044


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"scene": 2, "user": ["zhoulan"]}, 41037),
        ({"type": 1, "user": ["zhoulan"]}, 41038),
        ({"type": 1, "scene": 2, "user": ["zhoulan", "LiMing"]}, 40058),
        ({"type": 2, "scene": 2, "user": ["zhoulan"] * 101}, 41041),
        ({"type": 1, "scene": 2, "user": ["nobody"]}, 60111),
    ],
)
def test_contact_way_errors_are_told_apart(host, body, errcode):
    assert host.api("externalcontact/add_contact_way", body)["errcode"] == errcode


def test_ten_thousand_customers_are_seeded_in_one_call(host):
    customers = [
        {
            "external_userid": f"wmBulk{number:06d}",
            "name": f"客户{number}",
            "follows": [{"userid": "zhoulan", "createtime": 1767225600 + number}],
        }
        for number in range(10_000)
    ]

    assert host.sim("seed", {"customers": customers})["follows"] == 10_000
