"""早会, 预警, and what 待审批 asks about 不适用 and declared contacts."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.guide_portal.morning import morning_page
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import (
    ExcuseDecision,
    GuideTask,
    State,
    TargetMove,
    TaskItem,
    TaskTarget,
)
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.outreach.models import GuideNotice
from apps.reports import alerts
from apps.reports.days import store_days
from apps.reports.mornings import morning
from apps.reports.places import store_board
from apps.stores.models import Posting
from apps.wecom_sync.models import GuideDay
from tests.factories.items import make_item_push
from tests.factories.outreach import make_friends
from tests.factories.tasks import buy, deliver, guide_actor, manager_actor
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def lose(guide, member, at):
    FollowRelation.objects.filter(guide=guide, member=member).update(
        until=at, ended_by=FollowRelation.EndedBy.CUSTOMER
    )


def counted(shop, guide, day, **figures):
    return GuideDay.objects.create(
        guide=guide, store=shop.store, day=day, counted_at=shop.now, **figures
    )


# --- 早会 ----------------------------------------------------------------------------------------


def test_the_morning_tells_yesterday_with_returns_taken_off(shop, managers_phone):
    yesterday = shop.now - DAY
    buy(shop.members[0], shop.store, yesterday, fen=50_000, number="M1", now=shop.now)
    buy(shop.members[0], shop.store, shop.now, fen=20_000, original="M1", now=shop.now)
    buy(shop.members[1], shop.store, shop.now - 2 * DAY, fen=99_000, now=shop.now)
    make_friends(shop.guide, 2, since=yesterday)
    lose(shop.guide, shop.members[2], yesterday)
    ids = [shop.guide.pk, shop.colleague.pk]

    found = morning(store=shop.store, guide_ids=ids, now=shop.now).yesterday
    assert (found.member_fen, found.orders) == (30_000, 1)
    assert (found.friends_won, found.friends_lost) == (2, 1)
    assert "¥300" in managers_phone.get(url("morning")).content.decode()


def test_the_morning_names_todays_work_and_what_is_late(shop, managers_phone):
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(value_fen=88_000)
    TaskTarget.objects.filter(guide=shop.guide).update(due_at=shop.now)
    TaskTarget.objects.filter(pk=shop.targets[1].pk).update(
        due_at=shop.now - 2 * DAY, opens_at=shop.now - 3 * DAY
    )
    page = managers_phone.get(url("morning")).content.decode()

    assert shop.guide.name in page
    assert "¥880" in page
    assert url("work", shop.guide.pk) in page


def test_the_morning_counts_work_without_customers_the_stores_own_too(shop, managers_phone):
    make_item_push(shop.now, stores=[shop.store])
    make_item_push(shop.now, stores=[shop.store], once_per_store=True)
    TaskItem.objects.filter(guide=shop.colleague).update(
        state=State.DONE, proof="self_reported", done_at=shop.now - 3 * DAY,
        opens_at=shop.now - 5 * DAY, due_at=shop.now - 2 * DAY,
    )  # fmt: skip

    ids = [shop.guide.pk, shop.colleague.pk]
    found = morning(store=shop.store, guide_ids=ids, now=shop.now)

    own, colleague = (found.guides[pk] for pk in ids)
    assert (own.items, own.items_asked, found.shared.items) == (1, 0, 1)
    assert (colleague.items, colleague.items_asked, colleague.items_done) == (0, 1, 1)
    page = managers_phone.get(url("morning")).content.decode()
    assert "1 项其他任务" in page
    assert re.search(r"全店</p><p class=\"sub\">1 项其他任务", page)


def test_the_mornings_rates_are_the_daily_figures_and_store_work_stands_beside_them(
    shop, managers_phone
):
    ended = {"opens_at": shop.now - 5 * DAY, "due_at": shop.now - 2 * DAY}
    done = {"state": State.DONE, "done_at": shop.now - 3 * DAY}
    TaskTarget.objects.filter(guide=shop.guide).update(**ended)
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(**done)
    TaskTarget.objects.filter(pk=shop.targets[1].pk).update(
        state=State.NOT_APPLICABLE, excuse_reason="moved_away"
    )
    # work of somebody who is posted elsewhere by now is still the store's
    Posting.objects.filter(guide=shop.guide).delete()
    for ends in (
        {**ended, **done, "proof": "self_reported"},
        ended,
        {**ended, "state": State.NOT_APPLICABLE},
    ):
        push = make_item_push(shop.now, stores=[shop.store], once_per_store=True)
        if ends.get("state") == State.NOT_APPLICABLE:
            ends["excuse_reason"] = "withdrawn"
        TaskItem.objects.filter(push=push).update(**ends)

    week = morning(store=shop.store, guide_ids=[], now=shop.now).week
    page = managers_phone.get(url("morning")).content.decode()

    day = store_days(store_ids=[shop.store.pk], now=shop.now)[shop.store.pk]
    assert (week.completion_rate, week.raw_rate, week.excused_rate) == (1 / 2, 1 / 3, 1 / 3)
    assert (day.completion_rate, day.raw_rate, day.excused_rate) == (1 / 2, 1 / 3, 1 / 3)
    assert (week.items_done, week.items_asked) == (1, 2)
    assert "近 7 天到期的任务：完成率 50%" in page
    assert "近 7 天到期的门店任务：按时完成 1/2" in page


def test_what_head_office_took_back_is_in_no_rate_of_a_store(shop):
    TaskTarget.objects.filter(guide=shop.guide).update(
        opens_at=shop.now - 5 * DAY, due_at=shop.now - 2 * DAY
    )
    GuideTask.objects.filter(guide=shop.guide).update(due_at=shop.now - 2 * DAY)
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(
        state=State.DONE, done_at=shop.now - 3 * DAY
    )
    TaskTarget.objects.filter(pk=shop.targets[1].pk).update(
        state=State.NOT_APPLICABLE, excuse_reason="withdrawn"
    )

    week = morning(store=shop.store, guide_ids=[], now=shop.now).week
    day = store_days(store_ids=[shop.store.pk], now=shop.now)[shop.store.pk]
    board = store_board(stores=[shop.store], now=shop.now).total()

    for found in (week, day, board):
        assert (found.issued, found.done, found.excused) == (2, 1, 0)


def test_praise_names_a_fact_and_nobody_twice(shop):
    buy(shop.members[0], shop.store, shop.now - timedelta(hours=20), now=shop.now)
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(
        contact_grade=3,
        contacted_at=shop.now - DAY,
        purchased_at=shop.now - timedelta(hours=20),
    )
    make_friends(shop.guide, 1, since=shop.now - DAY)

    page = morning_page(store=shop.store, now=shop.now)
    assert [word.person.pk for word in page.praise] == [shop.guide.pk]


# --- 预警 ----------------------------------------------------------------------------------------


def test_customers_who_deleted_their_guide_stand_there_until_they_are_back(shop, managers_phone):
    lose(shop.guide, shop.members[0], shop.now - DAY)
    address = url("customer", shop.members[0].public_id)
    assert address in managers_phone.get(url("alerts")).content.decode()

    back = members.FollowRow(
        shop.guide.corp_id, shop.colleague.pk, shop.members[0].pk, "wmBack", shop.now
    )
    members.start_follows(rows=[back], now=shop.now)
    assert address not in managers_phone.get(url("alerts")).content.decode()


def test_few_answers_are_shown_with_wecoms_figure_and_never_from_one_day(shop):
    today = shop.now.date()
    counted(shop, shop.guide, today - DAY, reply_percent=30, chats=9)
    assert alerts.low_replies(store=shop.store, now=shop.now) == []
    counted(shop, shop.guide, today - 2 * DAY, reply_percent=50, chats=3)
    counted(shop, shop.colleague, today - DAY, reply_percent=95, chats=9)
    counted(shop, shop.colleague, today - 2 * DAY, reply_percent=95, chats=9)

    (found,) = alerts.low_replies(store=shop.store, now=shop.now)
    assert (found.guide_id, found.percent, found.days) == (shop.guide.pk, 40.0, 2)


def test_contacts_without_a_sale(shop, settings):
    settings.NO_SALE_FROM = 3
    for target in shop.targets:
        deliver(target, shop.now)
    assert [one.reached for one in alerts.without_sale(store=shop.store, now=shop.now)] == [3]
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(purchased_at=shop.now)
    assert alerts.without_sale(store=shop.store, now=shop.now) == []


def test_a_quiet_store_says_so(shop, managers_phone):
    assert managers_phone.get(url("alerts")).status_code == 200
    assert "blank" in managers_phone.get(url("alerts")).content.decode()


# --- 差异清单 ------------------------------------------------------------------------------------


def test_a_difference_waits_in_the_approvals_until_somebody_asked(shop, managers_phone, act):
    day = counted(shop, shop.guide, shop.now.date() - DAY, declared=9, chats=2)
    counted(shop, shop.colleague, shop.now.date() - DAY, declared=3, chats=2)
    page = managers_phone.get(url("approvals")).content.decode()
    assert page.count("/approvals/days/") == 1

    fields = act()
    for _time in range(2):
        managers_phone.post(url("look_mismatch", day.pk), fields)
    day.refresh_from_db()
    assert day.looked_by == f"guide:{shop.manager.pk}"
    assert AuditEntry.objects.filter(action="mismatch.looked_at").count() == 1
    assert "/approvals/days/" not in managers_phone.get(url("approvals")).content.decode()


def test_a_difference_of_another_store_is_not_there(shop, managers_phone, act):
    other = open_shop(shop.now)
    day = counted(other, other.guide, shop.now.date() - DAY, declared=9)
    assert managers_phone.post(url("look_mismatch", day.pk), act()).status_code == 404


# --- 不适用 --------------------------------------------------------------------------------------


@pytest.fixture
def excused(shop, settings):
    """Two of three excused by the guide's own choice, one of them because TA asked for silence."""
    settings.EXCUSED_FROM = 2
    for target, reason in zip(shop.targets, ("moved_away", "asked_to_stop"), strict=False):
        guide_tasks.excuse_target(
            target=target, reason=reason, actor=guide_actor(shop.guide, shop.now), now=shop.now
        )
    return GuideTask.objects.get(guide=shop.guide, push=shop.push)


def states(shop):
    rows = TaskTarget.objects.filter(guide=shop.guide).order_by("pk")
    by_pk = dict(rows.values_list("pk", "state"))
    return [by_pk[target.pk] for target in shop.targets]


def test_a_large_share_asks_the_manager_and_confirmed_it_stands(shop, excused, managers_phone, act):
    address = url("decide_excuses", excused.pk)
    assert address in managers_phone.get(url("approvals")).content.decode()

    managers_phone.post(address, act(decision="confirm"))

    assert states(shop) == [State.NOT_APPLICABLE, State.NOT_APPLICABLE, State.OPEN]
    assert address not in managers_phone.get(url("approvals")).content.decode()


def test_given_back_the_customers_are_open_again_but_for_who_asked_for_silence(
    shop, excused, managers_phone, act
):
    fields = act(decision="return")
    for _time in range(2):
        managers_phone.post(url("decide_excuses", excused.pk), fields)

    assert states(shop) == [State.OPEN, State.NOT_APPLICABLE, State.OPEN]
    decision = ExcuseDecision.objects.get()
    assert (decision.excused, decision.kept) == (2, 1)
    move = TargetMove.objects.filter(target=shop.targets[0]).latest("pk")
    assert (move.to_state, move.reason) == (State.OPEN, "returned")
    assert GuideNotice.objects.filter(guide=shop.guide, source__contains="returned").count() == 1


def test_with_more_of_them_the_manager_is_asked_again(shop, excused, managers_phone, act):
    managers_phone.post(url("decide_excuses", excused.pk), act(decision="confirm"))
    guide_tasks.excuse_target(
        target=shop.targets[2], reason="other", actor=guide_actor(shop.guide, shop.now),
        now=shop.now,
    )  # fmt: skip
    page = managers_phone.get(url("approvals")).content.decode()
    assert url("decide_excuses", excused.pk) in page


def test_what_was_proven_meanwhile_is_done_when_it_is_given_back(
    shop, excused, managers_phone, act
):
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(contact_grade=3, contacted_at=shop.now)
    managers_phone.post(url("decide_excuses", excused.pk), act(decision="return"))
    assert states(shop)[0] == State.DONE


def test_below_the_limit_nobody_is_asked(shop, excused, settings, managers_phone):
    settings.EXCUSED_PERCENT_LIMIT = 70
    assert "/approvals/excuses/" not in managers_phone.get(url("approvals")).content.decode()
    guide_tasks.excuse_share.decide(
        task=excused, give_back=True, actor=manager_actor(shop.manager, shop.store, shop.now),
        now=shop.now,
    )  # fmt: skip
    assert not ExcuseDecision.objects.exists()


def test_the_team_page_warns_from_the_same_share_on(shop, excused, settings, managers_phone):
    GuideTask.objects.filter(pk=excused.pk).update(seen_at=shop.now)
    TaskTarget.objects.filter(pk=shop.targets[2].pk).update(due_at=shop.now + timedelta(days=1))
    address, words = url("team") + f"?push={shop.push.pk}", "2 位不适用"
    settings.EXCUSED_PERCENT_LIMIT = 66
    assert words in managers_phone.get(address).content.decode()
    settings.EXCUSED_PERCENT_LIMIT = 67
    assert words not in managers_phone.get(address).content.decode()


def test_another_stores_task_is_not_there(shop, managers_phone, act):
    task = GuideTask.objects.get(guide=open_shop(shop.now).guide)
    assert managers_phone.post(url("decide_excuses", task.pk), act()).status_code == 404


# --- cost ----------------------------------------------------------------------------------------


def _queries(client, address):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_pages_ask_as_often_for_many_as_for_few(shop, excused, managers_phone):
    day = shop.now.date() - DAY
    counted(shop, shop.guide, day, declared=9)
    addresses = [url("morning"), url("alerts"), url("approvals")]
    for address in addresses:
        managers_phone.get(address)
    before = [_queries(managers_phone, address) for address in addresses]
    for n in range(1, 4):
        counted(shop, shop.colleague, day - n * DAY, declared=9, reply_percent=10)
        lose(shop.colleague, shop.others_members[n - 1], shop.now - DAY)
    make_friends(shop.colleague, 5)

    assert [_queries(managers_phone, address) for address in addresses] == before
    assert max(before) <= 12
