"""The demo's week of chats: figures such as WeCom tells, and one guide who lets people wait."""

import random
from datetime import date, timedelta

import pytest
from django.conf import settings

from apps.hq.demo.chats import days_of

TODAY = date(2026, 11, 23)


def week(friends, *, seed=1, slow=False):
    return list(days_of(friends, today=TODAY, slow=slow, dice=random.Random(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_a_week_is_seven_days_of_figures_that_fit_each_other(seed):
    days = week(12, seed=seed)
    assert [day for day, _figures in days] == [TODAY - timedelta(days=n) for n in range(7, 0, -1)]
    worked = [figures for _day, figures in days if figures["chat_cnt"]]
    assert len(worked) == 5
    for figures in worked:
        assert figures["chat_cnt"] <= 4
        assert figures["message_cnt"] >= 2 * figures["chat_cnt"]
        assert figures["reply_percentage"] > settings.REPLY_PERCENT_LOW
    for _day, figures in days:
        if not figures["chat_cnt"]:
            assert figures == {"chat_cnt": 0, "message_cnt": 0, "new_apply_cnt": 0}


def test_who_has_no_friends_has_no_chats():
    assert sum(figures["chat_cnt"] for _day, figures in week(0)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_one_who_lets_people_wait_is_below_the_line(seed):
    shares = [
        figures["reply_percentage"]
        for _day, figures in week(9, seed=seed, slow=True)
        if figures["chat_cnt"]
    ]
    assert sum(shares) / len(shares) < settings.REPLY_PERCENT_LOW
