"""A guide in a basement, with a real browser: twenty acts without network, the page killed and
opened again, network back, twenty effects."""

import contextlib
import re
import uuid
from datetime import time, timedelta
from urllib.parse import quote, urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import Error, expect

from apps.core import clock
from apps.guide_portal.models import ActionReceipt
from apps.guide_tasks.models import State, TaskItem, TaskPush, TaskTarget
from apps.members.models import EnrolDraft, Interaction, MemberNote
from apps.members.services import write_draft
from apps.tagging.models import MemberTags, Tag, TagGroup
from tests.browser.conftest import PHONE
from tests.browser.screen import kill_browser
from tests.conftest import wait_for
from tests.factories.facts import make_phone
from tests.factories.items import make_item_push
from tests.factories.outreach import seed
from tests.guide_portal.conftest import open_shop

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
MIDNIGHT = time(0, 0)
FRIENDS = 5
BY_ITSELF = 90_000
# what the browser itself writes about an address it cannot reach
NO_NETWORK = re.compile(r"ERR_INTERNET_DISCONNECTED|Failed to load resource|ERR_FAILED")


@pytest.fixture
def shop(transactional_db, live_server, simulator, settings):
    """A shop with five friends of one guide; its pages and the simulator know each other."""
    url = live_server.url.replace("localhost", "127.0.0.1")
    settings.PUBLIC_BASE_URL = url
    settings.FRAME_ANCESTORS = [simulator.url]
    simulator.post("/sim/corp", sidebar_url=url + reverse("guide_portal:sidebar"))
    found = open_shop(
        clock.now() - timedelta(hours=1),
        friends=FRIENDS,
        contact_from=MIDNIGHT,
        contact_until=MIDNIGHT,
    )
    seed(simulator, found.guide, [target.external_userid for target in found.targets])
    seed(simulator, found.colleague, [target.external_userid for target in found.foreign])
    found.tag = Tag.objects.create(group=TagGroup.objects.create(name="偏好"), name="通勤")
    found.url, found.simulator = url, simulator
    return found


@pytest.fixture
def phone(shop, own_browser):
    """The phone: what its browser keeps outlives a page. Any error of a script fails the test.

    It ends with its browser, killed before the shop is cleared away: a page that opens itself
    anew as the network comes back may never answer when it is asked to close.
    """
    context = own_browser.new_context(viewport=PHONE, locale="zh-CN", timezone_id="Asia/Shanghai")
    context.set_default_timeout(30_000)
    complaints = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console",
        lambda line: (
            complaints.append(line.text)
            if line.type == "error" and not NO_NETWORK.search(line.text)
            else None
        ),
    )
    yield context
    assert complaints == []


def sign_in(page, shop, guide, path="/g/"):
    who, there = quote(f"guide:{guide.wecom_userid}"), quote(shop.url + path, safe="")
    page.goto(f"{shop.simulator.url}/open?as={who}&url={there}")


def arrive(context, shop, guide=None):
    """今日 open on the phone, its list kept, the worker at work."""
    page = context.new_page()
    sign_in(page, shop, guide or shop.guide)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    until_kept(page)
    return page


def until_kept(page):
    wait_for(lambda: page.evaluate(KEPT), seconds=15, message="The list was not kept.")


KEPT = """async () => (await window.portalPhone.savedCopy()) !== null
    && window.portalPhone.recall('guide.frame.at') !== ''"""
WAITING = """async () => (await window.portalPhone.all('acts'))
    .filter((act) => act.state === 'saved').length"""


def effects(shop):
    return (
        MemberNote.objects.count(),
        MemberTags.objects.count(),
        Interaction.objects.filter(kind=Interaction.Kind.VISIT).count(),
        TaskTarget.objects.filter(state=State.NOT_APPLICABLE).count(),
    )


def write_down(page, shop, target):
    """Four acts about one customer, on saved pages."""
    customer = f"{shop.url}/g/customers/{target.member.public_id}/"
    said = page.locator("[data-said] .chip", has_text="已保存在本机")
    page.goto(customer)
    page.fill("textarea[name=body]", "想要短筒，周日来")
    page.get_by_role("button", name="保存").click()
    expect(said).to_have_count(1)
    page.get_by_role("button", name="通勤").click()
    expect(said).to_have_count(2)
    page.get_by_role("button", name="到店").click()
    expect(said).to_have_count(3)
    page.goto(f"{shop.url}/g/targets/{target.pk}/not-suitable/")
    page.locator("button[name=reason]").first.click()
    expect(said).to_have_count(4)


def test_twenty_acts_in_a_basement_are_twenty_effects(shop, phone):
    page = arrive(phone, shop)
    phone.set_offline(True)

    page.goto(f"{shop.url}/g/")
    expect(page.locator("article.card")).to_have_count(FRIENDS)
    expect(page.locator("#off-shown")).to_contain_text("没有网络")
    assert page.locator("article.card .btn[aria-disabled=true]").count() == FRIENDS
    for target in shop.targets[:3]:
        write_down(page, shop, target)
    page.close()
    page = phone.new_page()
    for target in shop.targets[3:]:
        write_down(page, shop, target)
    page.close()
    page = phone.new_page()
    page.goto(f"{shop.url}/g/queue/")

    expect(page.locator(".record .chip", has_text="已保存在本机")).to_have_count(20)
    assert page.evaluate(WAITING) == 20
    assert effects(shop) == (0, 0, 0, 0)

    batch = page.evaluate("window.portalPhone.all('acts')")
    phone.set_offline(False)
    wait_for(lambda: ActionReceipt.objects.count() == 20, seconds=20, message="Not submitted.")
    assert effects(shop) == (5, 5, 5, 5)
    expect(page.locator("#off-shown")).to_have_count(0, timeout=BY_ITSELF)
    expect(page.locator(".record .chip", has_text="已提交")).to_have_count(20)

    # the answers got lost: everything is sent once more
    page.evaluate(
        """async (acts) => {
          for (const act of acts) await window.portalPhone.put('acts', { ...act, state: 'saved' });
          return window.portalPhone.flush();
        }""",
        batch,
    )
    assert page.evaluate(WAITING) == 0
    assert effects(shop) == (5, 5, 5, 5)


def test_store_work_is_not_applicable_in_a_basement_too(shop, phone):
    push = make_item_push(clock.now() - timedelta(minutes=1), kind=TaskPush.Kind.RECRUIT, quota=3,
        quota_of=TaskPush.QuotaOf.FRIENDS)  # fmt: skip
    item = TaskItem.objects.get(push=push, guide=shop.guide)
    page = arrive(phone, shop)
    phone.set_offline(True)
    page.goto(f"{shop.url}/g/")
    card = page.locator("article[data-kind=item]")
    expect(card).to_contain_text(push.title)
    card.get_by_role("link", name="不适用").click()

    # where nothing is sold, goods are no reason
    expect(page.locator("button[name=reason]")).to_have_count(1)
    page.fill("[name=words]", "商场整层停电")
    page.get_by_role("button", name="提交").click()
    expect(page.locator("[data-said] .chip")).to_have_text("已保存在本机")
    page.close()  # killed
    item.refresh_from_db()
    assert item.state == State.OPEN

    page = phone.new_page()
    page.goto(f"{shop.url}/g/")
    expect(page.locator("article[data-kind=item] [data-said] .chip")).to_have_text("已保存在本机")
    phone.set_offline(False)
    wait_for(ActionReceipt.objects.exists, seconds=20, message="Not submitted.")
    item.refresh_from_db()
    assert (item.state, item.excuse_sentence) == (State.NOT_APPLICABLE, "商场整层停电")
    assert ActionReceipt.objects.count() == 1


def kill_phone(context, folder):
    kill_browser(f"--user-data-dir={folder}")
    with contextlib.suppress(Error):  # it is dead
        context.close()


def test_a_killed_phone_has_lost_nothing(shop, browser_type, browser_type_launch_args, tmp_path):
    """Not the page alone: the whole browser dies without a word, as phones do."""
    options = {**browser_type_launch_args, "viewport": PHONE, "locale": "zh-CN"}
    context = browser_type.launch_persistent_context(tmp_path / "phone", **options)
    page = arrive(context, shop)
    context.set_offline(True)
    write_down(page, shop, shop.targets[0])
    kill_phone(context, tmp_path / "phone")

    context = browser_type.launch_persistent_context(tmp_path / "phone", **options)
    try:
        context.set_offline(True)
        page = context.new_page()
        page.goto(f"{shop.url}/g/queue/")
        expect(page.locator(".record .chip", has_text="已保存在本机")).to_have_count(4)
        page.close()
        context.set_offline(False)
        page = context.new_page()
        sign_in(page, shop, shop.guide)
        wait_for(lambda: effects(shop) == (1, 1, 1, 1), seconds=20, message="Not submitted.")
    finally:
        kill_phone(context, tmp_path / "phone")


def test_noted_in_a_basement_invited_above_ground(browser, shop, phone, settings):
    page = arrive(phone, shop)
    phone.set_offline(True)
    page.goto(f"{shop.url}/g/")
    page.locator("a[href='/g/tools/enrol/']").click()
    page.fill("[name=called]", "孙小圆")
    page.fill("[name=body]", "电话 138 0013 8000")
    page.get_by_role("button", name="先记下").click()
    expect(page.locator("#say")).to_contain_text("不写手机号")
    page.fill("[name=body]", "看了短靴，等 38 码")
    page.get_by_role("button", name="先记下").click()
    expect(page.locator("[data-said=draft] .chip")).to_have_text("已保存在本机")
    page.close()  # killed
    assert not EnrolDraft.objects.exists()

    phone.set_offline(False)
    page = phone.new_page()
    page.goto(f"{shop.url}/g/tools/enrol/")
    waiting = page.locator("[data-draft=waiting]", has_text="孙小圆")
    wait_for(EnrolDraft.objects.exists, seconds=20, message="Not submitted.")
    expect(waiting).to_have_count(1, timeout=BY_ITSELF)
    waiting.click()
    page.wait_for_url(
        re.compile("/drafts/")
    )  # the page left behind has a code too, the guide's own
    path = urlsplit(page.locator("#invite").text_content()).path
    assert EnrolDraft.objects.count() == 1

    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    customer = browser.new_page(viewport=PHONE, locale="zh-CN")
    customer.goto(shop.url + path)
    assert not re.search("孙小圆|短靴", customer.content())
    customer.fill("[name=phone]", make_phone())
    customer.check("[data-must]")
    customer.click("[data-join-button]")
    customer.wait_for_url(re.compile("/m/welcome/"))
    customer.close()

    expect(page.locator("[data-draft=joined]")).to_contain_text("孙小圆", timeout=BY_ITSELF)
    page.locator("#enrolled a.row").click()
    expect(page.locator("#notes + .card")).to_contain_text("看了短靴，等 38 码")
    assert MemberNote.objects.count() == 1


def test_a_refused_act_stands_first_with_its_reason_and_one_way_out(shop, phone):
    page = arrive(phone, shop)
    phone.set_offline(True)
    write_down(page, shop, shop.targets[0])
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(state=State.DONE, done_at=clock.now())
    phone.set_offline(False)
    wait_for(lambda: ActionReceipt.objects.count() == 4, seconds=20, message="Not submitted.")
    expect(page.locator("#off-shown")).to_have_count(0, timeout=BY_ITSELF)

    page.goto(f"{shop.url}/g/queue/")

    refused = page.locator(".record").first
    expect(refused.locator(".chip")).to_have_text("被拒绝")
    expect(refused).to_contain_text(ActionReceipt.objects.get(outcome="refused").reason)
    refused.get_by_role("button").click()
    expect(page.locator(".chip", has_text="被拒绝")).to_have_count(0)
    expect(page.locator(".chip", has_text="已提交")).to_have_count(3)


def test_an_open_page_without_worker_leads_on_and_keeps_what_is_written(browser, shop, phone):
    phone.add_init_script("Object.defineProperty(navigator, 'serviceWorker', { value: undefined })")
    page = phone.new_page()
    sign_in(page, shop, shop.guide)
    until_kept(page)
    target = shop.targets[0]
    phone.set_offline(True)

    send = page.locator("article.card .btn").first
    expect(send).to_have_text("联网后可发")
    assert send.get_attribute("aria-disabled") == "true"
    send.click(force=True)
    assert page.url.partition("#")[0] == f"{shop.url}/g/"
    page.locator(f"a[href='/g/customers/{target.member.public_id}/']").first.click()
    page.get_by_role("button", name="到店").click()
    expect(page.locator("[data-said] .chip", has_text="已保存在本机")).to_have_count(1)
    assert effects(shop) == (0, 0, 0, 0)

    phone.set_offline(False)
    wait_for(lambda: effects(shop) == (0, 0, 1, 0), seconds=20, message="Not submitted.")


def test_signing_out_leaves_nothing_on_the_phone(shop, phone):
    page = arrive(phone, shop)
    page.goto(f"{shop.url}/g/me/")

    page.locator("[data-signs-out] button").click()
    expect(page.locator("[data-wipe=all]")).to_have_count(1)

    page.wait_for_function("() => localStorage.getItem('guide.who') === null")
    left = page.evaluate("indexedDB.databases().then((all) => all.length)")
    assert left == 0
    phone.set_offline(True)
    page.goto(f"{shop.url}/g/")
    expect(page.locator("#saved")).to_contain_text("没有保存")
    assert page.locator("article.card").count() == 0


def test_signing_out_first_submits_what_waits(shop, phone):
    page = arrive(phone, shop)
    phone.set_offline(True)
    page.goto(f"{shop.url}/g/customers/{shop.members[0].public_id}/")
    page.get_by_role("button", name="到店").click()
    expect(page.locator("[data-said] .chip")).to_have_count(1)
    page.locator("a[href='/g/']").first.click()
    page.close()
    phone.set_offline(False)

    page = phone.new_page()
    page.goto(f"{shop.url}/g/me/")
    page.locator("[data-signs-out] button").click()
    expect(page.locator("[data-wipe=all]")).to_have_count(1)

    assert effects(shop) == (0, 0, 1, 0)


def test_another_guide_on_the_same_phone_sees_nothing_of_the_first(shop, phone):
    page = arrive(phone, shop)
    phone.set_offline(True)
    write_down(page, shop, shop.targets[0])
    page.close()
    phone.clear_cookies()
    page = phone.new_page()
    # the first one's acts must not go out under the second one's name
    phone.set_offline(False)
    sign_in(page, shop, shop.colleague)
    until_kept(page)
    page.goto(f"{shop.url}/g/queue/")
    expect(page.locator("#queue .blank")).to_be_visible()
    phone.set_offline(True)
    page.goto(f"{shop.url}/g/")

    expect(page.locator("article.card")).to_have_count(len(shop.foreign))
    shown = page.content()
    for member in shop.members:
        assert str(member.public_id) not in shown
    assert effects(shop) == (0, 0, 0, 0)

    # the first one comes back: theirs is still there
    page.close()  # it would open itself anew with the network, across what follows
    phone.set_offline(False)
    phone.clear_cookies()
    sign_in(phone.new_page(), shop, shop.guide)
    wait_for(lambda: effects(shop) == (1, 1, 1, 1), seconds=20, message="Not submitted.")


def test_two_tabs_and_one_act_are_one_effect(shop, phone):
    first, second = arrive(phone, shop), arrive(phone, shop)
    phone.set_offline(True)
    write_down(first, shop, shop.targets[0])
    second.goto(f"{shop.url}/g/queue/")
    expect(second.locator(".record")).to_have_count(4)

    phone.set_offline(False)

    wait_for(lambda: ActionReceipt.objects.count() == 4, seconds=20, message="Not submitted.")
    expect(second.locator(".chip", has_text="已提交")).to_have_count(4)
    assert effects(shop) == (1, 1, 1, 1)


def test_a_saved_list_past_its_hours_is_gone(shop, phone):
    page = arrive(phone, shop)
    page.evaluate(
        """async () => {
          const kept = await window.portalPhone.get('pages', 'today');
          await window.portalPhone.put('pages', { ...kept, until: Date.now() - 1 });
        }"""
    )
    phone.set_offline(True)

    page.goto(f"{shop.url}/g/")

    expect(page.locator("#saved")).to_contain_text("没有保存")
    assert page.evaluate("window.portalPhone.get('pages', 'today')") is None


def test_online_the_same_forms_go_through_and_say_so(shop, phone):
    page = arrive(phone, shop)
    page.goto(f"{shop.url}/g/customers/{shop.members[0].public_id}/note/")

    page.fill("textarea[name=body]", "想要短筒")
    page.get_by_role("button", name="保存").click()

    expect(page.locator(".tip.ok")).to_contain_text("已记下")
    expect(page.locator("#notes + .card")).to_contain_text("想要短筒")
    page.goto(f"{shop.url}/g/targets/{shop.targets[0].pk}/not-suitable/")
    page.locator("button[name=reason]").first.click()
    expect(page.locator(".tip.ok")).to_be_visible()
    assert effects(shop) == (1, 0, 0, 1)
    assert ActionReceipt.objects.count() == 2


def test_a_list_without_news_stays_where_the_finger_is(shop, phone):
    page = arrive(phone, shop)
    page.goto(f"{shop.url}/g/tools/enrol/")
    live = re.compile("/enrol/live/")

    def answers(count):
        for _one in range(count):
            with page.expect_response(live):
                pass

    answers(2)  # the first has nothing to compare with; by the second it has been drawn
    page.evaluate("document.getElementById('enrolled').firstElementChild.dataset.seen = '1'")
    answers(2)
    expect(page.locator("#enrolled > [data-seen]")).to_have_count(1)

    write_draft(
        guide_id=shop.guide.pk,
        store_id=shop.store.pk,
        called="孙小圆",
        words="看了短靴",
        client_id=uuid.uuid4(),
        now=clock.now(),
    )
    expect(page.locator("[data-draft=waiting]")).to_contain_text("孙小圆", timeout=BY_ITSELF)
    expect(page.locator("#enrolled > [data-seen]")).to_have_count(0)
