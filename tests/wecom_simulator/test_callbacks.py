import pytest

FRIEND = {"userid": "zhoulan", "name": "新客"}


def names(listener):
    return [event["ExternalUserID"] for event in listener.events]


def test_url_is_checked_when_it_is_saved(host, listener):
    assert listener.register(host)["targets"] == [listener.url]

    listener.echo = False
    body = {"url": listener.url, "token": "listenertoken", "aes_key": "x" * 43}
    refused = host.sim("callback-config", {**body, "url": "http://127.0.0.1:9/"}, status=400)
    assert "URL check failed" in refused["error"]


def test_new_friend_arrives_signed_encrypted_and_with_a_welcome_code(host, listener):
    listener.register(host)

    made = host.sim("customers/add-guide", {**FRIEND, "state": "store_1"})

    host.sim("callbacks/flush", {})
    event = listener.events[0]
    assert event["Event"] == "change_external_contact"
    assert event["ChangeType"] == "add_external_contact"
    assert event["FromUserName"] == "sys"
    assert event["UserID"] == "zhoulan"
    assert event["ExternalUserID"] == made["external_userid"]
    assert event["WelcomeCode"] == made["welcome_code"]
    assert event["State"] == "store_1"


def test_adding_a_friend_twice_makes_no_second_event(host, listener):
    listener.register(host)

    again = host.sim("customers/add-guide", {"userid": "zhoulan", "external_userid": "wmA"})

    host.sim("callbacks/flush", {})
    assert again["already_friends"] is True
    assert listener.events == []


@pytest.mark.parametrize(
    ("by", "change"), [("customer", "del_follow_user"), ("guide", "del_external_contact")]
)
def test_either_side_deleting_is_its_own_event(host, listener, by, change):
    listener.register(host)

    host.sim("follows/delete", {"by": by, "userid": "zhoulan", "external_userid": "wmA"})

    host.sim("callbacks/flush", {})
    assert listener.events[0]["ChangeType"] == change


def test_deleted_by_the_customer_the_detail_still_lists_the_member(host):
    pair = {"userid": "zhoulan", "external_userid": "wmA"}

    host.sim("follows/delete", {"by": "customer", **pair})
    one_way = host.api("externalcontact/get", external_userid="wmA")
    host.sim("follows/delete", {"by": "guide", **pair})

    assert one_way["follow_user"][0]["userid"] == "zhoulan"
    assert host.api("externalcontact/get", external_userid="wmA")["errcode"] == 84061


def test_edit_in_the_client_is_an_event(host, listener):
    listener.register(host)

    host.sim("follows/edit", {"userid": "zhoulan", "external_userid": "wmA", "remark": "林姐"})

    host.sim("callbacks/flush", {})
    assert listener.events[0]["ChangeType"] == "edit_external_contact"


def test_events_keep_their_order(host, listener):
    listener.register(host)

    made = [host.sim("customers/add-guide", FRIEND)["external_userid"] for _ in range(20)]

    host.sim("callbacks/flush", {})
    assert names(listener) == made


def test_next_events_can_be_dropped_doubled_and_turned_round(host, listener):
    listener.register(host)

    def add():
        return host.sim("customers/add-guide", FRIEND)["external_userid"]

    host.sim("callbacks/faults", {"drop": 1})
    add()
    host.sim("callbacks/faults", {"duplicate": 1})
    doubled = add()
    host.sim("callbacks/flush", {})
    assert names(listener) == [doubled, doubled]

    listener.events.clear()
    host.sim("callbacks/faults", {"reorder": 3})
    turned = [add(), add(), add()]
    host.sim("callbacks/flush", {})
    assert names(listener) == turned[::-1]


def test_doubled_event_is_the_same_text_in_a_new_envelope(host, listener):
    listener.register(host)
    host.sim("callbacks/faults", {"duplicate": 1})

    host.sim("customers/add-guide", FRIEND)

    host.sim("callbacks/flush", {})
    assert listener.events[0] == listener.events[1]
    assert listener.raw[0] != listener.raw[1]


def test_refused_event_is_not_repeated_but_logged(host, listener):
    listener.register(host)
    listener.answers = [(500, 0)]

    host.sim("customers/add-guide", FRIEND)

    host.sim("callbacks/flush", {})
    log = host.sim("callbacks")["deliveries"]
    assert [row["result"] for row in log] == ["http 500"]
    assert len(listener.raw) == 1


def test_failed_connection_is_tried_again(host, listener):
    listener.register(host)
    listener.close()

    host.sim("customers/add-guide", FRIEND)

    assert host.sim("callbacks/flush", {"timeout_s": 1.5})["pending"] == 1
    log = host.sim("callbacks")["deliveries"]
    assert [row["result"] for row in log] == ["failed connection"] * 2
    assert [row["attempt"] for row in log] == [1, 2]


def test_no_welcome_code_when_the_admin_site_has_a_welcome(host, listener):
    listener.register(host)
    host.sim("switches", {"no_welcome_code": True})

    host.sim("customers/add-guide", FRIEND)

    host.sim("callbacks/flush", {})
    assert "WelcomeCode" not in listener.events[0]


def test_an_answer_that_comes_too_late_is_asked_for_three_times_more(host, listener):
    listener.register(host)
    host.sim("callbacks/faults", {"timeout_ms": 150, "retry_after_ms": 20})
    listener.answers = [(200, 0.4)] * 4

    host.sim("customers/add-guide", FRIEND)

    assert host.sim("callbacks/flush", {"timeout_s": 8})["pending"] == 0
    log = host.sim("callbacks")["deliveries"]
    assert [row["result"] for row in log] == ["timeout"] * 4
    assert [row["retry"] for row in log] == [True, True, True, False]
    assert host.sim("callbacks/faults", {})["faults"]["timeout_ms"] == 150
    host.sim("reset", {"keep_settings": True})
    assert host.sim("callbacks/faults", {})["faults"]["timeout_ms"] == 5000


def test_one_connection_carries_many_events_with_their_length(host, listener):
    listener.register(host)
    before = listener.connections

    for _ in range(5):
        host.sim("customers/add-guide", FRIEND)
    host.sim("callbacks/flush", {})

    assert len(listener.events) == 5  # each was read by its Content-Length
    assert listener.connections == before + 1
