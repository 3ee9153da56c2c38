import requests


def test_tags_edited_in_the_client_are_told_one_by_one(host, listener):
    listener.register(host)
    tag = host.sim("tags/create", {"group_name": "等级", "name": "金卡"})
    host.sim("tags/rename", {"id": tag["id"], "name": "黑金"})
    host.sim("tags/shuffle", {})
    host.sim("tags/delete", {"id": tag["group_id"]})
    host.sim("callbacks/flush", {})

    told = [(row["ChangeType"], row.get("TagType")) for row in listener.events]
    assert told == [
        ("create", "tag_group"), ("create", "tag"), ("update", "tag"), ("shuffle", None),
        ("delete", "tag_group"),
    ]  # fmt: skip
    assert host.sim("truth?kind=tags")["tags"] == []


def test_tag_of_the_administrator_is_no_apps_to_edit(host):
    tag = host.sim("tags/create", {"group_name": "等级", "name": "金卡"})
    answer = host.api("externalcontact/edit_corp_tag", {"id": tag["id"], "name": "x"})
    assert answer["errcode"] == 81011


def test_half_a_friend_is_hidden_until_confirmed_and_welcomed_once(host, listener):
    listener.register(host)
    came = host.sim("customers/add-guide", {"userid": "zhoulan", "name": "半", "half": True})
    ident, pair = came["external_userid"], {"userid": "zhoulan"}
    assert host.api("externalcontact/get", external_userid=ident)["errcode"] == 84061
    assert ident not in host.api("externalcontact/list", **pair)["external_userid"]
    assert host.send(ident)["errcode"] == 41048
    welcome = {"welcome_code": came["welcome_code"], "text": {"content": "你好"}}
    assert host.api("externalcontact/send_welcome_msg", welcome)["errcode"] == 0

    host.sim("follows/confirm", {**pair, "external_userid": ident})
    host.sim("callbacks/flush", {})

    kinds = [(row["ChangeType"], "WelcomeCode" in row) for row in listener.events]
    assert kinds == [("add_half_external_contact", True), ("add_external_contact", False)]
    assert host.api("externalcontact/get", external_userid=ident)["errcode"] == 0


def test_news_and_pictures_reach_the_phone(host):
    news = {"articles": [{"title": "周报", "url": "https://example.com/w", "description": "看看"}]}
    base = {"touser": "zhoulan|nobody", "toparty": "99", "agentid": 1000002}
    sent = host.api("message/send", {**base, "msgtype": "news", "news": news})
    assert (sent["errcode"], sent["invaliduser"], sent["invalidparty"]) == (0, "nobody", "99")
    made_up = {**base, "msgtype": "image", "image": {"media_id": "x"}}
    assert host.api("message/send", made_up)["errcode"] == 40007
    page = requests.get(f"{host.url}/phone/guide/zhoulan/notices/", timeout=5).text
    assert "周报" in page
