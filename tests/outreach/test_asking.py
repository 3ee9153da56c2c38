"""How long until everything about a push is known, from WeCom's limits alone."""

from datetime import timedelta

import pytest

from apps.hq.templatetags.hq import lasting
from apps.outreach.services.asking import time_to_know


def test_forty_thousand_guides_are_known_within_minutes_of_the_last_confirmation(settings):
    settings.WECOM_LIMIT_PERCENT, settings.WECOM_POLL_DELAYS = 100, [60]
    known = time_to_know(guides=40_000, customers=800_000)
    # a minute's wait; 39,000 calls over the burst at 9,000 a minute
    assert known.together == timedelta(seconds=60 + 260)
    assert known.calls_together == 80_000
    # 750,000 calls over the burst at 100,000 an hour
    assert known.one_by_one == timedelta(seconds=60 + 27_000)


def test_many_customers_of_one_guide_take_several_answers(settings):
    settings.WECOM_LIMIT_PERCENT = 100
    known = time_to_know(guides=2, customers=5_000)
    assert known.calls_together == 2 * (1 + 3)


def test_half_of_the_limit_takes_longer_and_nobody_takes_no_time(settings):
    settings.WECOM_LIMIT_PERCENT = 100
    whole = time_to_know(guides=40_000, customers=40_000).together
    settings.WECOM_LIMIT_PERCENT = 50
    assert time_to_know(guides=40_000, customers=40_000).together > whole
    assert time_to_know(guides=0, customers=0).together == timedelta()


@pytest.mark.parametrize(("seconds", "words"), [(59, "1"), (320, "6"), (27_060, "7.5")])
def test_a_length_of_time_is_said_in_minutes_or_hours(seconds, words):
    assert words in lasting(timedelta(seconds=seconds))
