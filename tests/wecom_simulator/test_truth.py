import xml.etree.ElementTree as ElementTree

from apps.wecom_simulator import callbacks


def truth(host, kind):
    return host.sim(f"truth?kind={kind}")[kind]


def test_list_in_an_event_becomes_items():
    clear = callbacks.event_xml("ww1", 1, {"MemChangeList": ["wmA", "wm<B"], "MemChangeCnt": 2})
    items = [node.text for node in ElementTree.fromstring(clear).find("MemChangeList")]
    assert items == ["wmA", "wm<B"]


def test_truth_follows_every_change_and_its_digest_too(host):
    before = host.sim("truth?digest=1")
    host.sim("follows/edit", {"userid": "zhoulan", "external_userid": "wmA", "remark": "林姐"})
    host.sim("follows/delete", {"by": "customer", "userid": "LiMing", "external_userid": "wmC"})
    after = host.sim("truth?digest=1")

    assert before["counts"]["follows"] == after["counts"]["follows"] == 3
    assert before["digests"]["follows"] != after["digests"]["follows"]
    assert before["digests"]["users"] == after["digests"]["users"]
    found = {(row["userid"], row["external_userid"]): row for row in truth(host, "follows")}
    assert found["zhoulan", "wmA"]["remark"] == "林姐"
    assert found["LiMing", "wmC"]["deleted_by_customer"] is True


def test_leaver_is_no_member_for_the_api_any_more(host):
    assert host.sim("users/leave", {"userid": "zhoulan"})["customers"] == 2

    assert host.api("user/get", userid="zhoulan")["errcode"] == 60111
    assert [row["userid"] for row in truth(host, "users")] == ["LiMing"]
    assert {row["userid"] for row in truth(host, "follows")} == {"LiMing"}
