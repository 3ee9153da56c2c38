"""Members and departments change in the admin site; who is told, and of what."""

import pytest

from tests.wecom_simulator.conftest import AES_KEY, TOKEN

APP = 1000002


@pytest.fixture
def contacts(host, listener):
    """An address of contact sync."""
    body = {"url": listener.url, "token": TOKEN, "aes_key": AES_KEY, "contacts": True}
    host.sim("callback-config", body)
    return listener


def told(host, listener):
    host.sim("callbacks/flush", {})
    return [
        {name: value for name, value in event.items() if name not in ("CreateTime", "ToUserName")}
        for event in listener.events
    ]


def test_contact_sync_hears_ids_and_departments_and_nothing_else(host, contacts):
    host.sim("users/create", {"userid": "chenwei", "name": "陈薇", "department": [1, 2]})
    host.sim("users/edit", {"userid": "chenwei", "name": "陈薇薇"})  # no news for anybody
    host.sim("users/edit", {"userid": "ChenWei", "department": [2]})
    host.sim("users/leave", {"userid": "chenwei"})
    host.sim("customers/add-guide", {"userid": "zhoulan", "name": "新客"})

    sync = {"FromUserName": "sys", "MsgType": "event", "Event": "change_contact"}
    assert told(host, contacts) == [
        {**sync, "ChangeType": "create_user", "UserID": "chenwei", "Department": "1,2"},
        {**sync, "ChangeType": "update_user", "UserID": "chenwei", "Department": "2"},
        {**sync, "ChangeType": "delete_user", "UserID": "chenwei"},
    ]


def test_departments_come_change_and_go(host, contacts):
    made = host.sim("departments/keep", {"name": "徐家汇店", "parentid": 1})["id"]
    host.sim("departments/keep", {"id": made, "name": "徐家汇二店"})
    assert "sit in" in host.sim("departments/delete", {"id": 2}, status=400)["error"]
    host.sim("departments/delete", {"id": made})

    assert [event["ChangeType"] for event in told(host, contacts)] == [
        "create_party",
        "update_party",
        "delete_party",
    ]
    assert [row["id"] for row in host.api("department/list")["department"]] == [1, 2]


def test_an_app_hears_who_enters_and_leaves_its_range(host, listener):
    listener.register(host)
    agent = {"agentid": APP, "secret": "app-secret-one", "visible_departments": [2]}
    host.sim("corp", {"agents": [agent]})

    host.sim("users/create", {"userid": "chenwei", "name": "陈薇", "department": [1]})
    host.sim("users/edit", {"userid": "chenwei", "department": [2]})
    host.sim("users/edit", {"userid": "zhoulan", "department": [1]})
    host.sim("users/leave", {"userid": "chenwei"})

    events = told(host, listener)
    assert [(event["Event"], event["FromUserName"]) for event in events] == [
        ("subscribe", "chenwei"),
        ("unsubscribe", "zhoulan"),
        ("unsubscribe", "chenwei"),
    ]
    assert {(event["AgentID"], event["EventKey"]) for event in events} == {(str(APP), None)}
    assert host.api("user/get", userid="zhoulan")["errcode"] == 60111


def test_another_apps_own_events_are_not_for_this_address(host, listener):
    body = {"url": listener.url, "token": TOKEN, "aes_key": AES_KEY, "agentid": "1000099"}
    host.sim("callback-config", body)

    host.sim("users/leave", {"userid": "zhoulan"})
    host.sim("customers/add-guide", {"userid": "LiMing", "name": "新客"})

    assert [event["Event"] for event in told(host, listener)] == ["change_external_contact"]


def test_an_account_that_is_gone_can_be_made_anew(host):
    taken = host.sim("users/create", {"userid": "zhoulan", "department": [1]}, status=400)
    assert "already" in taken["error"]
    host.sim("users/leave", {"userid": "zhoulan"})
    assert host.api("user/get", userid="zhoulan")["errcode"] == 60111
    gone = host.sim("users/leave", {"userid": "zhoulan"}, status=400)  # not twice
    assert "has left" in gone["error"]

    host.sim("users/create", {"userid": "zhoulan", "name": "周岚", "department": [2]})

    assert host.api("user/get", userid="zhoulan")["department"] == [2]
