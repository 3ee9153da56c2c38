import pytest
import requests


def get(host, path):
    answer = requests.get(f"{host.url}{path}", timeout=5)
    assert answer.status_code == 200, path
    return answer.text


def post(host, path, **data):
    return requests.post(f"{host.url}{path}", data=data, timeout=5)


def test_guide_makes_a_group_and_runs_it_from_the_phone(host):
    post(host, "/phone/guide/zhoulan/groups/create", name="会员群", external_userid=["wmA", "wmB"])
    chat_id = host.sim("truth?kind=groups")["groups"][0]["chat_id"]
    here = f"/phone/guide/zhoulan/groups/{chat_id}/"
    assert "会员群" in get(host, "/phone/guide/zhoulan/groups/")

    post(host, f"{here}act", text="大家好")
    post(host, f"{here}act", do="remove", ident="wmB")
    post(host, f"{here}act", do="rename", name="老会员群")
    assert "大家好" in get(host, here)
    assert "老会员群" in get(host, "/phone/customer/wmA/")
    post(host, f"/phone/customer/wmA/groups/{chat_id}/act", do="leave")

    assert host.sim("truth?kind=groups")["groups"][0]["members"] == ["zhoulan"]


def test_group_that_is_not_theirs_is_not_found(host):
    chat_id = host.sim("groups/create", {"userid": "zhoulan", "name": "x"})["chat_id"]
    url = f"{host.url}/phone/guide/LiMing/groups/{chat_id}/"
    assert requests.get(url, timeout=5).status_code == 404


def test_guide_edits_tags_and_remark_and_deletes_the_customer(host):
    group = host.api("externalcontact/add_corp_tag", {"group_name": "等级",
                                                      "tag": [{"name": "金卡"}]})  # fmt: skip
    tag = group["tag_group"]["tag"][0]["id"]
    here = "/phone/guide/zhoulan/chat/wmA/"
    assert "金卡" in get(host, f"{here}details/")

    post(host, f"{here}edit", remark="林姐", description="", tag=[tag])
    row = next(
        row for row in host.sim("truth?kind=follows")["follows"] if row["external_userid"] == "wmA"
    )
    assert (row["remark"], row["tags"]) == ("林姐", [tag])

    post(host, f"{here}edit", do="delete")
    assert host.sim("truth?digest=1")["counts"]["follows"] == 2


def test_customer_scans_a_code_and_a_group_code_from_the_list(host):
    body = {"type": 1, "scene": 2, "user": ["LiMing"], "state": "poster_7", "remark": "门口海报"}
    way = host.api("externalcontact/add_contact_way", body)["config_id"]
    chat_id = host.sim("groups/create", {"userid": "zhoulan", "name": "群"})["chat_id"]
    room = host.api("externalcontact/groupchat/add_join_way",
                    {"scene": 2, "chat_id_list": [chat_id], "remark": "群海报"})  # fmt: skip
    page = get(host, "/phone/customer/wmA/scan/")
    assert "门口海报" in page
    assert "群海报" in page

    post(host, f"/qr/{way}/", external_userid="wmA")
    post(host, f"/group-code/{room['config_id']}/", external_userid="wmA")

    states = [row["state"] for row in host.sim("truth?kind=follows")["follows"]]
    assert "poster_7" in states
    assert "wmA" in host.sim("truth?kind=groups")["groups"][0]["members"]


@pytest.mark.parametrize("path", ["/ca/none", "/media/sim_media_00", "/group-code/none/"])
def test_what_is_not_there_is_not_found(host, path):
    assert requests.get(f"{host.url}{path}", timeout=5).status_code == 404
