from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.guide_tasks.rhythm import Every, Rhythm

START = date(2026, 3, 18)  # a Wednesday


def test_a_week_comes_back_on_its_weekday():
    monday = Rhythm(Every.WEEK, 1, START)

    assert list(monday.days(START, date(2026, 4, 6))) == [
        date(2026, 3, 23),
        date(2026, 3, 30),
        date(2026, 4, 6),
    ]


def test_a_month_too_short_for_the_day_takes_its_last_one():
    last = Rhythm(Every.MONTH, 31, date(2027, 12, 1))

    assert list(last.days(date(2027, 12, 1), date(2028, 4, 30))) == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]


def test_so_many_days_are_counted_from_the_start():
    third = Rhythm(Every.DAYS, 3, START)

    assert third.first_from(START) == START
    assert third.first_from(START + timedelta(days=1)) == START + timedelta(days=3)
    assert third.first_from(START - timedelta(days=100)) == START


@given(
    every=st.sampled_from(Every.values),
    number=st.integers(1, 7),
    start=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    ahead=st.integers(0, 500),
)
def test_days_only_go_forward_and_never_closer_than_said(every, number, start, ahead):
    rhythm = Rhythm(every, number, start)
    first = start + timedelta(days=ahead)

    days = list(rhythm.days(first, first + timedelta(days=70)))

    assert days
    assert min(days) >= first
    assert all((b - a).days >= rhythm.shortest_gap for a, b in pairwise(days))


@pytest.mark.parametrize(
    ("every", "number", "words"),
    [
        ("week", 1, "每星期一"),
        ("month", 31, "每月最后一天"),
        ("month", 15, "每月 15 日"),
        ("days", 3, "每 3 天"),
        ("days", 1, "每天"),
    ],
)
def test_the_rhythm_is_said_in_words(every, number, words):
    assert Rhythm(every, number, START).words == words
