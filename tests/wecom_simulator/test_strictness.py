from .conftest import CORP, SECRET

AGENT = {"agentid": 1000002, "secret": SECRET}


def agent(host, **more):
    host.sim("corp", {"agents": [{**AGENT, **more}]})
    host.token = None


def test_address_that_is_not_trusted_is_refused_and_told_its_own(host):
    agent(host, trusted_ips=["10.0.0.9"])
    answer = host.api("user/get", userid="zhoulan")
    assert answer["errcode"] == 60020
    assert "from ip: 127.0.0.1" in answer["errmsg"]
    assert "devtool/query?e=60020" in answer["errmsg"]

    agent(host, trusted_ips=["127.0.0.1"])
    assert host.api("user/get", userid="zhoulan")["errcode"] == 0


def test_visible_range_of_departments_and_single_members(host):
    agent(host, visible_departments=[2])
    assert host.api("user/get", userid="zhoulan")["errcode"] == 0
    assert host.api("user/get", userid="LiMing")["errcode"] == 60111
    assert host.api("user/list", department_id="1")["errcode"] == 60011
    assert [row["id"] for row in host.api("department/list")["department"]] == [2]

    agent(host, visible_departments=[2], visible_users=["LiMing"])
    assert host.api("user/get", userid="LiMing")["errcode"] == 0
    assert host.api("externalcontact/get_follow_user_list")["follow_user"] == ["zhoulan", "LiMing"]


def test_app_that_may_not_call_customer_contact(host):
    agent(host, customer_contact=False)
    assert host.api("externalcontact/get_follow_user_list")["errcode"] == 48002


def test_guessing_secrets_blocks_the_address_for_the_hour(host):
    host.sim("switches", {"bad_secrets_block": 3})
    codes = [host.sign_in(secret="wrong")["errcode"] for _ in range(4)]
    assert codes == [40001, 40001, 40001, 45009]
    assert host.sign_in()["errcode"] == 45009

    host.sim("clock", {"advance_s": 3600})
    assert host.sign_in()["errcode"] == 0


def test_too_many_reads_at_once(host):
    host.sim("switches", {"concurrent_reads": 0})
    assert host.api("user/get", userid="zhoulan")["errcode"] == 45033


def test_debug_mode_is_for_five_calls_a_minute(host):
    # a minute may end between two of them: of eleven calls six are in one
    codes = [host.api("user/get", userid="zhoulan", debug=1)["errcode"] for _ in range(11)]
    assert codes[:5] == [0] * 5
    assert set(codes) == {0, 45009}


def test_share_of_calls_fails_until_it_is_cleared(host):
    host.sim("faults", {"path": "user/*", "errcode": -1, "share": 0.5, "times": 1000})
    codes = [host.api("user/get", userid="zhoulan")["errcode"] for _ in range(60)]
    assert 10 < codes.count(-1) < 50
    assert set(codes) == {0, -1}

    host.sim("faults/clear", {})
    assert host.api("user/get", userid="zhoulan")["errcode"] == 0


def test_share_of_callbacks_is_lost_and_doubled(host, listener):
    listener.register(host)
    host.sim("callbacks/faults", {"drop_share": 1})
    host.sim("customers/add-guide", {"userid": "zhoulan", "name": "没听说"})
    host.sim("callbacks/faults", {"drop_share": 0, "duplicate_share": 1, "reorder_share": 1,
                                  "spread_ms": 50})  # fmt: skip
    host.sim("customers/add-guide", {"userid": "zhoulan", "name": "听说两次"})
    host.sim("callbacks/flush", {})

    assert len(listener.events) == 2
    assert listener.events[0] == listener.events[1]
    log = [row["result"] for row in host.sim("callbacks")["deliveries"]]
    assert log.count("dropped") == 1
    assert "Unknown" in host.sim("callbacks/faults", {"explode": 1}, status=400)["error"]


def test_tokens_of_another_corp_and_missing_ones(host):
    assert host.sim("corp")["corp_id"] == CORP
    host.token = "nonsense"
    assert host.api("user/get", userid="zhoulan")["errcode"] == 40014
