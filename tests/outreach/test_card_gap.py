"""A guide's phone rings for work once in half an hour; what comes meanwhile is one card."""

from datetime import time, timedelta

import pytest

from apps.core import clock
from apps.outreach import services as outreach
from apps.outreach.models import GuideNotice
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _gap(settings):
    settings.CARD_GAP_MINUTES = 30
    settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL = time(7), time(23)


@pytest.fixture
def midnight():
    return clock.day_start(clock.today()) + timedelta(days=1)


@pytest.fixture
def now(midnight):
    return midnight + timedelta(hours=11)


def queue(now, title, *guides, **how):
    cards = [
        outreach.GuideCard(guide.pk, f"test:{title}", title, "8 位客户", "/g/", now)
        for guide in guides
    ]
    outreach.queue_cards(cards=cards, **how)


def ring(at):
    return outreach.send_notices(now=at)


def phone(simulator, guide):
    return simulator.get(f"/sim/phones/guides/{guide.wecom_userid}")["notices"]


def titles(simulator, guide):
    return sorted(card["title"] for card in phone(simulator, guide))


def test_cards_after_the_first_wait_half_an_hour_and_are_one(guide, simulator, now):
    queue(now, "第一件", guide)
    assert ring(now) == 1
    queue(now, "第二件", guide)
    queue(now, "第三件", guide)

    assert ring(now + 29 * MINUTE) == 0
    assert ring(now + 31 * MINUTE) == 2
    assert ring(now + 90 * MINUTE) == 0

    assert titles(simulator, guide) == ["你有 2 条新消息", "第一件"]
    (one,) = [card for card in phone(simulator, guide) if card["title"] != "第一件"]
    assert one["url"].endswith("next=%2Fg%2Fme%2Fmessages%2F")
    assert set(GuideNotice.objects.values_list("state", flat=True)) == {"sent"}


def test_a_card_that_waits_is_put_off_to_the_end_of_the_gap(guide, simulator, now):
    queue(now, "第一件", guide)
    ring(now)
    queue(now, "第二件", guide)

    assert ring(now + MINUTE) == 0

    first, second = GuideNotice.objects.order_by("pk")
    assert second.not_before == first.sent_at + 30 * MINUTE
    assert second.reason == "手机刚响过，稍后一起提醒"
    assert ring(now + 31 * MINUTE) == 1
    second.refresh_from_db()
    assert (second.state, second.reason) == ("sent", "")


def test_a_wait_that_ends_after_the_hours_ends_in_the_morning(guide, simulator, midnight):
    evening, morning = midnight - 70 * MINUTE, midnight + timedelta(hours=7)
    queue(evening, "第一件", guide)
    assert ring(evening) == 1  # 22:50
    queue(evening + 5 * MINUTE, "第二件", guide)

    assert ring(evening + 5 * MINUTE) == 0
    assert GuideNotice.objects.get(title="第二件").not_before == morning
    for later in (31 * MINUTE, timedelta(hours=8)):
        assert ring(evening + later) == 0
    assert ring(morning) == 1


def test_hours_over_midnight_are_kept_too(guide, simulator, settings, midnight):
    settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL = time(20), time(2)
    for at, due in (
        (midnight - 10 * MINUTE, None),
        (midnight + 110 * MINUTE, midnight + timedelta(hours=20)),
    ):
        GuideNotice.objects.all().delete()
        queue(at, "第一件", guide)
        assert ring(at) == 1
        queue(at, "第二件", guide)
        assert ring(at + MINUTE) == 0
        first, second = GuideNotice.objects.order_by("pk")
        assert second.not_before == (due or first.sent_at + 30 * MINUTE)


def test_what_waits_is_not_looked_at_again_and_costs_the_same_for_any_number(
    guide, simulator, now, django_assert_num_queries
):
    queue(now, "第一件", guide)
    ring(now)
    for number in range(30):
        queue(now, f"在等{number}", guide)

    with django_assert_num_queries(4):  # put off, and a claim that finds nothing
        assert ring(now + MINUTE) == 0

    waiting = GuideNotice.objects.filter(state="queued")
    assert waiting.count() == 30
    assert not waiting.due(now + MINUTE).exists()
    assert set(waiting.values_list("lease_token", flat=True)) == {None}


def test_one_that_is_being_sent_is_left_as_it_is(guide, simulator, now):
    queue(now, "第一件", guide)
    ring(now)
    queue(now, "在路上", guide)
    GuideNotice.objects.filter(title="在路上").update(lease_until=now + 5 * MINUTE)

    assert ring(now + MINUTE) == 0
    assert GuideNotice.objects.get(title="在路上").not_before == now


def test_one_that_waited_alone_goes_out_as_it_is(guide, simulator, now):
    for title, at in (("第一件", now), ("第二件", now + 31 * MINUTE)):
        queue(now, title, guide)
        assert ring(at) == 1
    assert titles(simulator, guide) == ["第一件", "第二件"]


def test_a_colleague_does_not_wait_and_equal_cards_stay_one_call(guide, simulator, now):
    others = [make.make_posted_guide(simulator=simulator) for _one in range(2)]
    queue(now, "第一件", guide)
    ring(now)
    queue(now, "给大家", guide, *others)

    assert ring(now + MINUTE) == 2
    assert len(simulator.calls("message/send")) == 2
    assert titles(simulator, guide) == ["第一件"]


@pytest.mark.parametrize("how", ["with_button", "at_once"])
def test_what_asks_for_an_answer_or_is_waited_for_goes_at_once(guide, simulator, now, how):
    queue(now, "第一件", guide)
    ring(now)
    queue(now, "请看一下", guide, **{how: True})

    assert ring(now + MINUTE) == 1
    assert titles(simulator, guide) == ["第一件", "请看一下"]


def test_what_is_waited_for_is_not_hidden_behind_another_card(guide, simulator, now):
    queue(now, "第一件", guide)
    queue(now, "请看一下", guide, at_once=True)
    queue(now, "第二件", guide)

    assert ring(now) == 3
    assert titles(simulator, guide) == ["你有 2 条新消息", "请看一下"]


def test_six_at_once_name_four_and_say_how_many_more(guide, simulator, now):
    for number in range(6):
        queue(now, f"任务{number}", guide)

    assert ring(now) == 6
    assert titles(simulator, guide) == ["你有 6 条新消息"]
    shown = str(phone(simulator, guide))
    assert "任务3" in shown
    assert "任务4" not in shown
    assert "另有 2 条" in shown


def test_one_that_wecom_did_not_take_keeps_all_of_them_waiting(guide, simulator, now):
    for title in ("第一件", "第二件"):
        queue(now, title, guide)
    simulator.post("/sim/faults", path="message/send", http_status=500, times=1)

    assert ring(now) == 0
    assert set(GuideNotice.objects.values_list("state", flat=True)) == {"queued"}
    assert ring(now + MINUTE) == 2
    assert titles(simulator, guide) == ["你有 2 条新消息"]


def test_without_a_gap_each_rings_at_once(guide, simulator, settings, now):
    settings.CARD_GAP_MINUTES = 0
    for title in ("第一件", "第二件"):
        queue(now, title, guide)

    assert ring(now) == 2
    assert titles(simulator, guide) == ["第一件", "第二件"]
