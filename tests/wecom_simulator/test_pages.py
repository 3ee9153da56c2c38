import requests


def page(host, path, **query):
    answer = requests.get(f"{host.url}{path}", params=query)
    answer.encoding = "utf-8"
    return answer


def post(host, path, **form):
    return requests.post(f"{host.url}{path}", data=form, allow_redirects=False)


def test_home_lists_phones_and_finds_by_name(host):
    everything = page(host, "/").text
    found = page(host, "/", q="林晓").text

    assert "周岚" in everything
    assert "模拟的企业微信" in everything
    assert "林晓雯" in found
    assert "陈静怡" not in found


def test_notice_card_leads_through_open_to_the_page_and_signs_the_browser_in(host):
    card = {
        "title": "今天的客户",
        "description": "8 位<br>今天",
        "url": "http://127.0.0.1:9/g/?a=1&b=2",
    }
    host.api("message/send", {
        "touser": "zhoulan", "msgtype": "textcard", "agentid": 1000002, "textcard": card,
    })  # fmt: skip

    shown = page(host, "/phone/guide/zhoulan/notices/").text
    opened = requests.get(
        f"{host.url}/open",
        params={"as": "guide:zhoulan", "url": card["url"]},
        allow_redirects=False,
    )

    assert (
        "/open?as=guide%3Azhoulan&amp;url=http%3A%2F%2F127.0.0.1%3A9%2Fg%2F%3Fa%3D1%26b%3D2"
        in shown
    )
    assert opened.headers["Location"] == card["url"]
    assert opened.cookies["sim_as"].strip('"') == "guide:zhoulan"


def test_card_marks_are_shown_and_other_markup_is_text(host):
    card = {
        "title": "<b>题</b>",
        "description": '<div class="gray">灰</div><script>alert(1)</script>',
        "url": "http://127.0.0.1:9/",
    }
    host.api("message/send", {
        "touser": "zhoulan", "msgtype": "textcard", "agentid": 1000002, "textcard": card,
    })  # fmt: skip

    shown = page(host, "/phone/guide/zhoulan/notices/").text

    assert '<p class="gray">灰</p>' in shown
    assert "<script>alert" not in shown
    assert "&lt;b&gt;题" in shown


def test_guide_confirms_with_the_button_on_the_phone(host):
    msgid = host.send("wmA", "wmB", text="新靴到店")["msgid"]
    path = f"/phone/guide/zhoulan/sends/{msgid}/"
    before = page(host, path).text

    answer = post(host, f"{path}confirm")

    assert "确认发送" in before
    assert "2 位客户" in before
    assert answer.headers["Location"] == path
    assert "已发送给 2 位客户" in page(host, path).text
    assert post(host, f"{path}confirm").status_code == 409


def test_guide_can_put_a_send_off_and_confirm_later(host):
    msgid = host.send("wmA")["msgid"]

    post(host, f"/phone/guide/zhoulan/sends/{msgid}/ignore")

    assert "暂不发送，仍可确认" in page(host, "/phone/guide/zhoulan/sends/").text
    post(host, f"/phone/guide/zhoulan/sends/{msgid}/confirm")
    assert host.sim("phones/customers/wmA")["messages"][0]["msgid"] == msgid


def test_customers_phone_shows_the_message_with_a_link_to_tap(host):
    msgid = host.send("wmA", text="看看 http://127.0.0.1:9/l/AbC，好吗")["msgid"]
    host.sim("sends/confirm", {"userid": "zhoulan", "msgid": msgid})

    shown = page(host, "/phone/customer/wmA/").text

    assert "/open?as=customer%3AwmA&amp;url=http%3A%2F%2F127.0.0.1%3A9%2Fl%2FAbC" in shown
    assert "%EF%BC%8C" not in shown.split("/l")[0][-80:]


def test_customer_replies_and_deletes_and_the_api_sees_no_reply(host, listener):
    listener.register(host)

    post(host, "/phone/guide/zhoulan/chat/wmA/say", **{"from": "customer", "text": "好的"})
    post(host, "/phone/customer/wmA/part", userid="zhoulan")

    host.sim("callbacks/flush", {})
    assert [event["ChangeType"] for event in listener.events] == ["del_follow_user"]
    assert "你已删除这位好友" in page(host, "/phone/customer/wmA/").text
    assert "好的" in page(host, "/phone/guide/zhoulan/chat/wmA/").text


def test_unknown_people_are_404(host):
    for path in (
        "/phone/guide/nobody/",
        "/phone/customer/wmNo/",
        "/phone/guide/zhoulan/chat/wmC/",
        "/phone/guide/zhoulan/sends/msgNo/",
        "/qr/none/",
        "/static/settings.py",
    ):
        assert page(host, path).status_code == 404, path


def test_become_stays_inside_the_simulator(host):
    answer = requests.get(
        f"{host.url}/become",
        params={"as": "guide:zhoulan", "next": "//evil.example/"},
        allow_redirects=False,
    )

    assert answer.headers["Location"] == "/"


def test_scanned_code_adds_the_guide(host):
    way = host.api("externalcontact/add_contact_way", {"type": 1, "scene": 2, "user": ["zhoulan"]})

    answer = post(host, f"/qr/{way['config_id']}/", name="扫码的人")

    ident = answer.headers["Location"].split("/")[3]
    assert host.api("externalcontact/get", external_userid=ident)["follow_user"][0]["userid"] == (
        "zhoulan"
    )
