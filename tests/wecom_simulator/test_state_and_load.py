import time

import pytest

from .conftest import Host

WEIGHTS = {"add": 3, "reply": 2, "edit": 2, "delete_by_customer": 1, "delete_by_guide": 1}


def rush(host, **more):
    host.sim("load", {"rate": 0, "total": 60, "seed": 11, "weights": WEIGHTS, **more})
    until = time.monotonic() + 20
    while (report := host.sim("load"))["running"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    return report


def relations(host):
    rows = host.sim("truth?kind=follows")["follows"]
    return [(row["userid"], row["external_userid"], row["remark"]) for row in rows]


def test_saved_state_comes_back_whole_and_the_clock_with_it(host):
    host.sim("clock", {"now": "2026-03-01T10:00:00"})
    msgid = host.send("wmA")["msgid"]
    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})
    truth = host.sim("truth?digest=1")["digests"]
    assert host.sim("state/save", {"name": "one"})["bytes"] > 100

    host.sim("follows/delete", {"by": "guide", "userid": "zhoulan", "external_userid": "wmA"})
    host.sim("clock", {"reset": True})
    host.sim("state/load", {"name": "one", "time": "saved"})

    assert host.sim("truth?digest=1")["digests"] == truth
    assert abs(host.sim("clock")["now"] - 1772330400) < 60
    assert host.sim("sends")["sends"][0]["counts"]["sent"] == 1
    assert "one" in host.sim("state/saved")["saved"]


def test_state_can_be_carried_elsewhere_and_survives_a_kill(host, own_host):
    host.sim("groups/create", {"userid": "zhoulan", "name": "群", "external_userids": ["wmA"]})
    carried = host.sim("state")
    own_host.start()
    own_host.sim("state/load", {"state": carried})
    own_host.kill()
    own_host.start()

    assert own_host.sim("truth?digest=1")["digests"] == host.sim("truth?digest=1")["digests"]


@pytest.mark.parametrize("name", ["../x", "", "a" * 65])
def test_names_of_saved_states_stay_in_the_folder(host, name):
    assert "name" in host.sim("state/save", {"name": name}, status=400)["error"]


def test_same_rush_does_the_same_things(host):
    first = rush(host)
    one = relations(host)
    host.sim("reset", {})
    host.seed_shop()
    second = rush(host)

    assert sum(first["done"].values()) == 60
    assert first["done"] == second["done"]
    assert one == relations(host)


def test_rush_tells_the_product_everything_it_does(host, listener):
    listener.register(host)
    host.sim("callbacks/faults", {"senders": 8})
    done = rush(host)["done"]
    assert host.sim("callbacks/flush", {"timeout_s": 20})["pending"] == 0
    host.sim("callbacks/faults", {"senders": 1})

    kinds = [event["ChangeType"] for event in listener.events]
    assert kinds.count("add_external_contact") == done["add"]
    assert kinds.count("edit_external_contact") == done["edit"]
    assert kinds.count("del_follow_user") == done["delete_by_customer"]
    assert kinds.count("del_external_contact") == done["delete_by_guide"]
    assert len(kinds) == 60 - done["reply"]


GROUP_WEIGHTS = {
    "add": 3, "scan": 3, "open_group": 1, "join": 6, "leave": 3, "say": 2, "dismiss": 1,
}  # fmt: skip


def hang_codes(host):
    """A contact code of two members, and a group with the code that leads into it."""
    code = {"type": 2, "scene": 2, "user": ["zhoulan", "LiMing"], "state": "poster_7"}
    assert host.api("externalcontact/add_contact_way", code)["errcode"] == 0
    made = host.sim(
        "groups/create", {"userid": "zhoulan", "name": "老客群", "external_userids": ["wmA"]}
    )
    way = {"scene": 2, "chat_id_list": [made["chat_id"]], "state": "door"}
    assert host.api("externalcontact/groupchat/add_join_way", way)["errcode"] == 0
    return made["chat_id"]


def test_a_rush_comes_by_codes_and_fills_groups(host, listener):
    chat_id = hang_codes(host)
    listener.register(host)
    done = rush(host, total=200, weights=GROUP_WEIGHTS)["done"]
    assert host.sim("callbacks/flush", {"timeout_s": 20})["pending"] == 0

    assert set(done) == set(GROUP_WEIGHTS)
    told = [(event["ChangeType"], event.get("UpdateDetail", "")) for event in listener.events]
    assert told.count(("add_external_contact", "")) == done["add"] + done["scan"]
    assert told.count(("create", "")) == done["open_group"]
    assert told.count(("update", "add_member")) == done["join"]
    assert told.count(("update", "del_member")) == done["leave"]
    assert told.count(("dismiss", "")) == done["dismiss"]
    states = [event.get("State") for event in listener.events]
    assert states.count("poster_7") == done["scan"]
    joined = [event for event in listener.events if event.get("UpdateDetail") == "add_member"]
    assert {event["JoinScene"] for event in joined} == {"3"}  # all by the code that hangs
    assert chat_id in {event["ChatId"] for event in joined}


def test_without_codes_and_groups_a_rush_makes_what_it_needs(host):
    done = rush(host, total=40, weights={"scan": 1, "leave": 1, "join": 2})["done"]

    assert "scan" not in done  # no code hangs anywhere: they are added without one
    assert done["add"] > 0
    assert done["open_group"] == 1
    assert done["join"] > 0


def test_a_rush_of_unknown_things_is_refused(host):
    error = host.sim("load", {"weights": {"dance": 1}}, status=400)["error"]
    assert "dismiss" in error


def test_hosts_with_one_seed_give_the_same_ids(tmp_path):
    found = []
    for folder in ("a", "b"):
        host = Host(tmp_path / folder)
        host.start("--seed", "5")
        try:
            host.sim("seed", {"users": [{"userid": "u1", "name": "甲"}]})
            found.append(host.sim("customers/add-guide", {"userid": "u1", "name": "乙"}))
        finally:
            host.stop()

    assert found[0] == found[1]
    assert found[0]["external_userid"].startswith("wm")
