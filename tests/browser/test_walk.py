"""The loop as people walk it: head office at a desk, a guide and a store manager at 360 px."""

import csv
import re
import secrets
from datetime import UTC, datetime
from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.screen import look, number, press, shot
from tests.conftest import wait_for

SEGMENT = "华东沉默老客"
TITLE = "秋冬新靴先看"
BY_ITSELF = 90_000
# sources of orders, callback slugs, user names: data that people typed
# "Secret" is WeCom's own word in its Chinese console
CODES = {"agentid", "auditor", "contacts", "loop", "pos", "region", "secret", "walk"}
AUDIT_CODES = {
    "action", "approved", "chased", "complaint", "exported", "export", "format", "issued",
    "job", "member", "members", "push", "reason", "rows", "run", "system", "tag", "task", "tasks",
}  # fmt: skip
SKU = "BH0001-1-37"


# --- head office ---------------------------------------------------------------------------------


def read_the_start_page(page, phone, demo):
    password = re.findall(r"[a-z]{3,}", demo.words["HQ_PASSWORD"].lower())  # drawn by lot
    phone.goto(demo.url)
    look(phone, allowed=password)
    page.goto(demo.url)
    text = look(page, allowed=password)
    assert page.locator(".st-door").count() == 3
    assert page.locator(".st-door img[src^='data:image/svg']").count() == 3
    assert page.locator(".st-tour > li").count() >= 5
    for word in ("总部", "导购的手机", "客户的手机"):
        assert word in text


def read_home(desk):
    text = look(desk)
    sentence = desk.locator(".hq-hero .lead").inner_text()
    assert "可触达" in sentence
    assert re.search(r"\d", sentence)
    assert desk.locator(".hq-hero .hq-btn.main").count() == 1
    assert desk.locator(".hq-loop > div").count() == 5
    for word in ("人群", "下发", "执行", "送达", "成交", "待办"):
        assert word in text
    shot(desk, "home")


def change_a_rule_and_see_it_counted(desk, demo):
    """The count follows the rule without a press of a button."""
    desk.goto(f"{demo.url}/admin/segments/")
    look(desk)
    press(desk, desk.locator("a[href*='/admin/segments/']", has_text=SEGMENT).first)
    look(desk)
    before = number(desk, "segment.count")
    assert before >= 300
    amount = desk.locator('#builder input[type="number"]').first
    amount.fill(str(int(amount.input_value()) * 4))
    amount.dispatch_event("change")
    found = desk.locator('[data-count="segment.count"]')
    expect(found).not_to_have_text(f"{before:,}")
    assert 0 < number(desk, "segment.count") < before
    look(desk)


def hand_out(desk, demo):
    """Home's button, six steps, the summary; returns the push's address and title."""
    desk.goto(f"{demo.url}/admin/")
    press(desk, desk.locator(".hq-hero .hq-btn.main"))
    look(desk)
    found = number(desk, "segment.count")
    assert found >= 300
    assert desk.locator("[data-count^='refused.']").count() >= 2
    press(desk, desk.locator("button[name=next]"))

    title = TITLE
    desk.select_option("[name=template]", index=1)
    press(desk, desk.locator("button[name=pick]"))
    desk.fill("[name=title]", title)
    desk.fill("[name=body]", "{称呼}您好，我是{门店}的{导购}。店里到了一批秋冬新靴，想请您先看看。")
    desk.fill("[name=generic_body]", "您好，我是{门店}的{导购}，店里到了一批秋冬新靴。")
    desk.select_option("[name=asset]", index=1)
    desk.locator("[name=result_tags]").first.check()
    look(desk)
    press(desk, desk.locator("button[name=next]"))

    for name, value in {
        "hand_out_from": "00:00",
        "hand_out_until": "23:59",
        "contact_from": "00:00",
        "contact_until": "23:59",
    }.items():
        desk.fill(f"[name={name}]", value)
    look(desk)
    press(desk, desk.locator("button[name=next]"))

    assert "已送达" in look(desk)
    press(desk, desk.locator("button[name=next]"))

    expect(desk.locator("[name=share]")).to_have_value(re.compile(r"^10(\.0)?$"))
    assert "200" in look(desk)
    press(desk, desk.locator("button[name=next]"))

    look(desk)
    forecast = {name: number(desk, name) for name in ("planned", "control", "issued", "not_issued")}
    assert forecast["planned"] == found
    assert forecast["planned"] == sum(forecast[x] for x in ("control", "issued", "not_issued"))
    shot(desk, "wizard-summary", height=800)
    press(desk, desk.locator("button[name=hand_out]"))
    desk.wait_for_url(re.compile(r"/admin/pushes/\d+/$"))
    address = desk.url
    look(desk)
    assert {name: number(desk, name) for name in forecast} == forecast
    return address, title


# --- the guide's phone ---------------------------------------------------------------------------


def find_a_guide(demo, title):
    """A guide of the push with a few customers, told by a card on the phone."""
    phones = demo.phones

    def told():
        for one in phones.get("/sim/guides", limit=200)["guides"]:
            cards = phones.get(f"/sim/phones/guides/{one['userid']}")["notices"]
            for card in cards:
                count = re.match(r"(\d+) 位", card["description"])
                if title in card["title"] and count and int(count[1]) >= 4:
                    return one["userid"]
        return None

    return wait_for(told, seconds=60, message="No guide with four customers was told.")


def take_the_card(phone, demo, userid, title):
    """A tap on the notice card lands on 今日, signed in, nobody asked for a password."""
    phone.goto(f"{demo.sim}/phone/guide/{userid}/notices/")
    card = phone.locator(".said .card", has_text=title).first
    expect(card).to_be_visible()
    card.scroll_into_view_if_needed()
    look(phone)
    shot(phone, "phone-notice")
    press(phone, card.locator("a.open"))
    phone.wait_for_url(f"{demo.url}/g/**")
    assert "今日" in look(phone)
    assert phone.locator("article.card").count() >= 1
    assert phone.locator("[type=password]").count() == 0
    assert [tab.inner_text().split()[0] for tab in phone.locator(".tabs a").all()] == [
        "今日",
        "客户",
        "工具",
        "我的",
    ]
    shot(phone, "today")
    press(phone, phone.locator("article.card a[href*='/g/customers/']").first)
    look(phone)
    assert phone.locator(".foot .btn.solid").count() == 1
    shot(phone, "customer")


def open_task(phone, demo, title):
    phone.goto(f"{demo.url}/g/")
    phone.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    press(phone, phone.locator(f"a[href*='/g/tasks/']:has-text('{title}')").first)
    look(phone)
    return phone.url.partition("?")[0]


def excuse_one(phone, demo, task):
    """不适用 with a reason: one tap, no script needed; the customer leaves the finish line."""
    phone.goto(task)
    press(phone, phone.locator("#task .row[href*='/g/targets/']").last)
    target = phone.url
    look(phone)
    phone.goto(f"{target}not-suitable/")
    look(phone)
    press(phone, phone.locator("button[name=reason][value=moved_away]"))
    phone.goto(target)
    assert "不适用" in look(phone)


def send_to_all(phone, demo, task, userid, title):
    """One text for everybody, one confirmation on the phone; the proof arrives by itself."""

    def waits_for_the_guide():
        """Of the sends in the guide's helper the one of this task."""
        return [
            send
            for send in demo.phones.get("/sim/sends", userid=userid)["sends"]
            if len(send["receivers"]) == waiting
            and "秋冬新靴" in send["text"]
            and {row["status"] for row in send["receivers"]} == {0}
        ]

    phone.goto(f"{task}?way=all")
    look(phone)
    shot(phone, "task")
    button = phone.locator(".foot .btn.solid")
    waiting = int(re.search(r"\d+", button.inner_text())[0])
    press(phone, button)
    expect(phone.locator("#task .row .chip.wait")).to_have_count(waiting)
    look(phone)

    confirm = phone.context.new_page()
    [send] = wait_for(waits_for_the_guide, seconds=30, message="WeCom was not asked to send.")
    msgid = send["msgid"]
    confirm.goto(f"{demo.sim}/phone/guide/{userid}/sends/{msgid}/")
    look(confirm)
    press(confirm, confirm.get_by_role("button", name="确认发送"))
    confirm.close()

    through = phone.locator("#task .row .chip", has_text="已送达")
    try:
        expect(through).to_have_count(waiting, timeout=BY_ITSELF)
    except AssertionError as error:  # what the simulator knows, and what the page says when asked
        phone.reload()
        known = demo.phones.get("/sim/sends", userid=userid)["sends"][-1]
        raise AssertionError(f"{known} {phone.locator('#task').inner_text()}") from error
    assert phone.locator("[hx-trigger]").count() == 0
    look(phone)
    send = next(
        send
        for send in demo.phones.get("/sim/sends", userid=userid)["sends"]
        if send["msgid"] == msgid
    )
    return send["receivers"]


def note_and_tag(phone, demo, task):
    """The customer's card: a note by one chip, a tag by one tap. Returns the public id."""
    phone.goto(task)
    press(phone, phone.locator("#task .row[href*='/g/targets/']", has_text="已送达").first)
    press(phone, phone.locator("#state a[href*='/g/customers/']"))
    phone.wait_for_url("**/g/customers/*/")
    look(phone)
    card = phone.url
    word = phone.locator("button[name=chip]").first
    said = word.inner_text()
    press(phone, word)
    expect(phone.locator(".notes")).to_contain_text(said)
    phone.goto(card)
    opener = phone.locator("details:has(button[name=tag]) > summary")
    opener.click()
    tag = phone.locator("button[name=tag]").first
    name = tag.inner_text().strip()
    press(phone, tag)
    expect(phone.locator("form.chips .kept", has_text=name)).to_have_count(1)
    phone.goto(card)
    look(phone)
    return card.rstrip("/").rpartition("/")[2]


def send_from_the_sidebar(open_browser, phone, demo, task, userid):
    """Beside the chat stands the customer's card; one tap puts the text into the chat."""
    phone.goto(task)
    press(phone, phone.locator("#task .row[href*='/g/targets/']").first)
    external = phone.locator("[data-open-chat]").get_attribute("data-userid")
    page = open_browser({"width": 1000, "height": 720})
    page.goto(f"{demo.sim}/phone/guide/{userid}/chat/{external}/")
    side = page.frame_locator("#frame")
    expect(side.locator(".name").first).to_be_visible(timeout=BY_ITSELF)
    frame = page.frames[-1]
    look(frame)
    text = side.locator("#script").inner_text()
    shot(page, "sidebar")
    side.locator(".foot .btn.solid").click()
    expect(side.locator("#noted")).to_be_visible(timeout=BY_ITSELF)
    expect(page.locator("#thread")).to_contain_text(text[:12])
    card = side.locator("a[href*='/g/targets/']").first.get_attribute("href")
    phone.goto(f"{demo.url}{card}")
    press(phone, phone.locator("a[href*='/g/tasks/']").first)
    expect(phone.locator(f".row[href='{card}'] .chip")).to_have_text("已发起")
    look(phone)


def visit_the_tabs(phone, demo):
    for path in ("/g/", "/g/customers/", "/g/tools/", "/g/me/"):
        phone.goto(f"{demo.url}{path}")
        look(phone)


# --- the customer, the till ----------------------------------------------------------------------


def tap_the_link(open_browser, demo, external):
    page = open_browser(PHONE)
    page.goto(f"{demo.sim}/phone/customer/{external}/")
    link = page.locator(".thread a", has_text="/l/").last
    expect(link).to_be_visible()
    look(page)
    with page.context.expect_page() if link.get_attribute("target") else page.expect_navigation():
        link.click()
    opened = page.context.pages[-1]
    opened.wait_for_load_state()
    assert opened.url.startswith(f"{demo.url}/l/")
    look(opened)


def buy(demo, public_id, store, userid, fen):
    moment = datetime.now(UTC).isoformat()
    order = f"W{secrets.token_hex(5)}"
    line = {"line_no": 1, "sku": SKU, "quantity": 1, "net_fen": fen, "tag_fen": fen}
    item = {
        "source": "walk",
        "external_no": order,
        "member": public_id,
        "store_code": store,
        "selling_guide_userid": userid,
        "paid_at": moment,
        "net_fen": fen,
        "lines": [line],
    }
    assert demo.till.post("/api/v1/orders/batch", [item], key=order)


# --- head office again ---------------------------------------------------------------------------


def read_the_result(desk, address, *, delivered):
    """Every planned member is in exactly one place; the lift is a sentence."""

    def settled():
        desk.goto(address)
        return number(desk, "done") >= delivered

    wait_for(settled, seconds=60, message="Head office does not see what was delivered.")
    text = look(desk)
    place = {
        name: number(desk, name)
        for name in (
            "planned", "not_issued", "control", "issued", "done", "open", "expired", "excused",
        )
    }  # fmt: skip
    assert place["planned"] == place["not_issued"] + place["control"] + place["issued"]
    assert place["issued"] == sum(place[x] for x in ("done", "open", "expired", "excused"))
    assert place["excused"] >= 1
    assert "对照" in text
    assert number(desk, "treated.buyers") >= 1
    assert "已互动" in text
    shot(desk, "push-result", height=1180)
    desk.goto(f"{address}people/control/")
    assert "138****" in look(desk) or "****" in desk.locator(".hq-t").inner_text()


def read_the_member(desk, demo, public_id):
    """One timeline; the number only for a reason, only for a while, and recorded."""
    desk.goto(f"{demo.url}/admin/members/{public_id}/")
    look(desk)
    kinds = {row.get_attribute("data-kind") for row in desk.locator("[data-kind]").all()}
    assert {"task.issued", "contact.graded", "order.placed", "note.added"} <= kinds
    assert "outcome.engaged" in kinds
    shot(desk, "member")
    for tab in ("orders", "tags", "consents", "tasks"):
        desk.goto(f"{demo.url}/admin/members/{public_id}/?tab={tab}")
        look(desk)
    desk.locator("[data-open='#unmask-dialog']").click()
    dialog = desk.locator("#unmask-dialog")
    expect(dialog).to_be_visible()
    look(desk)
    dialog.locator("[name=note]").fill("工单 A-1203")
    press(desk, dialog.locator(".hq-btn.main"))
    shown = desk.locator("[data-vanish]").first
    expect(shown).to_be_visible()
    assert "*" not in shown.inner_text()
    look(desk)


def read_the_jobs(desk, demo):
    desk.goto(f"{demo.url}/admin/system/")
    look(desk)
    shot(desk, "jobs")
    press(desk, desk.locator("#result_list tbody tr").first.get_by_role("button", name="立即运行"))
    look(desk)


def read_health(desk, demo):
    desk.goto(f"{demo.url}/admin/wecom/health/")
    look(desk)
    desk.goto(f"{demo.url}/admin/wecom/unknown/")
    look(desk)


def preview_an_import(desk, demo, tmp_path):
    """A bad row comes back with its reason, in Chinese, before anything is saved."""
    desk.goto(f"{demo.url}/admin/tagging/tag/import/")
    look(desk)
    shown = desk.locator(".hq .mute").first.inner_text()
    assert re.search(r"[\u4e00-\u9fff]", shown)
    file = tmp_path / "tags.csv"
    file.write_text("标签组,标签\n没有这个组,好鞋\n,没有组\n", encoding="utf-8")
    desk.set_input_files("input[type=file]", file)
    press(desk, desk.locator("form input[type=submit], form button[type=submit]").last)
    look(desk)
    reasons = desk.locator(".hq-note.warn td").all_inner_texts()
    assert any("标签要属于一个标签组" in words for words in reasons)


def export_masked(desk, demo, tmp_path):
    """The sheet that leaves the house shows no number and no whole name."""
    desk.goto(f"{demo.url}/admin/members/member/export/")
    look(desk)
    formats = desk.locator("select[name=format] option").all()
    value = next(one.get_attribute("value") for one in formats if one.inner_text() == "csv")
    desk.select_option("select[name=format]", value)
    with desk.expect_download() as download:
        desk.locator("#content form [type=submit]").last.click()
    file = tmp_path / "members.csv"
    download.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as sheet:
        rows = list(csv.DictReader(sheet))
    assert len(rows) > 100
    assert all(re.fullmatch(r"(1\d{2}\*{4}\d{4})?", row["手机号"]) for row in rows)
    assert all("*" in row["名称"] for row in rows if len(row["名称"]) > 1)


def read_the_audit(desk, demo):
    """Unmasking and exporting left their lines."""
    desk.goto(f"{demo.url}/admin/accounts/auditentry/")
    text = desk.locator("#result_list").inner_text()
    assert "查看手机号" in text
    assert "导出会员" in text
    look(desk, allowed=AUDIT_CODES)


# --- the store manager ---------------------------------------------------------------------------


def remind_the_team(open_browser, demo, userid, title):
    store = userid.partition("_")[0]
    manager = f"{store}_00"
    phone = open_browser(PHONE)
    there = quote(f"{demo.url}/g/sign-in/?next=/g/team/", safe="")
    phone.goto(f"{demo.sim}/open?as={quote(f'guide:{manager}')}&url={there}")
    look(phone)
    other = phone.locator("details a.more", has_text=title)
    if other.count():
        phone.goto(phone.url.partition("?")[0] + other.first.get_attribute("href"))
    assert title in look(phone)
    shot(phone, "team")
    press(phone, phone.locator(".foot .btn.solid"))
    expect(phone.locator(".tip.ok")).to_be_visible()
    look(phone)

    def reminded():
        people = demo.phones.get("/sim/guides", q=store, limit=50)["guides"]
        cards = [
            card["title"]
            for one in people
            for card in demo.phones.get(f"/sim/phones/guides/{one['userid']}")["notices"]
        ]
        return any("请看一下" in words and title in words for words in cards)

    wait_for(reminded, seconds=40, message="Nobody's phone shows the reminder.")


# --- the walk ------------------------------------------------------------------------------------


def test_the_loop_from_head_office_to_the_till_and_back(desk, phone, open_browser, demo, tmp_path):
    read_the_start_page(desk.context.new_page(), phone, demo)
    read_home(desk)
    change_a_rule_and_see_it_counted(desk, demo)
    address, title = hand_out(desk, demo)

    userid = find_a_guide(demo, title)
    take_the_card(phone, demo, userid, title)
    task = open_task(phone, demo, title)
    excuse_one(phone, demo, task)
    send_from_the_sidebar(open_browser, phone, demo, task, userid)
    receivers = send_to_all(phone, demo, task, userid, title)
    public_id = note_and_tag(phone, demo, task)
    visit_the_tabs(phone, demo)

    tap_the_link(open_browser, demo, receivers[0]["external_userid"])
    buy(demo, public_id, userid.partition("_")[0], userid, 89_900)

    read_the_result(desk, address, delivered=len(receivers))
    read_the_member(desk, demo, public_id)
    read_the_jobs(desk, demo)
    read_health(desk, demo)
    preview_an_import(desk, demo, tmp_path)
    export_masked(desk, demo, tmp_path)
    read_the_audit(desk, demo)
    remind_the_team(open_browser, demo, userid, title)


def test_every_page_of_the_menu_is_chinese_and_quiet(desk, demo):
    """Whatever stands in the menu and its tabs, as the demo's data fills it."""
    seen, waiting, wrong = set(), ["/admin/"], []
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        desk.goto(f"{demo.url}{path}")
        try:
            look(desk, allowed=CODES | AUDIT_CODES if "auditentry" in path else CODES)
        except AssertionError as error:  # every page is told, not the first alone
            wrong.append(str(error).splitlines()[0])
        links = desk.eval_on_selector_all(
            "nav a[href^='/admin/'], #nav-sidebar a[href^='/admin/']",
            "(found) => found.map((one) => one.getAttribute('href'))",
        )
        waiting += [link for link in links if re.fullmatch(r"/admin/[a-z_]+/([a-z]+/)?", link)]
    assert wrong == []
    assert len(seen) >= 25
