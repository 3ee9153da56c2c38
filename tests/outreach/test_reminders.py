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


def queue(wave="a", now=None, sources=("task_target:7",), soonest=None):
    now = now or clock.now()
    wanted = [outreach.SendNudge(source, wave, soonest or now) for source in sources]
    return outreach.queue_reminders(wanted=wanted, actor=SYSTEM, now=now)


def work(now=None):
    return outreach.send_reminders(now=(now or clock.now()) + timedelta(seconds=1))


def test_the_same_occasion_nudges_once_and_a_fourth_in_a_day_is_not_queued(waiting, simulator):
    assert [queue("a"), queue("a"), queue("b"), queue("c"), queue("d")] == [1, 0, 1, 1, 0]
    assert work() == 3
    assert [call["body"]["msgid"] for call in simulator.calls(REMIND)] == [waiting.msgid] * 3
    assert set(SendReminder.objects.values_list("state", flat=True)) == {State.REMINDED}
    assert queue("e", now=clock.now() + timedelta(days=1, minutes=1)) == 1


def test_before_its_hour_nobody_is_nudged_and_nobody_twice_for_it(waiting, simulator):
    later = clock.now() + timedelta(hours=8)
    assert queue(soonest=later) == 1
    assert work() == 0
    assert simulator.calls(REMIND) == []
    assert work(now=later) == 1
    assert len(simulator.calls(REMIND)) == 1


def test_what_is_asked_for_again_before_the_hour_rings_once(waiting, simulator):
    later = clock.now() + timedelta(hours=8)
    assert [queue("a", soonest=later), queue("b", soonest=later), queue("c")] == [1, 0, 0]
    assert work(now=later) == 1
    assert len(simulator.calls(REMIND)) == 1
    assert queue("d", now=later + timedelta(minutes=1)) == 1


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


def two_more(guide, simulator):
    """Further sends on the phone that wait, of the same guide."""
    for number in range(2):
        friends = make.make_friends(guide, simulator=simulator)
        make.request_send(guide, friends, sources=[f"more:{number}"])
    outreach.send_queued(now=clock.now())
    return queue(sources=["task_target:7", "more:0", "more:1"])


def test_a_limit_puts_off_its_own_corp_alone(waiting, guide, simulator):
    assert two_more(guide, simulator) == 3
    another = SendReminder.objects.order_by("pk").last()
    type(waiting).objects.filter(pk=another.send_id).update(corp_id="wwother")
    simulator.post("/sim/faults", path=REMIND, errcode=45009, times=1)
    work()

    another.refresh_from_db()
    assert another.state == State.REFUSED  # that corp is not connected: it had its turn
    others = SendReminder.objects.exclude(pk=another.pk)
    assert set(others.values_list("state", "call_started_at", "lease_token")) == {
        (State.QUEUED, None, None)
    }
    assert min(others.values_list("not_before", flat=True)) > clock.now()
    assert len(simulator.calls(REMIND)) == 1


def test_a_send_that_wecom_is_still_busy_with_is_put_off_alone(waiting, guide, simulator):
    two_more(guide, simulator)
    simulator.post("/sim/faults", path=REMIND, errcode=41063, times=1)

    assert work() == 2
    row = SendReminder.objects.get(state=State.QUEUED)
    assert (row.call_started_at, row.not_before > clock.now()) == (None, True)
    assert work(clock.now() + timedelta(minutes=2)) == 1
