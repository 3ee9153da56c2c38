"""我的 and 团队任务 show what WeCom counted of the last seven days, and until when."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.reports.chats import chats_of, chats_of_team
from apps.wecom_sync.models import GuideDay
from tests.factories.tasks import make_team, manager_actor
from tests.guide_portal.conftest import signed_in


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.clear()
    yield
    cache.clear()


ME, TEAM = reverse("guide_portal:me"), reverse("guide_portal:team")


def counted(shop, guide, ago, *, told=True, **figures):
    day = clock.business_day(shop.now) - timedelta(days=ago)
    GuideDay.objects.create(
        guide=guide, store=shop.store, day=day, counted_at=shop.now if told else None, **figures
    )


def test_seven_whole_days_are_added_up_and_answers_are_means_of_the_days(shop):
    counted(shop, shop.guide, 1, friend_requests=2, messages=30, chats=9, reply_percent=90)
    counted(
        shop, shop.guide, 7, friend_requests=1, messages=10, chats=4, reply_percent=60,
        first_reply_minutes=12,
    )  # fmt: skip
    counted(shop, shop.guide, 8, messages=500)
    counted(shop, shop.guide, 2, told=False, messages=900)
    counted(shop, shop.colleague, 1, messages=700)

    found = chats_of(guide_id=shop.guide.pk, now=shop.now)

    assert (found.requests, found.messages, found.chats) == (3, 40, 13)
    assert (found.replied, found.first_reply) == (75.0, 12.0)
    assert found.until == clock.business_day(shop.now) - timedelta(days=1)


def test_mine_shows_the_figures_with_their_day_and_nothing_before_wecom_gave_any(shop, phone):
    assert "近 7 天聊天" not in phone.get(ME).content.decode()
    cache.clear()
    counted(shop, shop.guide, 2, friend_requests=6, messages=41, chats=17, reply_percent=88)

    page = phone.get(ME)

    day = clock.business_day(shop.now) - timedelta(days=2)
    text = page.content.decode()
    assert f"企微数据截至 {day.month}月{day.day}日" in text
    assert (page.context["page"].chats.replied, page.context["page"].chats.messages) == ("88%", 41)
    assert "<dd>–</dd>" in text  # no first answer told: no zero


def test_a_manager_sees_each_colleague_of_the_own_store_by_name(shop, managers_phone):
    counted(shop, shop.guide, 1, messages=41, chats=17)
    [(stranger, _members)] = make_team(shop.now, guides=1, friends=1)
    GuideDay.objects.create(
        guide=stranger,
        store=stranger.postings.get().store,
        day=clock.business_day(shop.now) - timedelta(days=1),
        counted_at=shop.now,
        messages=5,
    )

    chats = managers_phone.get(TEAM).context["chats"]

    assert [row.name for row in chats.rows] == [shop.guide.name]
    assert "发消息 41" in managers_phone.get(TEAM).content.decode()


def test_a_newcomers_days_in_the_store_before_are_not_shown(shop, managers_phone):
    counted(shop, shop.guide, 1, messages=41)
    [(stranger, _members)] = make_team(shop.now, guides=1, friends=1)
    elsewhere = stranger.postings.get().store
    for ago, guide in ((2, shop.guide), (1, shop.colleague)):
        GuideDay.objects.create(
            guide=guide,
            store=elsewhere,
            day=clock.business_day(shop.now) - timedelta(days=ago),
            counted_at=shop.now,
            messages=900,
        )

    found = chats_of_team(actor=manager_actor(shop.manager, shop.store, shop.now), now=shop.now)

    assert [(row.guide_id, row.found.messages) for row in found] == [(shop.guide.pk, 41)]
    page = managers_phone.get(TEAM).content.decode()
    assert "发消息 41" in page
    assert "发消息 9" not in page


def test_a_colleague_whose_figures_end_earlier_has_an_own_day(shop, managers_phone):
    counted(shop, shop.guide, 3, messages=41)
    counted(shop, shop.colleague, 1, messages=12)
    today = clock.business_day(shop.now)
    earlier, latest = today - timedelta(days=3), today - timedelta(days=1)

    chats = managers_phone.get(TEAM).context["chats"]

    said = {row.name: row.until for row in chats.rows}
    assert said == {
        shop.guide.name: f"企微数据截至 {earlier.month}月{earlier.day}日",
        shop.colleague.name: "",
    }
    assert chats.until == f"企微数据截至 {latest.month}月{latest.day}日"
    assert said[shop.guide.name] in managers_phone.get(TEAM).content.decode()


def test_the_teams_figures_are_one_question_for_any_number_of_colleagues(shop):
    client = signed_in(shop.manager)
    counted(shop, shop.guide, 1, messages=41)
    client.get(TEAM)
    with CaptureQueriesContext(connection) as few:
        client.get(TEAM)
    for guide, _members in make_team(shop.now, guides=6, friends=1, store=shop.store):
        counted(shop, guide, 1, messages=3)
        counted(shop, guide, 2, messages=4)

    with CaptureQueriesContext(connection) as many:
        page = client.get(TEAM)

    assert len(page.context["chats"].rows) == 7
    assert len(many) == len(few)
