"""不适用 of store work on the guide's phone; a manager's reminders, more time and take-backs."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.guide_portal.items import ItemCard
from apps.guide_tasks.models import (
    GuideTask,
    ItemMove,
    State,
    TargetMove,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services.erasure import forget_members
from apps.member_portal.services.choices import withdraw
from apps.outreach.models import GuideNotice
from tests.factories.items import make_item_push, png
from tests.factories.outreach import make_friends
from tests.factories.tasks import deliver, hand_out, target_of
from tests.guide_portal.conftest import open_shop

Kind = TaskPush.Kind
pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def item_for(shop, guide="mine", **fields):
    push = make_item_push(shop.now, stores=[shop.store], **fields)
    return TaskItem.objects.get(push=push, guide=shop.guide if guide == "mine" else guide)


def due(item, moment, **more):
    fields = {"due_at": moment, "opens_at": moment - 9 * DAY, **more}
    TaskItem.objects.filter(pk=item.pk).update(**fields)
    return item


def day_of(shop, days):
    return (shop.now.date() + days * DAY).isoformat()


# --- 不适用 ---------------------------------------------------------------------------------------


def test_store_work_is_excused_in_two_taps_from_today_and_undone_in_one(shop, phone, act):
    item = item_for(shop)
    page = text_of(phone.get(at("today")))
    assert at("excuse_item", item.pk) in page
    assert "<small>/4</small>" in page
    assert "本店没有该陈列位" in text_of(phone.get(at("excuse_item", item.pk)))

    fields = act(reason="shut")
    page = text_of(phone.post(at("excuse_item", item.pk), fields, follow=True))
    assert at("undo_item", item.pk) in page
    page = text_of(phone.post(at("excuse_item", item.pk), fields, follow=True))
    assert "<small>/3</small>" in page
    assert "门店装修或停业" in page
    assert "1 项不适用" in page

    own = text_of(phone.get(at("item", item.pk)))
    assert shop.guide.name in own
    phone.post(at("undo_item", item.pk), act())
    item.refresh_from_db()
    assert (item.state, item.excuse_reason) == (State.OPEN, "")


def test_another_reason_is_written_and_an_unknown_one_asks_again(shop, phone, act):
    item = item_for(shop, kind=Kind.RECRUIT, quota=3, quota_of="friends")
    assert "本店没有该商品" not in text_of(phone.get(at("excuse_item", item.pk)))

    for fields, words in (
        (act(reason="other", words=" "), "写几个字说明原因"),
        (act(reason="withdrawn"), "选一个原因"),
        (act(), "选一个原因"),
    ):
        answer = phone.post(at("excuse_item", item.pk), fields)
        assert answer.status_code == 400
        assert words in answer.content.decode()
    phone.post(at("excuse_item", item.pk), act(reason="other", words="商场停电"))
    item.refresh_from_db()
    assert item.excuse_sentence == "商场停电"


def test_the_manager_reads_who_said_so_and_it_weighs_on_no_rate(shop, phone, managers_phone, act):
    item = item_for(shop, None, kind=Kind.GROUP)
    phone.post(at("excuse_item", item.pk), act(reason="no_goods"))

    page = text_of(managers_phone.get(at("store_tasks")))
    assert f"{shop.guide.name}：本店没有该商品" in page
    assert "0<small>/0</small>" in page


def test_a_colleagues_item_is_not_excused(shop, phone, act):
    foreign = item_for(shop, shop.colleague)
    assert phone.get(at("excuse_item", foreign.pk)).status_code == 404
    assert phone.post(at("excuse_item", foreign.pk), act(reason="shut")).status_code == 404


# --- 今日 -----------------------------------------------------------------------------------------


def test_today_has_eight_cards_in_all_and_the_rest_are_rows(shop, phone):
    for _number in range(3):
        item_for(shop)
    people = [member for member, _external in make_friends(shop.guide, 6)]
    hand_out(people, shop.now, title="第二批")

    answer = phone.get(at("today"))
    today = answer.context["today"]
    page = text_of(answer)

    assert (len(today.first), len(today.later)) == (8, 4)
    assert page.count("<article") == 8
    assert "再看 4" in page
    for row in today.later:
        assert row.href in page
        assert row.name in page
    assert "<small>/12</small>" in page


def test_reminded_then_overdue_then_items_of_today_then_customers_then_later_items(shop, phone):
    tonight = shop.now.replace(hour=21)
    later = due(item_for(shop), shop.now + 3 * DAY)
    now_due = due(item_for(shop), tonight)
    late = due(item_for(shop), shop.now - DAY)
    asked = due(item_for(shop), shop.now + 2 * DAY, chased_at=shop.now, chases=1)
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(
        due_at=shop.now - timedelta(hours=1), opens_at=shop.now - 2 * DAY
    )

    first = phone.get(at("today")).context["today"].first

    found = [piece.pk if isinstance(piece, ItemCard) else "customer" for piece in first]
    assert found == [
        asked.pk, "customer", late.pk, now_due.pk, "customer", "customer", later.pk,
    ]  # fmt: skip
    assert "催办" in text_of(phone.get(at("today")))


def test_today_asks_as_much_for_many_as_for_few(shop, phone):
    def ask():
        with CaptureQueriesContext(connection) as asked:
            text_of(phone.get(at("today")))
        return sum("SAVEPOINT" not in query["sql"] for query in asked)

    item_for(shop)
    ask()
    few = ask()
    for _number in range(12):
        item_for(shop)
    ask()  # new items are seen for the first time
    assert ask() == few <= 12


# --- the manager and store work -------------------------------------------------------------------


def test_one_tap_reminds_of_all_that_is_open_three_times_a_day(shop, managers_phone, act):
    push = make_item_push(shop.now, stores=[shop.store])
    items = list(TaskItem.objects.filter(push=push))
    page = text_of(managers_phone.get(at("store_tasks")))
    assert "催办未完成的 2 项" in page

    for _time in range(3):
        managers_phone.post(at("chase_items"), act(item=[item.pk for item in items]))
    assert GuideNotice.objects.filter(source__contains=":chase:").count() == 6
    page = text_of(managers_phone.get(at("store_tasks")))
    assert "今天已催 3 次" in page
    fourth = managers_phone.post(at("chase_items"), act(item=items[0].pk), follow=True)
    assert "催" in fourth.content.decode()
    items[0].refresh_from_db()
    assert items[0].chases == 3


def test_a_manager_gives_an_item_time_and_takes_another_back(shop, phone, managers_phone, act):
    item = item_for(shop)
    page = text_of(managers_phone.get(at("item", item.pk)))
    assert "店长操作" in page
    assert "店长操作" not in text_of(phone.get(at("item", item.pk)))
    day = day_of(shop, 5)
    for _time in range(2):
        managers_phone.post(at("extend_item", item.pk), act(day=day))
    item.refresh_from_db()
    assert item.due_at.date().isoformat() == day

    empty = managers_phone.post(
        at("withdraw_item", item.pk), act(reason="other", words=" "), follow=True
    )
    assert "写几个字说明原因" in empty.content.decode()
    managers_phone.post(at("withdraw_item", item.pk), act(reason="needless"))
    page = text_of(phone.get(at("item", item.pk)))
    assert "店长已撤回：不需要做了" in page
    assert "<form" not in page
    told = GuideNotice.objects.filter(source__startswith=item.source)
    assert {card.guide_id for card in told} == {shop.guide.pk}


def test_a_photo_under_review_offers_no_manager_act_but_its_decision(
    shop, phone, managers_phone, act
):
    item = item_for(shop, kind=Kind.DISPLAY)
    phone.post(at("hand_in_photo", item.pk), act(photo=SimpleUploadedFile("a.png", png())))
    assert "店长操作" not in text_of(managers_phone.get(at("item", item.pk)))
    refused = managers_phone.post(at("withdraw_item", item.pk), act(reason="place"), follow=True)
    assert "待验证" in refused.content.decode()


# --- the manager and customers --------------------------------------------------------------------


def test_from_team_to_a_guides_work_where_a_task_gets_time_in_one_tap(shop, managers_phone, act):
    work = f"{at('work', shop.guide.pk)}?store={shop.store.pk}"
    assert work.startswith("/g/team/load/")
    assert work in text_of(managers_phone.get(at("team")))
    task = GuideTask.objects.get(push=shop.push, guide=shop.guide)
    page = text_of(managers_phone.get(work))
    assert at("extend_task", task.pk) in page
    assert f'value="{day_of(shop, 3)}"' in page

    fields = act(day=day_of(shop, 3))
    for _time in range(2):
        answer = managers_phone.post(at("extend_task", task.pk), fields)
        assert answer.url == work
    task.refresh_from_db()
    assert task.due_at.date().isoformat() == day_of(shop, 3)
    assert (
        GuideNotice.objects.get(source__startswith=f"{task.source}:extended:").guide == shop.guide
    )

    earlier = managers_phone.post(at("extend_task", task.pk), act(day=day_of(shop, 1)), follow=True)
    assert "tip bad" in earlier.content.decode()


def test_one_customer_is_taken_back_with_a_reason_the_guide_reads(shop, phone, managers_phone, act):
    target = shop.targets[0]
    page = text_of(managers_phone.get(at("work", shop.guide.pk)))
    assert at("withdraw_target", target.pk) in page
    assert "已由其他同事跟进" in text_of(managers_phone.get(at("withdraw_target", target.pk)))

    for _time in range(2):
        managers_phone.post(at("withdraw_target", target.pk), act(reason="colleague"))
    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, "withdrawn")
    assert "店长已撤回：已由其他同事跟进" in text_of(phone.get(at("today")))
    told = GuideNotice.objects.get(source=f"{target.source}:withdrawn")
    assert told.guide == shop.guide
    assert target.member.name not in told.title + told.body
    undone = phone.post(at("undo_excuse", target.pk), act(), follow=True)
    target.refresh_from_db()
    assert target.state == State.NOT_APPLICABLE, undone.content.decode()


def test_typed_words_go_with_the_person_and_stand_in_no_record(shop, managers_phone, act):
    target, words = shop.targets[0], f"{shop.targets[0].member.name}搬家了"
    managers_phone.post(at("withdraw_target", target.pk), act(reason="other", words=words))
    target.refresh_from_db()
    assert words in target.excuse_sentence
    assert words not in str(AuditEntry.objects.get(action="target.withdrawn").detail)

    forget_members(member_ids=[target.member_id], now=shop.now)
    target.refresh_from_db()
    assert target.excuse_sentence == "已撤回"


def test_what_is_delivered_is_not_taken_back(shop, managers_phone, act):
    deliver(shop.targets[0], shop.now)
    answer = managers_phone.post(
        at("withdraw_target", shop.targets[0].pk), act(reason="moment"), follow=True
    )
    assert "tip bad" in answer.content.decode()
    shop.targets[0].refresh_from_db()
    assert shop.targets[0].state == State.DONE


def test_guides_may_not_and_other_stores_are_not_there(shop, phone, managers_phone, act):
    other = open_shop(shop.now)
    item = TaskItem.objects.filter(push=make_item_push(shop.now, stores=[other.store])).first()
    task = GuideTask.objects.get(push=other.push, guide=other.guide)
    acts = [
        (at("chase_items"), act(item=item.pk)),
        (at("extend_item", item.pk), act(day=day_of(shop, 5))),
        (at("withdraw_item", item.pk), act(reason="needless")),
        (at("extend_task", task.pk), act(day=day_of(shop, 5))),
        (at("withdraw_target", other.targets[0].pk), act(reason="moment")),
    ]
    for address, fields in acts:
        assert managers_phone.post(address, fields).status_code == 404, address
        assert phone.post(address, fields).status_code == 403, address
    item.refresh_from_db()
    assert (item.state, item.chases) == (State.OPEN, 0)
    assert not TaskTarget.objects.filter(state=State.NOT_APPLICABLE).exists()


def test_a_guides_work_asks_as_much_for_many_tasks_as_for_one(shop, managers_phone):
    def ask():
        with CaptureQueriesContext(connection) as asked:
            text_of(managers_phone.get(at("work", shop.guide.pk)))
        return sum("SAVEPOINT" not in query["sql"] for query in asked)

    ask()
    few = ask()
    for number in range(4):
        people = [member for member, _external in make_friends(shop.guide, 2)]
        hand_out(people, shop.now, title=f"批次 {number}")
    assert ask() == few <= 12


def test_empty_approvals_say_what_comes_there(shop, managers_phone):
    page = text_of(managers_phone.get(at("approvals")))
    for word in ("陈列照片", "话术", "申请查看", "不适用"):
        assert word in page


def test_a_forged_form_is_refused_whole(shop, managers_phone):
    item = item_for(shop)
    for fields in (
        {"client_id": str(uuid.uuid4()), "item": [item.pk, "-1"]},
        {"item": item.pk},
    ):
        assert managers_phone.post(at("chase_items"), fields).status_code in (400, 404)
    item.refresh_from_db()
    assert item.chases == 0


def test_the_managers_list_names_what_stays_overdue(shop, managers_phone, settings):
    settings.ESCALATE_AFTER_HOURS = 24
    words = "逾期超过 24 小时，请跟进"
    item = due(item_for(shop), shop.now - timedelta(hours=23))
    assert words not in text_of(managers_phone.get(at("store_tasks")))
    due(item, shop.now - timedelta(hours=25))
    assert words in text_of(managers_phone.get(at("store_tasks")))


# --- open again -----------------------------------------------------------------------------------


def over(target, state=State.EXPIRED, **fields):
    TaskTarget.objects.filter(pk=target.pk).update(state=state, **fields)


def test_what_a_guide_did_not_do_in_time_is_open_again_in_one_tap(shop, phone, managers_phone, act):
    """Once, with its history; who bought meanwhile is left in peace."""
    first, second, bought = shop.targets
    over(first)
    over(second, State.NOT_DONE)
    over(bought, purchased_at=shop.now)
    task = GuideTask.objects.get(push=shop.push, guide=shop.guide)
    page = text_of(managers_phone.get(at("work", shop.guide.pk)))
    assert "没在期限内完成，重新开放" in page
    assert "2 位客户" in page

    fields = act(day=day_of(shop, 3), over="1")
    for _time in range(2):
        managers_phone.post(at("extend_task", task.pk), fields)

    rows = {row.pk: row for row in TaskTarget.objects.filter(task=task)}
    assert [rows[one.pk].state for one in shop.targets] == [State.OPEN, State.OPEN, State.EXPIRED]
    assert rows[first.pk].due_at.date().isoformat() == day_of(shop, 3)
    history = TargetMove.objects.filter(target__in=shop.targets, reason="reopened")
    assert sorted(history.values_list("from_state", "to_state", "actor")) == [
        ("expired", "open", f"guide:{shop.manager.pk}"),
        ("not_done", "open", f"guide:{shop.manager.pk}"),
    ]
    assert AuditEntry.objects.get(action="task.reopened").detail["targets"] == 2
    (card,) = GuideNotice.objects.filter(source__startswith=f"{task.source}:reopened:")
    assert (card.guide, "2 位客户" in card.body) == (shop.guide, True)
    assert "没在期限内完成" not in text_of(managers_phone.get(at("work", shop.guide.pk)))


def test_who_refused_meanwhile_or_stands_in_another_task_is_not_opened_again(
    shop, managers_phone, act
):  # fmt: skip
    for target in shop.targets:
        over(target)
    first, refusing, elsewhere = shop.targets
    task = GuideTask.objects.get(push=shop.push, guide=shop.guide)
    withdraw(member_id=refusing.member_id, purpose="wecom_marketing", now=shop.now)
    other = target_of(hand_out([elsewhere.member], shop.now), elsewhere.member)

    fields = act(day=day_of(shop, 3), over="1")
    page = text_of(managers_phone.post(at("extend_task", task.pk), fields, follow=True))

    rows = [TaskTarget.objects.get(pk=one.pk) for one in shop.targets]
    assert [row.state for row in rows] == [State.OPEN, State.NOT_APPLICABLE, State.EXPIRED]
    assert rows[1].excuse_reason == "consent_gone"
    assert rows[0].due_at.date().isoformat() == day_of(shop, 3)
    assert "1 位客户有其他任务在进行，没有重新开放" in page
    assert "1 位客户撤回了同意，不用再联系" in page
    (card,) = GuideNotice.objects.filter(source__startswith=f"{task.source}:reopened:")
    assert "1 位客户" in card.body

    TaskTarget.objects.filter(pk=other.pk).update(state=State.DONE, done_at=shop.now)
    managers_phone.post(at("extend_task", task.pk), act(day=day_of(shop, 3), over="1"))
    assert TaskTarget.objects.get(pk=elsewhere.pk).state == State.OPEN


def test_nothing_of_a_push_that_was_taken_back_is_opened_again(shop, managers_phone, act):
    over(shop.targets[0])
    TaskPush.objects.filter(pk=shop.push.pk).update(status="closed", closed_at=shop.now)
    task = GuideTask.objects.get(push=shop.push, guide=shop.guide)
    fields = act(day=day_of(shop, 3), over="1")
    answer = managers_phone.post(at("extend_task", task.pk), fields, follow=True)
    assert "tip bad" in answer.content.decode()
    assert TaskTarget.objects.get(pk=shop.targets[0].pk).state == State.EXPIRED


def test_an_item_that_was_over_is_open_again_with_a_later_day(shop, phone, managers_phone, act):
    item = due(item_for(shop), shop.now - 4 * DAY)
    TaskItem.objects.filter(pk=item.pk).update(state=State.EXPIRED)
    assert at("extend_item", item.pk) in text_of(managers_phone.get(at("item", item.pk)))
    assert at("extend_item", item.pk) not in text_of(phone.get(at("item", item.pk)))

    fields = act(day=day_of(shop, 2))
    for _time in range(2):
        managers_phone.post(at("extend_item", item.pk), fields)

    item.refresh_from_db()
    assert (item.state, item.due_at.date().isoformat()) == (State.OPEN, day_of(shop, 2))
    move = ItemMove.objects.get(item=item)
    assert (move.from_state, move.to_state, move.reason) == ("expired", "open", "reopened")
    assert GuideNotice.objects.filter(source__startswith=f"{item.source}:reopened:").count() == 1
    assert at("report_item", item.pk) in text_of(phone.get(at("item", item.pk)))


def test_a_post_that_is_over_is_not_offered_again(shop, managers_phone):
    post = due(item_for(shop, kind=Kind.MOMENTS), shop.now - 4 * DAY)
    TaskItem.objects.filter(pk=post.pk).update(state=State.EXPIRED)
    assert at("extend_item", post.pk) not in text_of(managers_phone.get(at("item", post.pk)))


# --- what no page offers --------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["", "2026-13-45", "soon", "0000-00-00"])
def test_a_day_that_is_none_is_said_and_changes_nothing(shop, managers_phone, act, day):
    item = item_for(shop)
    task = GuideTask.objects.get(guide=shop.guide)
    before = item.due_at, task.due_at

    for address in (at("extend_item", item.pk), at("extend_task", task.pk)):
        page = text_of(managers_phone.post(address, act(day=day), follow=True))
        assert "请从给出的日期里选一个" in page

    item.refresh_from_db()
    task.refresh_from_db()
    assert (item.due_at, task.due_at) == before
