"""WeCom's own nudge for sends that wait for the guide: once an occasion, three a day."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.outreach import services as outreach
from apps.outreach.models import SendReminder
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db
REMIND = "externalcontact/remind_groupmsg_send"
State = SendReminder.State


@pytest.fixture
def waiting(guide, simulator):
    """A send on the guide's phone; its receiver's source."""
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = make.request_send(guide, friends, sources=["task_target:7"])
    outreach.send_queued(now=clock.now())
    dispatch.refresh_from_db()
    return dispatch


def queue(wave="a", now=None):
    return outreach.queue_reminders(
        sources=["task_target:7"], wave=wave, actor=SYSTEM, now=now or clock.now()
    )


def work(now=None):
    return outreach.send_reminders(now=(now or clock.now()) + timedelta(seconds=1))


def test_the_same_occasion_nudges_once_and_a_fourth_in_a_day_is_not_queued(waiting, simulator):
    assert [queue("a"), queue("a"), queue("b"), queue("c"), queue("d")] == [1, 0, 1, 1, 0]
    assert work() == 3
    assert [call["body"]["msgid"] for call in simulator.calls(REMIND)] == [waiting.msgid] * 3
    assert set(SendReminder.objects.values_list("state", flat=True)) == {State.REMINDED}
    assert queue("e", now=clock.now() + timedelta(days=1, minutes=1)) == 1


def test_what_was_confirmed_meanwhile_is_not_nudged(waiting, simulator):
    queue()
    type(waiting).objects.update(state="sent")
    assert work() == 0
    assert SendReminder.objects.get().state == State.NOT_NEEDED
    assert simulator.calls(REMIND) == []


def test_wecom_saying_too_often_is_kept_with_its_reason(waiting, simulator):
    queue()
    simulator.post("/sim/faults", path=REMIND, errcode=41094)
    work()
    row = SendReminder.objects.get()
    assert row.state == State.REFUSED
    assert row.reason


def test_a_lost_answer_and_a_dead_worker_are_never_called_for_again(waiting, simulator):
    queue()
    SendReminder.objects.update(call_started_at=clock.now())
    work()
    assert SendReminder.objects.get().state == State.UNKNOWN
    assert simulator.calls(REMIND) == []


def test_a_storm_of_limits_puts_it_off_and_then_it_goes_out_once(waiting, simulator):
    queue()
    simulator.post("/sim/faults", path=REMIND, errcode=45009)
    assert work() == 0
    row = SendReminder.objects.get()
    assert (row.state, row.call_started_at) == (State.QUEUED, None)
    assert row.not_before > clock.now()
