"""Head office's pages of work without customers: choice, form, result, photos."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.core import clock
from apps.customer_groups.models import GroupSend, GroupSendReminder
from apps.guide_tasks import services
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.guide_tasks.services.link_orders import credit_links
from apps.orders.models import Order
from apps.outreach.models import MomentPost, MomentReading, TrackedLink
from apps.reports.link_orders import PostOrders
from apps.stores.models import Guide, Posting, ScopeGrant
from tests.factories.facts import make_guide, make_member, make_store
from tests.factories.groups import make_group
from tests.factories.items import jpeg, make_item_push
from tests.factories.outreach import CORP
from tests.factories.tasks import buy, guide_actor
from tests.hq.conftest import make_user, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def stores(fixed_clock, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    found = [make_store(), make_store(), make_store(region="west")]
    for store in found:
        make_guide(store, corp=CORP)
    return found


def fields(now, **more):
    moment = "%Y-%m-%dT%H:%M"
    return {
        "client_id": str(uuid.uuid4()),
        "title": "本周拉新",
        "body": "请顾客扫码入会。",
        "quota": "3",
        "quota_of": "members",
        "codes": "",
        "hand_out_at": "",
        "due_at": (now + timedelta(days=2)).strftime(moment),
        "hand_out_from": "07:00",
        "hand_out_until": "23:00",
        **more,
    }


def send(client, kind="recruit", **form):
    """Hand it out; what customers are to read is looked at first."""
    address = reverse("hq:item_push_new", args=[kind])
    answer = client.post(address, form)
    if answer.status_code != 200:
        return answer
    return client.post(address, {**form, "looked": answer.context["mark"]})


def test_the_choice_of_kind_leads_to_the_wizard_and_to_short_forms(admin_client, stores):
    page = admin_client.get(reverse("hq:push_kinds")).content.decode()

    assert reverse("hq:push_new") in page
    for kind in ("recruit", "display", "group", "free", "moments", "group_send"):
        address = reverse("hq:item_push_new", args=[kind])
        assert address in page
        assert admin_client.get(address).status_code == 200
    assert admin_client.get(reverse("hq:item_push_new", args=["contact"])).status_code == 404


def test_a_form_hands_out_to_the_chosen_places_once(operator_client, stores, fixed_clock):
    east, other, west = stores
    form = fields(fixed_clock, regions=[west.region_id], codes=f"{east.code}，{other.code}")
    for _time in range(2):
        answer = send(operator_client, **form)

    push = TaskPush.objects.get()
    assert answer["Location"] == reverse("hq:push", args=[push.pk])
    assert TaskItem.objects.filter(push=push, quota=3).count() == 3
    page = operator_client.get(answer["Location"]).content.decode()
    for store in stores:
        assert store.name in page
    assert "3 项中完成 0 项" in page
    assert push.title in operator_client.get(reverse("hq:pushes")).content.decode()


def test_a_form_says_what_is_wrong_and_keeps_what_was_written(operator_client, stores, fixed_clock):
    late = (fixed_clock - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    for wrong, words in (
        ({"codes": "S0000"}, "没有编码为 S0000 的门店"),
        ({"due_at": late}, "截止时间必须"),
        ({"codes": make_store().code}, "没有人在岗"),
    ):
        answer = send(operator_client, **fields(fixed_clock, **wrong))
        assert answer.status_code == 400
        assert words in answer.content.decode()
        assert "请顾客扫码入会。" in answer.content.decode()
    assert not TaskPush.objects.exists()


def test_a_push_of_tomorrow_shows_its_hour_and_can_be_deleted(operator_client, stores, fixed_clock):
    tomorrow = (fixed_clock + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    answer = send(operator_client, "free", **fields(fixed_clock, hand_out_at=tomorrow))

    push = TaskPush.objects.get()
    assert push.status == "approved"
    assert "还没有人看到" in operator_client.get(answer["Location"]).content.decode()
    operator_client.post(reverse("hq:push_delete", args=[push.pk]))
    assert not TaskPush.objects.exists()


def test_a_moments_push_queues_one_post_for_those_who_got_it(operator_client, stores, fixed_clock):
    answer = send(operator_client, "moments", **fields(fixed_clock))

    post = MomentPost.objects.get()
    assert len(post.userids) == 3
    assert post.text == "请顾客扫码入会。"
    page = operator_client.get(answer["Location"]).content.decode()
    assert 'data-post="queued"' in page
    assert "最长每 30 分钟一次" in page


def test_a_post_that_wecom_does_not_stop_says_why_on_its_page(operator_client, stores, fixed_clock):
    answer = send(operator_client, "moments", **fields(fixed_clock))
    MomentPost.objects.update(state="made", reason="企微没有停下这条朋友圈：不行")

    page = operator_client.get(answer["Location"]).content.decode()
    assert "企微没有停下这条朋友圈：不行" in page


def test_a_push_to_groups_asks_their_owners_alone_and_shows_what_wecom_says(
    operator_client, stores, fixed_clock
):
    owner = Posting.objects.get(store=stores[0]).guide
    for _one in range(2):
        make_group(owner, stores[0], fixed_clock)
    empty = send(operator_client, "group_send", **fields(fixed_clock, body=""))
    assert empty.status_code == 400
    looked = operator_client.post(
        reverse("hq:item_push_new", args=["group_send"]), fields(fixed_clock)
    ).content.decode()
    told = "最后一位群主确认后，至少 1 分钟全部结果可知"
    assert told in looked
    answer = send(operator_client, "group_send", **fields(fixed_clock))
    assert told in operator_client.get(answer["Location"]).content.decode()

    assert TaskItem.objects.get().guide == owner
    sent = GroupSend.objects.get()
    sent.sent_chat_ids = sent.chat_ids[:1]
    sent.save()
    page = operator_client.get(answer["Location"]).content.decode()
    assert "2 个群中已发 1 个" in page
    assert "1 位群主中 1 位已确认" in page
    GroupSend.objects.update(state="unknown", unknown_since=fixed_clock)
    assert reverse("hq:unknown_sends") in operator_client.get(answer["Location"]).content.decode()


def photo_of(stores, now):
    push = make_item_push(now, kind="display", once_per_store=True)
    item = TaskItem.objects.get(push=push, store=stores[0])
    worker = make_guide(stores[0], corp=CORP)
    return services.hand_in_photo(
        item=item, raw=jpeg(), note="", actor=guide_actor(worker, now), now=now
    )


def test_head_office_decides_about_a_photo_where_nobody_else_can(admin_client, stores, fixed_clock):
    item = photo_of(stores, fixed_clock)
    decide = reverse("hq:item_decide", args=[item.pk])
    assert decide in admin_client.get(reverse("hq:push", args=[item.push_id])).content.decode()
    shown = admin_client.get(reverse("hq:item_photo", args=[item.pk]))
    assert shown["Content-Type"] == "image/jpeg"
    assert "no-store" in shown["Cache-Control"]

    admin_client.post(decide, {"what": "refuse", "reason": ""})
    item.refresh_from_db()
    assert item.state == State.TO_VERIFY
    admin_client.post(decide, {"what": "approve"})
    item.refresh_from_db()
    assert (item.state, item.proof) == (State.DONE, "approved")


def test_a_region_manager_sees_the_own_regions_stores_alone(stores, fixed_clock):
    user = make_user(Role.REGION_MANAGER)
    ScopeGrant.objects.create(user=user, region=stores[2].region)
    item = photo_of(stores, fixed_clock)
    client = signed_in(Role.HQ_OPERATOR)
    client.force_login(user)

    page = client.get(reverse("hq:push", args=[item.push_id])).content.decode()
    assert stores[2].name in page
    assert stores[0].name not in page
    assert client.get(reverse("hq:item_photo", args=[item.pk])).status_code == 404


def test_a_push_is_taken_back_and_leaves_every_rate(operator_client, stores, fixed_clock):
    push = make_item_push(fixed_clock, kind="moments")
    first = TaskItem.objects.filter(push=push).first()
    services.record_published(
        source=push.source, corp_id=CORP, userids=[first.guide.wecom_userid], now=fixed_clock
    )
    address = reverse("hq:item_withdraw", args=[push.pk])
    assert address in operator_client.get(reverse("hq:push", args=[push.pk])).content.decode()

    for _time in range(2):
        operator_client.post(address)

    states = TaskItem.objects.filter(push=push).values_list("state", flat=True)
    assert sorted(states) == [State.DONE, State.NOT_APPLICABLE, State.NOT_APPLICABLE]
    assert MomentPost.objects.get().state == "closed"
    page = operator_client.get(reverse("hq:push", args=[push.pk])).content.decode()
    assert "100.0%" in page
    assert address not in page


def test_a_running_push_is_reminded_of_and_gets_more_time(operator_client, stores, fixed_clock):
    push = make_item_push(fixed_clock)
    pages = {name: reverse(f"hq:{name}", args=[push.pk]) for name in ("push", "push_recall")}
    remind = reverse("hq:item_remind", args=[push.pk])
    page = operator_client.get(pages["push"]).content.decode()
    assert remind in page
    assert pages["push_recall"] in page
    assert "还有 3 项任务未完成" in operator_client.get(pages["push_recall"]).content.decode()

    answer = operator_client.post(remind, follow=True).content.decode()
    assert "已就 3 项任务催办导购。" in answer
    wanted = (push.due_at + timedelta(days=2)).astimezone(clock.chain_tz())
    answer = operator_client.post(
        reverse("hq:push_extend", args=[push.pk]),
        {"due_at": f"{wanted:%Y-%m-%dT%H:%M}"},
        follow=True,
    )
    assert "3 项任务已延期。" in answer.content.decode()
    assert set(TaskItem.objects.values_list("due_at", flat=True)) == {wanted}


def test_a_post_is_offered_no_more_time(operator_client, stores, fixed_clock):
    push = make_item_push(fixed_clock, kind="moments")
    page = operator_client.get(reverse("hq:push", args=[push.pk])).content.decode()
    assert reverse("hq:push_recall", args=[push.pk]) not in page
    answer = operator_client.get(reverse("hq:push_recall", args=[push.pk])).content.decode()
    assert reverse("hq:push_extend", args=[push.pk]) not in answer


def test_orders_by_the_links_of_a_post_stand_on_its_page(
    operator_client, admin_client, stores, fixed_clock
):
    address = "https://mall.example/boots"
    piece = {
        "kind": "link",
        "title": "新靴",
        "summary": "",
        "picture_url": "",
        "url": address,
        "file": "boots.jpg",
    }
    push = make_item_push(fixed_clock, kind="moments", attachments=[piece])
    path = reverse("hq:push", args=[push.pk])
    assert "data-link-orders" not in admin_client.get(path).content.decode()
    shared = TrackedLink.objects.create(
        code="m1", address=address, source=push.source, corp_id=CORP
    )
    guides = TrackedLink.objects.create(
        code="g1", address=address, source=push.source, guide=Guide.objects.first()
    )
    known, unknown, back = (Order.objects.get(pk=buy(make_member(), make_store(), fixed_clock))
                            for _one in range(3))  # fmt: skip
    Order.objects.filter(pk=unknown.pk).update(member=None)
    Order.objects.filter(pk=back.pk).update(net_fen=0)
    credit_links(
        codes={known.pk: shared.code, unknown.pk: guides.code, back.pk: shared.code},
        now=fixed_clock,
    )

    page = admin_client.get(path)

    assert page.context["link_orders"] == PostOrders(2, known.net_fen + unknown.net_fen, 1, 1)
    line = page.content.decode().split("data-link-orders")[1].split("</p>")[0]
    assert "未识别买家 1 单" in line
    assert "未知导购 1 单" in line


def _queries(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def test_the_pages_ask_as_much_for_many_stores_as_for_few(admin_client, stores, fixed_clock):
    push = make_item_push(fixed_clock)
    paths = [reverse("hq:push", args=[push.pk]), reverse("hq:pushes")]
    few = [_queries(admin_client, path) for path in paths]
    for _one in range(6):
        make_guide(make_store(), corp=CORP)
    more = make_item_push(fixed_clock)

    paths[0] = reverse("hq:push", args=[more.pk])
    assert [_queries(admin_client, path) for path in paths] == few


def test_a_posts_page_shows_what_customers_did_store_by_store(operator_client, stores, fixed_clock):
    answer = send(operator_client, "moments", **fields(fixed_clock))
    post = MomentPost.objects.get()
    assert "客户的赞和评论" not in operator_client.get(answer["Location"]).content.decode()
    for number, store in enumerate(stores, start=1):
        MomentReading.objects.create(
            post=post, guide=Posting.objects.get(store=store).guide, userid=f"u{number}",
            published_at=fixed_clock, customers=10 * number, likes=number, comments=2,
            read_at=fixed_clock,
        )  # fmt: skip

    page = operator_client.get(answer["Location"])
    assert [row.likes for row in page.context["answers"]] == [3, 2, 1]
    total = page.context["answered"]
    assert (total.posts, total.customers, total.likes, total.comments) == (3, 60, 6, 6)
    assert "客户的赞和评论" in page.content.decode()
    assert "60 位客户可见，赞 6，评论 6" in page.content.decode()


def test_head_office_has_wecom_remind_owners_who_have_not_confirmed(
    operator_client, stores, fixed_clock
):
    owner = Posting.objects.get(store=stores[0]).guide
    make_group(owner, stores[0], fixed_clock)
    answer = send(operator_client, "group_send", **fields(fixed_clock))
    push = TaskPush.objects.get()
    address = reverse("hq:item_remind", args=[push.pk])
    assert address in operator_client.get(answer["Location"]).content.decode()

    said = operator_client.post(address, {"wave": "a"}, follow=True).content.decode()
    assert "有 1 条群发还没到企微" in said
    GroupSend.objects.update(state="handed_over", msgid="msg1")
    said = operator_client.post(address, {"wave": "a"}, follow=True).content.decode()
    assert "已请企微催办 1 条群发" in said
    assert GroupSendReminder.objects.count() == 1
