"""Several corps in one process: nobody of one is known in the other."""

import requests

from .conftest import CORP, SECRET

OTHER = {"corp_id": "wwother0000000001", "agents": [{"agentid": 7, "secret": "other-secret"}]}
ANNA = {"departments": [{"id": 1, "name": "总部"}], "users": [{"userid": "anna", "name": "安娜"}]}


def token_of(host, corp_id, secret):
    query = {"corpid": corp_id, "corpsecret": secret}
    return requests.get(f"{host.url}/cgi-bin/gettoken", params=query, timeout=10).json()


def name_of(host, token):
    query = {"access_token": token, "userid": "anna"}
    return requests.get(f"{host.url}/cgi-bin/user/get", params=query, timeout=10).json().get("name")


def test_each_corp_has_its_own_people_tokens_and_secrets(host):
    host.sim("corps", OTHER)
    host.sim("seed", ANNA)
    there = {**ANNA, "users": [{"userid": "anna", "name": "安妮"}]}
    host.sim(f"seed?corp={OTHER['corp_id']}", there)

    ours = token_of(host, CORP, SECRET)["access_token"]
    theirs = token_of(host, OTHER["corp_id"], "other-secret")["access_token"]

    assert (name_of(host, ours), name_of(host, theirs)) == ("安娜", "安妮")
    assert token_of(host, OTHER["corp_id"], SECRET)["errcode"] == 40091
    assert token_of(host, "wwnobody", SECRET)["errcode"] == 40013


def test_a_phone_of_one_corp_is_nobody_at_the_others_sign_in(host):
    host.sim("corps", OTHER)
    host.sim(f"seed?corp={OTHER['corp_id']}", ANNA)
    host.sim("seed", ANNA)
    query = {
        "appid": OTHER["corp_id"], "agentid": "7", "redirect_uri": "http://127.0.0.1:9/back",
        "response_type": "code", "scope": "snsapi_base", "state": "s",
    }  # fmt: skip

    def come(**cookies):
        url = f"{host.url}/connect/oauth2/authorize"
        return requests.get(url, params=query, cookies=cookies, allow_redirects=False, timeout=10)

    assert come(sim_as="guide:anna").status_code == 200  # asks whose phone this is
    assert come(sim_as="guide:anna", sim_corp=OTHER["corp_id"]).status_code == 302


def test_corps_outlive_the_process_and_go_with_a_reset(host):
    host.sim("corps", OTHER)
    host.sim(f"seed?corp={OTHER['corp_id']}", ANNA)
    host.kill()
    host.start()

    assert host.sim(f"healthz?corp={OTHER['corp_id']}")["users"] == 1
    assert host.sim("healthz")["users"] == 2  # the shop of the first
    host.sim("reset", {})
    assert [one["corp_id"] for one in host.sim("corps")] == [CORP]
