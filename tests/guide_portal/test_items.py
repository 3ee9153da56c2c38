"""Work without customers on the guide's and the manager's phones."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.customer_groups.models import GroupSend
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.outreach import attachments
from apps.outreach.models import MomentPost, MomentReading
from apps.stores.models import DayOff
from tests.factories.facts import make_guide
from tests.factories.groups import make_group
from tests.factories.items import make_item_push, png
from tests.factories.outreach import CORP
from tests.guide_portal.conftest import make_manager, open_shop, signed_in

Kind = TaskPush.Kind
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def at(name, item=None):
    return reverse(f"guide_portal:{name}", args=[item.pk] if item else [])


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def item_for(shop, guide="mine", **fields):
    push = make_item_push(shop.now, stores=[shop.store], **fields)
    return TaskItem.objects.get(push=push, guide=shop.guide if guide == "mine" else guide)


def picture():
    return SimpleUploadedFile("IMG_0001.HEIC", png(), content_type="image/heic")


# --- the guide ------------------------------------------------------------------------------------


def test_an_owner_reads_where_the_message_to_the_groups_stands(shop, phone):
    for _one in range(2):
        make_group(shop.guide, shop.store, shop.now)
    item = item_for(shop, kind=Kind.GROUP_SEND, body="周末新款到店")

    assert "正在交给企微" in text_of(phone.get(at("item", item)))
    GroupSend.objects.update(state="unknown")
    assert "由总部核实" in text_of(phone.get(at("item", item)))
    GroupSend.objects.update(state="handed_over")
    TaskItem.objects.update(state=State.IN_PROGRESS, counted=1)
    page = text_of(phone.get(at("item", item)))
    assert "群发助手" in page
    assert "周末新款到店" in page
    assert "2 个群已发 1 个" in page
    TaskItem.objects.update(state=State.DONE, counted=2, proof="wecom", done_at=shop.now)
    done = text_of(phone.get(at("item", item)))
    assert "已发到群" in done
    assert "群发助手" not in done


def test_items_stand_on_today_and_in_its_finish_line(shop, phone, act):
    item = item_for(shop)
    shared = item_for(shop, None, kind=Kind.GROUP)

    page = text_of(phone.get(at("today")))
    assert item.push.title in page
    assert shared.push.title in page
    assert "<small>/5</small>" in page
    assert "2 件事待办" in page
    item.refresh_from_db()
    assert item.seen_at == shop.now

    phone.post(at("report_item", item), act(note="已换好"))
    page = text_of(phone.get(at("today")))
    assert '<span class="num">1<small>/5</small></span>' in page
    assert "自报" in page


def test_what_a_colleague_did_for_the_store_is_gone_and_not_mine(shop, phone, act):
    shared = item_for(shop, None, kind=Kind.GROUP)
    signed_in(shop.colleague).post(at("report_item", shared), act())

    page = text_of(phone.get(at("today")))
    assert shared.push.title not in page
    assert "<small>/3</small>" in page
    assert "自报完成" in text_of(phone.get(at("item", shared)))
    again = phone.post(at("report_item", shared), act(), follow=True)
    assert "同事已经完成了" in again.content.decode()


def test_a_day_with_items_alone_is_no_empty_day(shop, act):
    alone = make_guide(shop.store, corp=CORP)
    item = item_for(shop, alone)
    browser = signed_in(alone)

    page = text_of(browser.get(at("today")))
    assert "btn solid" in page
    assert item.push.title in page
    browser.post(at("report_item", item), act())
    assert "都处理了" in text_of(browser.get(at("today")))


def test_the_same_form_sent_twice_reports_once(shop, phone):
    item = item_for(shop)
    fields = {"client_id": str(uuid.uuid4()), "note": "好了"}

    for _time in range(2):
        assert phone.post(at("report_item", item), fields).status_code == 302

    item.refresh_from_db()
    assert (item.state, item.note) == (State.DONE, "好了")


def test_a_photo_is_handed_in_approved_and_seen_by_whom_it_concerns(
    shop, phone, managers_phone, act
):
    item = item_for(shop, None, kind=Kind.DISPLAY, once_per_store=True)
    page = text_of(phone.get(at("item", item)))
    assert 'enctype="multipart/form-data"' in page

    phone.post(at("hand_in_photo", item), act(photo=picture()))
    assert "待审批" in text_of(phone.get(at("item", item)))
    assert "1 张照片待审批" in text_of(phone.get(at("today")))

    shown = phone.get(at("item_photo", item))
    assert shown["Content-Type"] == "image/png"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in shown["Cache-Control"]
    assert shown.content == png()
    stranger = open_shop(shop.now)
    assert signed_in(stranger.guide).get(at("item_photo", item)).status_code == 404
    assert signed_in(stranger.manager).get(at("item_photo", item)).status_code == 404

    waiting = text_of(managers_phone.get(at("approvals")))
    assert item.push.title in waiting
    managers_phone.post(at("approve_item", item), act())
    assert item.push.title not in text_of(managers_phone.get(at("approvals")))
    assert "照片通过" in text_of(phone.get(at("item", item)))


def test_a_refused_photo_shows_its_reason_first(shop, phone, managers_phone, act):
    item = item_for(shop, kind=Kind.DISPLAY)
    phone.post(at("hand_in_photo", item), act(photo=picture()))

    no_reason = managers_phone.post(at("refuse_item", item), act(reason=" "), follow=True)
    assert "写一句缺什么" in no_reason.content.decode()
    managers_phone.post(at("refuse_item", item), act(reason="少了价签"))

    assert "请重拍：少了价签" in text_of(phone.get(at("today")))
    assert "请重拍：少了价签" in text_of(phone.get(at("item", item)))
    phone.post(at("hand_in_photo", item), act(photo=picture()))
    item.refresh_from_db()
    assert item.state == State.TO_VERIFY


def test_a_file_that_is_no_picture_is_refused_in_words(shop, phone, act):
    item = item_for(shop, kind=Kind.DISPLAY)
    page = {"HTTP_REFERER": f"http://testserver{at('item', item)}"}

    for photo, words in (
        (SimpleUploadedFile("a.jpg", b"<html>"), "这不是能读取的照片"),
        (SimpleUploadedFile("a.jpg", b""), "这不是能读取的照片"),
        (None, "请先选一张照片"),
    ):
        fields = act(photo=photo) if photo else act()
        answer = phone.post(at("hand_in_photo", item), fields, follow=True, **page)
        assert words in answer.content.decode()
    item.refresh_from_db()
    assert item.state == State.OPEN


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"<html>", "这不是能读取的照片"), (b"", "这不是能读取的照片"), (None, "请先选一张照片")],
)
def test_a_wrong_photo_keeps_the_words_that_went_with_it(shop, phone, act, raw, words):
    item = item_for(shop, kind=Kind.DISPLAY)
    photo = {} if raw is None else {"photo": SimpleUploadedFile("a.jpg", raw)}

    answer = phone.post(at("hand_in_photo", item), act(note="价签已换", **photo))

    assert answer.status_code in (400, 409)
    assert words in answer.content.decode()
    assert "价签已换</textarea>" in answer.content.decode()


def test_words_too_long_are_said_and_stay(shop, phone, act):
    item, other = item_for(shop, kind=Kind.DISPLAY), item_for(shop)
    long = "好" * 501
    for answer in (
        phone.post(at("hand_in_photo", item), act(note=long, photo=picture())),
        phone.post(at("report_item", other), act(note=long)),
    ):
        assert answer.status_code == 400
        assert "最多 500 字" in answer.content.decode()
        assert f"{long}</textarea>" in answer.content.decode()


def test_a_refused_photo_leaves_its_words_for_the_next(shop, phone, managers_phone, act):
    item = item_for(shop, kind=Kind.DISPLAY)
    phone.post(at("hand_in_photo", item), act(note="价签已换", photo=picture()))
    managers_phone.post(at("refuse_item", item), act(reason="太暗"))

    assert "价签已换</textarea>" in text_of(phone.get(at("item", item)))


def test_a_photo_is_taken_back_until_it_is_decided(
    shop, phone, managers_phone, act, django_capture_on_commit_callbacks
):
    item = item_for(shop, None, kind=Kind.DISPLAY, once_per_store=True)
    phone.post(at("hand_in_photo", item), act(note="价签已换", photo=picture()))
    to = at("withdraw_photo", item)
    name = TaskItem.objects.get(pk=item.pk).photo.name
    assert to in text_of(phone.get(at("item", item)))
    # another's photo is not one's own to take back
    assert "同事" in signed_in(shop.colleague).post(to, act(), follow=True).content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        for _twice in range(2):
            page = text_of(phone.post(to, act(), follow=True))

    item.refresh_from_db()
    assert (item.state, item.photo.name, item.note) == (State.IN_PROGRESS, "", "价签已换")
    assert not item.photo.storage.exists(name)
    assert "价签已换</textarea>" in page
    assert item.push.title not in text_of(managers_phone.get(at("approvals")))
    phone.post(at("hand_in_photo", item), act(photo=picture()))
    managers_phone.post(at("approve_item", item), act())
    phone.post(to, act())
    item.refresh_from_db()
    assert (item.state, bool(item.photo)) == (State.DONE, True)


def test_a_quota_shows_how_many_are_missing_and_offers_no_tick(shop, phone):
    item = item_for(shop, kind=Kind.RECRUIT, quota=3, quota_of="friends")
    TaskItem.objects.filter(pk=item.pk).update(counted=1, state=State.IN_PROGRESS)

    page = text_of(phone.get(at("item", item)))
    assert "还差 2 位新好友" in page
    assert "<form" not in page


def test_an_item_of_later_or_of_a_colleague_is_not_there(shop, phone):
    foreign = item_for(shop, shop.colleague)
    later = item_for(shop)
    TaskItem.objects.filter(pk=later.pk).update(opens_at=shop.now + timedelta(hours=1))

    assert phone.get(at("item", foreign)).status_code == 404
    assert phone.get(at("item", later)).status_code == 404


def _queries(browser, path):
    browser.get(path)
    with CaptureQueriesContext(connection) as asked:
        text_of(browser.get(path))
    return sum("SAVEPOINT" not in query["sql"] for query in asked)


@pytest.mark.parametrize("name", ["today", "item"])
def test_the_guides_pages_ask_as_much_for_many_items_as_for_one(shop, phone, name):
    item = item_for(shop, kind=Kind.DISPLAY)
    path = at(name, item if name == "item" else None)
    few = _queries(phone, path)
    for number in range(8):
        item_for(shop, None if number % 2 else "mine", kind=Kind.GROUP if number % 2 else Kind.FREE)

    assert _queries(phone, path) == few
    assert few <= 12


# --- the manager ----------------------------------------------------------------------------------


def test_a_manager_makes_a_task_in_three_taps_and_a_title(shop, phone, managers_phone, act):
    assert "谁有空谁做" in text_of(managers_phone.get(at("new_task")))
    fields = act(title="盘点小件", who="anyone", days="0")
    for _time in range(2):
        answer = managers_phone.post(at("new_task"), fields)
        assert answer.status_code == 302

    push = TaskPush.objects.get(title="盘点小件")
    assert (push.kind, push.created_by) == (Kind.GROUP, f"guide:{shop.manager.pk}")
    assert "盘点小件" in text_of(phone.get(at("today")))
    assert "盘点小件" in text_of(managers_phone.get(at("store_tasks")))


@pytest.mark.parametrize(
    ("who", "photo", "kind", "count"),
    [
        ("anyone", "", Kind.GROUP, 1),
        ("each", "", Kind.FREE, 2),
        ("anyone", "on", Kind.DISPLAY, 1),
        ("each", "on", Kind.DISPLAY, 2),
    ],
)
def test_two_questions_decide_what_a_task_becomes(
    shop, managers_phone, act, who, photo, kind, count
):
    fields = act(title="换橱窗", who=who, photo=photo, days="1")
    managers_phone.post(at("new_task"), {name: value for name, value in fields.items() if value})

    push = TaskPush.objects.get(title="换橱窗")
    assert push.kind == kind
    assert TaskItem.objects.filter(push=push).count() == count


def test_a_task_without_words_or_without_anybody_says_so(shop, managers_phone, act):
    empty = managers_phone.post(at("new_task"), act(title="", who="each", days="1"))
    assert empty.status_code == 400
    assert "写一句要做什么" in empty.content.decode()

    for guide in (shop.guide, shop.colleague):
        DayOff.objects.create(guide=guide, day=shop.now.date())
    answer = managers_phone.post(at("new_task"), act(title="盘点", who="each", days="1"))
    assert answer.status_code == 409
    assert "没有人在岗" in answer.content.decode()
    assert "盘点" in answer.content.decode()


def test_a_manager_does_not_hand_out_into_another_store(shop, managers_phone, act):
    other = open_shop(shop.now)
    fields = act(title="盘点", who="each", days="1", store=other.store.pk)

    assert managers_phone.post(at("new_task"), fields).status_code == 400
    assert not TaskPush.objects.filter(title="盘点").exists()


def test_nobody_is_asked_to_approve_the_own_photo(shop, managers_phone, act):
    item = item_for(shop, None, kind=Kind.DISPLAY, once_per_store=True)
    managers_phone.post(at("hand_in_photo", item), act(photo=picture()))
    second = signed_in(make_manager(shop.store, shop.now))

    assert item.push.title not in text_of(managers_phone.get(at("approvals")))
    assert item.push.title in text_of(second.get(at("approvals")))
    refused = managers_phone.post(at("approve_item", item), act(), follow=True)
    assert "由区域经理或总部审批" in refused.content.decode()


@pytest.mark.parametrize("name", ["store_tasks", "approvals", "new_task"])
def test_the_managers_pages_ask_as_much_for_many_rows_as_for_one(
    shop, phone, managers_phone, act, name
):
    def photo():
        item = item_for(shop, kind=Kind.DISPLAY)
        phone.post(at("hand_in_photo", item), act(photo=picture()))

    photo()
    few = _queries(managers_phone, at(name))
    for _one in range(4):
        photo()

    assert _queries(managers_phone, at(name)) == few
    assert few <= 12


def test_a_guide_sees_what_goes_out_with_the_message(shop, phone):
    make_group(shop.guide, shop.store, shop.now)
    kept = attachments.keep_file(attachments.clean_picture(png()))
    link = attachments.link(title="秋冬新款", summary="", url="https://shop.example.com/a")
    item = item_for(
        shop,
        kind=Kind.GROUP_SEND,
        body="周末新款到店",
        attachments=[attachments.picture(kept), link],
    )

    page = text_of(phone.get(at("item", item)))
    address = reverse("guide_portal:picture", args=[attachments.sealed(kept)])
    assert address in page
    assert "秋冬新款" in page
    shown = phone.get(address)
    assert shown["Content-Type"] == "image/png"
    assert phone.get(reverse("guide_portal:picture", args=["abc:def"])).status_code == 404


def test_likes_and_comments_stand_at_the_post_for_guide_and_manager(shop, phone, managers_phone):
    item = item_for(shop, kind=Kind.MOMENTS, body="新靴到店")
    MomentReading.objects.create(
        post=MomentPost.objects.get(), guide=shop.guide, userid=shop.guide.wecom_userid,
        published_at=shop.now, customers=12, likes=3, comments=1, read_at=shop.now,
    )  # fmt: skip

    words = "12 位客户可见，赞 3，评论 1"
    assert words in text_of(phone.get(at("item", item)))
    assert words in text_of(managers_phone.get(reverse("guide_portal:store_tasks")))
