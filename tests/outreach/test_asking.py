"""How long until everything about a push is known, from WeCom's limits alone."""

from datetime import timedelta
from inspect import signature

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from apps.customer_groups.services import claim_send_polls, time_to_know_groups
from apps.customer_groups.services.sends import ASK_JOB, LIMIT
from apps.hq.beat_schedule import BY_JOB
from apps.hq.templatetags.hq import lasting
from apps.outreach.services.asking import time_to_know
from apps.outreach.services.polling import BEAT_SECONDS, SENDS_PER_BEAT
from apps.outreach.services.receivers import RESULTS_JOB
from apps.wecom_sync.services import poll_results


def test_forty_thousand_guides_are_asked_about_within_minutes(settings):
    settings.WECOM_LIMIT_PERCENT = 100
    known = time_to_know(guides=40_000, customers=800_000)
    # fourteen runs of the job, 3,000 sends each: slower than WeCom's 9,000 calls a minute
    assert known.together == timedelta(seconds=14 * 20)
    assert known.calls_together == 80_000
    # 750,000 calls over the burst at 100,000 an hour
    assert known.one_by_one == timedelta(seconds=27_000)


def test_a_late_confirmation_waits_for_the_next_days_look(settings):
    settings.WECOM_POLL_DELAYS, settings.WECOM_POLL_THEN_SECONDS = [60, 300, 900, 3600], 86_400
    look = time_to_know(guides=10, customers=10).look
    assert (look.often_for, look.soon) == (timedelta(hours=1), timedelta(minutes=45))
    assert look.late == timedelta(days=1)


def test_what_is_reckoned_with_is_what_the_job_does():
    assert BY_JOB[RESULTS_JOB].every == BEAT_SECONDS
    assert signature(poll_results).parameters["limit"].default == SENDS_PER_BEAT


def test_forty_thousand_owners_of_groups_are_asked_about_within_minutes(settings):
    settings.WECOM_LIMIT_PERCENT = 100
    known = time_to_know_groups(owners=40_000)
    # twenty runs of the job, 2,000 sends each
    assert (known.together, known.calls) == (timedelta(seconds=20 * 20), 80_000)
    assert known.full == timedelta(hours=1)
    assert time_to_know_groups(owners=0).together == timedelta()
    settings.WECOM_LIMIT_PERCENT = 50
    assert time_to_know_groups(owners=40_000).together > known.together


def test_what_is_reckoned_with_for_groups_is_what_the_job_does():
    assert BY_JOB[ASK_JOB].every == BEAT_SECONDS
    assert signature(claim_send_polls).parameters["limit"].default == LIMIT


def test_wizard_and_push_page_say_when_the_next_look_is(settings):
    settings.WECOM_POLL_DELAYS, settings.WECOM_POLL_THEN_SECONDS = [60, 300, 900, 3600], 86_400
    known = {"look": time_to_know(guides=10, customers=10).look}
    with translation.override("zh-hans"):
        chinese = render_to_string("hq/_looks.html", known)
    assert "提交后 60 分钟内的确认，45 分钟内可知" in chinese
    assert "24.0 小时" in chinese
    with translation.override("en"):
        english = render_to_string("hq/_looks.html", known)
    assert "first 60 min after the hand-over is seen within 45 min" in english


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
