"""The pages in a real browser at 360 px: they update themselves, the sidebar talks to WeCom."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.appointments.models import Appointment
from apps.core import clock
from apps.guide_portal.models import LeadingFacts
from apps.guide_tasks.models import Grade, TaskPush, TaskTarget
from apps.members.models import FollowRelation, JoinRefusal, Member, StopMark
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, MediaUpload, MessageTemplate
from apps.wecom.client import client_for
from apps.wecom_sync import services as wecom_sync
from tests.conftest import wait_for
from tests.factories.items import png
from tests.guide_portal.conftest import open_page

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def hand_over_and_confirm(street):
    outreach.send_queued(now=clock.now())
    dispatch = Dispatch.objects.get()
    assert dispatch.state == Dispatch.State.HANDED_OVER
    street.simulator.post(
        "/sim/sends/confirm", userid=street.guide.wecom_userid, msgid=dispatch.msgid
    )
    Dispatch.objects.update(next_poll_at=clock.now())
    wecom_sync.poll_results(now=clock.now())


def test_three_taps_and_the_proof_comes_back_by_itself(street, screen):
    open_page(screen, street, "/g/")
    expect(screen.locator("article.card")).to_have_count(3)
    assert screen.evaluate("document.documentElement.scrollWidth") == 360

    screen.locator("article.card .btn").first.click()
    screen.locator("textarea").fill("林女士，给您留了一双。")
    screen.locator(".foot .btn.solid").click()
    expect(screen.locator("#state .chip.wait")).to_be_visible()
    hand_over_and_confirm(street)

    expect(screen.locator("#state .chip.ok")).to_be_visible()
    assert screen.locator("[hx-trigger]").count() == 0
    assert TaskTarget.objects.filter(contact_grade=Grade.DELIVERED).count() == 1


def test_the_whole_task_at_once_updates_without_a_tap(street, screen):
    task = street.targets[0].task_id
    open_page(screen, street, reverse("guide_portal:task", args=[task]))

    screen.locator(".foot .btn.solid").click()
    expect(screen.locator("#task .row .chip.wait")).to_have_count(3)
    hand_over_and_confirm(street)

    expect(screen.locator("#task .row .chip.ok")).to_have_count(3)


def test_the_sidebar_shows_the_chats_customer_and_sends_into_it(street, screen):
    target = street.targets[0]
    screen.set_viewport_size({"width": 1000, "height": 712})
    chat = f"/phone/guide/{street.guide.wecom_userid}/chat/{target.external_userid}/"
    screen.goto(street.simulator.url + chat)
    sidebar = screen.frame_locator("#frame")

    expect(sidebar.locator("h1.name")).to_contain_text("林晓雯")
    text = sidebar.locator("#script").inner_text()
    sidebar.locator(".foot .btn.solid").click()

    expect(sidebar.locator("#noted")).to_be_visible()
    expect(screen.locator("#thread")).to_contain_text(text)
    target.refresh_from_db()
    assert target.contact_grade == Grade.INITIATED


def test_a_page_is_sent_into_the_chat_or_else_copied(street, screen):
    target = street.targets[0]
    screen.set_viewport_size({"width": 1000, "height": 712})
    chat = f"/phone/guide/{street.guide.wecom_userid}/chat/{target.external_userid}/"
    screen.goto(street.simulator.url + chat)
    sidebar = screen.frame_locator("#frame")
    sidebar.locator("summary", has_text="发页面").click()
    page = sidebar.locator("article", has_text="秋冬新款到店")

    page.locator("[data-message]").click()

    expect(page.locator(".tip.ok")).to_be_visible()
    expect(screen.locator("#thread")).to_contain_text("秋冬新款到店")
    assert not page.locator(".tip.bad").is_visible()


def assert_copied(screen, words):
    """The page writes to the clipboard in its own time."""
    wait_for(
        lambda: words in screen.evaluate("navigator.clipboard.readText()"),
        message=f"{words!r} did not reach the clipboard.",
    )


def test_the_chat_opens_with_the_script_on_the_clipboard(street, screen):
    target = street.targets[0]
    open_page(screen, street, reverse("guide_portal:target", args=[target.pk]))
    text = screen.locator("textarea").input_value()

    screen.locator("[data-open-chat]").click()

    screen.wait_for_url("**/chat/**")
    assert_copied(screen, text)
    # the note travels beside the navigation
    noted = TaskTarget.objects.filter(pk=target.pk, contact_grade=Grade.INITIATED)
    assert wait_for(noted.exists, message="The opened chat was not noted.")


def test_an_opened_chat_that_was_not_noted_is_told_in_words(street, page):
    target = street.targets[0]
    open_page(page, street, reverse("guide_portal:target", args=[target.pk]))
    page.evaluate("window.portalWecom = { openChat: async () => true }")  # stays on the page
    StopMark.objects.create(member_id=target.member_id, since=clock.now(), source="test")

    page.locator("[data-open-chat]").click()

    expect(page.locator("#say")).to_contain_text("不再联系")
    page.goto("about:blank")


def test_a_chat_opened_by_who_may_no_longer_come_in_is_told_in_words(street, screen):
    target = street.targets[0]
    with screen.expect_response("**/g/saved/"):  # the last that the page asks for by itself
        open_page(screen, street, reverse("guide_portal:target", args=[target.pk]))
    screen.evaluate("window.portalWecom = { openChat: async () => true }")  # stays on the page
    User.objects.update(is_active=False)

    screen.locator("[data-open-chat]").click()

    expect(screen.locator("#say")).to_contain_text("没有记上")
    target.refresh_from_db()
    assert target.contact_grade == Grade.NONE


def test_every_target_is_large_enough_for_a_thumb(street, screen):
    member, target = street.members[0], street.targets[0]
    pages = [
        "/g/", "/g/customers/", "/g/tools/", "/g/me/", f"/g/tasks/{target.task_id}/",
        f"/g/targets/{target.pk}/", f"/g/targets/{target.pk}/not-suitable/",
        f"/g/customers/{member.public_id}/", f"/g/customers/{member.public_id}/note/",
    ]  # fmt: skip
    open_page(screen, street, "/g/")
    for path in pages:
        screen.goto(street.url + path)
        small = screen.evaluate(
            """() => [...document.querySelectorAll('a, button, summary, textarea, input')]
                .filter((one) => one.getClientRects().length)
                .filter((one) => {
                  const box = one.getBoundingClientRect();
                  const extra = one.classList.contains('tap') ? 8 : 0;
                  return box.width < 44 || box.height + extra < 44;
                }).map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert small == [], path
        assert screen.evaluate("document.documentElement.scrollWidth") == 360, path


# --- beside the chat, as small as phones are ------------------------------------------------------


def beside_the_chat(street, screen, target):
    """The sidebar on the guide's phone: the whole of a small screen."""
    chat = f"/phone/guide/{street.guide.wecom_userid}/chat/{target.external_userid}/"
    screen.set_viewport_size({"width": 1000, "height": 712})
    screen.goto(street.simulator.url + chat)
    frame = screen.locator("#frame")
    frame.evaluate(
        "one => Object.assign(one.style, {flex: 'none', width: '360px', height: '640px'})"
    )
    sidebar = frame.content_frame
    expect(sidebar.locator("h1.name")).to_be_visible()
    return sidebar


def test_source_last_purchase_and_total_stand_on_the_first_screen(street, screen):
    target = street.targets[0]
    FollowRelation.objects.filter(member=target.member).update(add_way=1)
    Member.objects.filter(pk=target.member_id).update(joined_at=None)  # asks for more room still
    sidebar = beside_the_chat(street, screen, target)

    seen = sidebar.locator("body").evaluate(
        """body => [...body.querySelectorAll('#source, .facts div')].map((one) => {
            const box = one.getBoundingClientRect();
            return {
              text: one.innerText, bottom: box.bottom, cut: one.scrollWidth > one.clientWidth,
              foot: (body.querySelector('.foot') || body).getBoundingClientRect().top,
            };
        })"""
    )

    assert sidebar.locator("body").evaluate("() => [innerWidth, innerHeight, scrollY]") == [
        360, 640, 0,
    ]  # fmt: skip
    words = [one["text"] for one in seen]
    assert words[0].startswith("来源")
    assert "扫码添加" in words[0]
    assert any(word.startswith("上次购买") for word in words)
    assert any(word.startswith("累计") for word in words)
    for one in seen:
        assert one["bottom"] <= min(640, one["foot"]), one
        assert not one["cut"], one


def test_whatever_leads_the_usual_facts_stay_on_the_first_screen(street, screen):
    target = street.targets[0]
    FollowRelation.objects.filter(member=target.member).update(add_way=1)
    LeadingFacts.objects.create(first="appointment", second="friend_since", third="net_365")
    holds = """body => [...body.querySelectorAll('h1, #source, .facts div, #also, .on-act b')]
        .map((one) => ({text: one.innerText, bottom: one.getBoundingClientRect().bottom,
                        cut: one.scrollWidth > one.clientWidth,
                        foot: (body.querySelector('.foot') || body).getBoundingClientRect().top}))
    """

    def first_screen(body):
        found = [one for one in body.evaluate(holds) if one["bottom"] <= min(640, one["foot"])]
        assert not any(one["cut"] for one in found), found
        return "\n".join(one["text"] for one in found)

    words = ("来源", "下次预约", "加你好友", "近 12 个月", "上次购买", "累计", "尺码", "为什么")
    beside = first_screen(beside_the_chat(street, screen, target).locator("body"))
    assert [word for word in words if word not in beside] == []

    open_page(screen, street, "/g/")
    screen.set_viewport_size({"width": 360, "height": 640})
    screen.goto(street.url + f"/g/customers/{target.member.public_id}/")
    card = first_screen(screen.locator("body"))
    assert [word for word in words if word not in card] == []


def take_away_sending(sidebar, how):
    """As in an old WeCom, or as when it says no."""
    refusing = "() => Promise.reject({errMsg: 'sendChatMessage:fail'})"
    value = {"old": "undefined", "refusing": refusing}[how]
    sidebar.locator("body").evaluate(f"() => {{ window.ww.sendChatMessage = {value}; }}")


@pytest.mark.parametrize("how", ["old", "refusing"])
def test_a_text_that_wecom_does_not_take_is_copied_and_counts_for_nothing(street, screen, how):
    target = street.targets[0]
    sidebar = beside_the_chat(street, screen, target)
    take_away_sending(sidebar, how)
    text = sidebar.locator("#script").inner_text()

    sidebar.locator(".foot .btn.solid").click()
    expect(sidebar.locator("#not-sent")).to_be_visible()
    sidebar.locator("#not-sent [data-copy]").click()

    expect(sidebar.locator("#say")).to_contain_text("粘贴")
    assert_copied(screen, text)
    assert sidebar.locator("#noted").count() == 0
    expect(screen.locator("#thread")).not_to_contain_text(text)
    target.refresh_from_db()
    assert target.contact_grade == Grade.NONE


def with_every_kind(street):
    """The task's script with a picture, a link and a mini program beside it; WeCom has both
    pictures under ids it has forgotten."""
    script = MessageTemplate.objects.create(name="全套", body=street.push.body)
    TaskPush.objects.filter(pk=street.push.pk).update(template=script)
    kinds = [
        {"kind": "image", "title": "新靴"},
        {"kind": "miniprogram", "title": "会员商城", "appid": "wx1", "page": "pages/index"},
    ]
    for place, fields in enumerate(kinds):
        kept = ContentFile(png(), name="photo.png")
        row = script.attachments.create(picture=kept, place=place, **fields)
        MediaUpload.objects.create(
            corp_id=street.guide.corp_id,
            file=row.picture.name,
            media_id="forgotten",
            expires_at=clock.now() + timedelta(days=2),
        )
    script.attachments.create(
        kind="link", title="秋冬画册", url="https://shop.example.com/a", place=2
    )


def test_every_kind_has_a_way_by_hand_where_wecom_does_not_take_it(street, screen):
    target = street.targets[0]
    with_every_kind(street)
    Member.objects.filter(pk=target.member_id).update(joined_at=None)
    sidebar = beside_the_chat(street, screen, target)
    sidebar.locator("summary", has_text="发页面").click()
    expect(sidebar.locator("#message-task-2")).to_be_visible()
    take_away_sending(sidebar, "refusing")
    by_hand = {
        "task-0": None,
        "task-1": "会员商城",
        "task-2": "/l/",  # our link that leads there: whose it is stays known by hand too
        "invite": "/m/join/",
    }

    for key, words in by_hand.items():
        sidebar.locator(f'[data-instead="#instead-{key}"]').click()
        instead = sidebar.locator(f"#instead-{key}")
        expect(instead).to_be_visible()
        expect(sidebar.locator(f"#sent-{key}")).to_be_hidden()
        if words is None:  # a picture is passed on from where it stands
            picture = instead.locator("img")
            picture.scroll_into_view_if_needed()
            assert wait_for(
                lambda shown=picture: shown.evaluate("one => one.naturalWidth") > 0,
                message="The picture did not come.",
            )
        else:
            instead.locator("[data-copy]").click()
            assert_copied(screen, words)
    target.refresh_from_db()
    assert target.contact_grade == Grade.NONE


def test_one_tap_invites_who_has_not_joined_and_one_says_why_not(street, screen):
    target = street.targets[0]
    Member.objects.filter(pk=target.member_id).update(joined_at=None)
    sidebar = beside_the_chat(street, screen, target)

    sidebar.locator("#join [data-message]").click()

    expect(sidebar.locator("#sent-invite")).to_be_visible()
    expect(screen.locator("#thread")).to_contain_text("加入会员")
    sidebar.locator("#join button[value=number]").click()
    expect(sidebar.locator("#noted")).to_be_visible()
    expect(sidebar.locator("#join")).to_contain_text("不想留手机号")
    assert JoinRefusal.objects.get().member_id == target.member_id


def test_from_a_customers_profile_nothing_is_sent_and_the_page_offers_to_copy(street, screen):
    """`sendChatMessage` fails outside a chat's toolbar: first it is asked where the page is."""
    target = street.targets[0]
    screen.set_viewport_size({"width": 1000, "height": 712})
    profile = f"/phone/guide/{street.guide.wecom_userid}/chat/{target.external_userid}/profile/"
    screen.goto(street.simulator.url + profile)
    sidebar = screen.frame_locator("#frame")
    expect(sidebar.locator("h1.name")).to_contain_text("林晓雯")
    frame = screen.frames[-1]
    frame.evaluate(
        "() => { window.asked = []; const send = ww.sendChatMessage;"
        "ww.sendChatMessage = (message) => { asked.push(message); return send(message); }; }"
    )

    sidebar.locator(".foot .btn.solid").click()

    expect(sidebar.locator("#not-sent")).to_be_visible()
    assert frame.evaluate("window.asked") == []
    said = street.simulator.get(f"/sim/phones/customers/{target.external_userid}")["messages"]
    assert [row for row in said if row["via"] == "sidebar"] == []
    target.refresh_from_db()
    assert target.contact_grade == Grade.NONE


def test_a_ticket_that_wecom_revoked_is_fetched_anew_and_the_page_goes_on(street, screen):
    target = street.targets[0]
    screen.set_viewport_size({"width": 1000, "height": 712})
    client = client_for()
    client.config_signature(street.url), client.agent_config_signature(street.url)
    street.simulator.post("/sim/tickets/expire")
    chat = f"/phone/guide/{street.guide.wecom_userid}/chat/{target.external_userid}/"

    screen.goto(street.simulator.url + chat)

    sidebar = screen.frame_locator("#frame")
    expect(sidebar.locator("h1.name")).to_contain_text("林晓雯")
    assert client.forget_tickets() is False  # once a minute and no more


def test_three_taps_book_an_appointment_and_one_says_that_ta_came(street, screen):
    member = street.members[0]
    open_page(screen, street, reverse("guide_portal:customer", args=[member.public_id]))

    screen.locator("#appointments + .card a").last.click()
    assert screen.evaluate("document.documentElement.scrollWidth") == 360
    screen.locator("#at").select_option("20:45")
    screen.locator("form .btn.solid").click()

    row = Appointment.objects.get()
    expect(screen.locator("#appointments + .card .chip")).to_be_visible()
    Appointment.objects.update(
        starts_at=clock.now(), hour_at=clock.now().replace(minute=0, second=0, microsecond=0)
    )
    screen.goto(street.url + reverse("guide_portal:today"))
    expect(screen.locator(f"a[href$='/appointments/{row.pk}/']")).to_be_visible()
    screen.goto(street.url + reverse("guide_portal:appointment", args=[row.pk]))
    screen.goto(street.url + reverse("guide_portal:appointments"))
    assert screen.evaluate("document.documentElement.scrollWidth") == 360
    screen.locator("form .btn").first.click()
    expect(screen.locator(".tip.ok")).to_be_visible()
    row.refresh_from_db()
    assert row.state == "kept"
