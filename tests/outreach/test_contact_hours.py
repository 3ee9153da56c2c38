"""A worker that comes late does not disturb customers at night."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.core import clock, hours
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, DispatchRecipient
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db

SHOP_HOURS = (time(9), time(21))
EVENING = datetime(2026, 3, 18, 20, 50, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def evening():
    with clock.at(EVENING):
        yield EVENING


def asked_for(guide, simulator, at, **changes):
    friends = make.make_friends(guide, simulator=simulator)
    return make.request_send(guide, friends, now=at, contact_hours=SHOP_HOURS, **changes)


def test_inside_the_hours_it_goes_out(evening, guide, simulator):
    dispatch = asked_for(guide, simulator, evening)

    assert outreach.send_queued(now=evening + timedelta(minutes=5)) == 1

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.HANDED_OVER


def test_a_late_worker_puts_it_back_until_the_morning(evening, guide, simulator):
    dispatch = asked_for(guide, simulator, evening)

    assert outreach.send_queued(now=evening + timedelta(minutes=11)) == 0

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.HELD
    assert dispatch.not_before == datetime(2026, 3, 19, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert (dispatch.lease_token, dispatch.attempts) == (None, 0)
    assert not DispatchRecipient.objects.exclude(state="waiting").exists()

    assert outreach.send_queued(now=dispatch.not_before) == 1
    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.HANDED_OVER


def test_what_would_be_over_by_the_morning_ends_and_frees_its_customer(evening, guide, simulator):
    dispatch = asked_for(guide, simulator, evening, expires_at=evening + timedelta(hours=6))

    assert outreach.send_queued(now=evening + timedelta(minutes=11)) == 0

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.EXPIRED
    assert list(dispatch.recipients.values_list("state", flat=True)) == ["not_sent"]


def test_without_hours_it_goes_out_at_any_time(evening, guide, simulator):
    make.request_send(guide, make.make_friends(guide, simulator=simulator), now=evening)

    assert outreach.send_queued(now=evening + timedelta(hours=4)) == 1


@pytest.mark.parametrize(
    ("at", "allowed"),
    [(time(8, 59), False), (time(9), True), (time(20, 59), True), (time(21), False)],
)
def test_the_hours_are_half_open(at, allowed):
    moment = datetime.combine(EVENING.date(), at, tzinfo=EVENING.tzinfo)

    assert hours.is_within(moment, *SHOP_HOURS) is allowed


@pytest.mark.parametrize("hour", [time(0), time(12, 30), time(23, 59, 30)])
def test_hours_until_the_last_minute_are_the_whole_day(hour):
    moment = EVENING.replace(hour=hour.hour, minute=hour.minute, second=hour.second)
    assert hours.next_within(moment, time(0), time(23, 59)) == moment


def test_hours_that_end_a_minute_earlier_wait_for_the_next_day():
    late = EVENING.replace(hour=23, minute=58, second=30)
    assert hours.next_within(late, time(0), time(23, 58)).date() > late.date()


def test_cards_about_work_without_hours_wait_for_the_chains_own(settings):
    settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL = time(8, 30), time(20)
    evening = EVENING.replace(hour=20, minute=0)

    assert hours.for_cards(evening - timedelta(minutes=1)) == evening - timedelta(minutes=1)
    tomorrow = evening.replace(hour=8, minute=30) + timedelta(days=1)
    assert hours.for_cards(evening) == tomorrow
