"""A worker is killed at any point of handing a send over; the simulator's log is the judge.

Whatever happens: nobody is written to twice, nothing disappears, and what nobody can know is listed
for a person.
"""

import random
import signal
from collections import Counter
from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.core.models import JobRun
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, TrackedLink
from apps.outreach.selectors import unknown_dispatches
from apps.wecom_sync.services import poll_results
from tests.conftest import wait_for
from tests.factories import outreach as make

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

POINTS = [
    "outreach.claimed",
    "outreach.call_started",
    "outreach.called",
    "outreach.recorded",
    "outreach.committed",
]
REPEATS = 60
ADD = "externalcontact/add_msg_template"
State = Dispatch.State


@pytest.fixture
def guide(db, simulator):
    make.connect_corp()
    return make.make_posted_guide(simulator=simulator)


def sends_by_code(simulator):
    """Every mass send WeCom really has, by the code of its link."""
    found = Counter()
    for row in simulator.get("/sim/sends")["sends"]:
        found[row["text"].rsplit("/l/", 1)[1].rstrip("/")] += 1
    return found


def code_of(dispatch):
    return TrackedLink.objects.get(dispatch=dispatch).code


def confirm_everything(simulator, guide):
    for row in simulator.get(f"/sim/phones/guides/{guide.wecom_userid}")["pending_sends"]:
        simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=row["msgid"])


def received(simulator, external):
    messages = simulator.get(f"/sim/phones/customers/{external}")["messages"]
    return [row for row in messages if "/l/" in row.get("text", "")]


def heal(now):
    """What beat does afterwards: lost leases are taken again or looked up."""
    for minute in range(10, 70, 10):
        outreach.resolve_unknowns(now=now + timedelta(minutes=minute))
        outreach.send_queued(now=now + timedelta(minutes=minute))


def test_killed_at_random_points_nothing_is_lost_and_nobody_gets_it_twice(
    guide, simulator, workers
):
    dice = random.Random(20260321)
    deaths = [*POINTS, *dice.choices(POINTS, k=REPEATS - len(POINTS))]
    dice.shuffle(deaths)
    now, ended, sends = clock.now(), Counter(), {}
    friends = make.make_friends(guide, REPEATS, simulator=simulator)

    for number, point in enumerate(deaths):
        dispatch = make.request_send(guide, [friends[number]])
        sends[dispatch.pk] = (point, friends[number][1])
        ended[workers(point, clock.now())] += 1
    assert ended == {-signal.SIGKILL: REPEATS}
    heal(now)

    in_wecom = sends_by_code(simulator)
    rows = Dispatch.objects.in_bulk(sends)
    listed = set(unknown_dispatches(actor=SYSTEM).values_list("pk", flat=True))
    for pk, (point, _external) in sends.items():
        times = in_wecom[code_of(rows[pk])]
        expected = State.UNKNOWN if point == "outreach.call_started" else State.HANDED_OVER
        assert rows[pk].state == expected, point
        assert times == (0 if expected == State.UNKNOWN else 1), point
        assert (pk in listed) == (expected == State.UNKNOWN)
    assert set(in_wecom.values()) == {1}

    confirm_everything(simulator, guide)
    poll_results(now=clock.now() + timedelta(hours=2))

    for pk, (point, external) in sends.items():
        sent = 0 if point == "outreach.call_started" else 1
        assert len(received(simulator, external)) == sent, point
        delivered = Dispatch.objects.get(pk=pk).state == State.DELIVERED
        assert delivered == bool(sent), point


def test_a_reply_lost_while_the_worker_dies_is_found_again(guide, simulator, workers):
    """The call took effect, the answer did not come, and the next worker dies as well."""
    friends = make.make_friends(guide, 5, simulator=simulator)
    now = clock.now()
    sends = [make.request_send(guide, [friend]) for friend in friends]
    simulator.post("/sim/faults", path=ADD, drop_connection=True, after_effect=True, times=5)

    assert workers("-", clock.now()) == 0
    for point in POINTS:
        workers(point, now + timedelta(minutes=30))
    heal(now + timedelta(hours=1))

    assert {Dispatch.objects.get(pk=one.pk).state for one in sends} == {State.HANDED_OVER}
    assert sorted(sends_by_code(simulator).values()) == [1] * 5


def test_one_worker_after_the_other_dies_on_the_same_batch(guide, simulator, workers):
    """Twenty sends, one queue; each worker dies somewhere in the middle of it."""
    dice = random.Random(7)
    friends = make.make_friends(guide, 20, simulator=simulator)
    sends = [make.request_send(guide, [friend]) for friend in friends]
    now, minutes = clock.now(), 0

    for _death in range(15):
        workers(dice.choice(POINTS), now + timedelta(minutes=minutes))
        minutes += 10
        # WeCom's clock goes along with ours: its list is asked by time
        simulator.post("/sim/clock", advance_s=600)
        outreach.resolve_unknowns(now=now + timedelta(minutes=minutes))
    heal(now + timedelta(minutes=minutes))

    in_wecom = sends_by_code(simulator)
    states = Counter()
    for one in sends:
        row = Dispatch.objects.get(pk=one.pk)
        states[row.state] += 1
        assert in_wecom[code_of(row)] == (1 if row.state == State.HANDED_OVER else 0)
    assert sum(states.values()) == 20
    assert set(states) <= {State.HANDED_OVER, State.UNKNOWN}


@pytest.mark.parametrize("point", POINTS)
def test_a_celery_worker_killed_at_this_point_comes_back_and_finishes(
    point, guide, simulator, product_env, run_process, tmp_path
):
    """The same with the real worker: its child dies, the job is delivered again by the broker."""
    friends = make.make_friends(guide, 2, simulator=simulator)
    sends = [make.request_send(guide, [friend]) for friend in friends]
    marker = tmp_path / "died"
    run_process(
        ["-m", "celery", "-A", "scrm", "worker", "-Q", "interactive", "-c", "1", "-l", "WARNING"],
        {**product_env, "SCRM_KILL_AT": point, "SCRM_KILL_ONCE_FILE": str(marker)},
    )

    wait_for(marker.exists, seconds=60, message="The worker did not get to the point.")
    again = JobRun.objects.filter(name="outreach.send_queued", ok=True)
    wait_for(again.exists, seconds=60, message="Nobody took the job up again.")
    heal(clock.now() + timedelta(minutes=10))

    in_wecom = sends_by_code(simulator)
    for one in sends:
        row = Dispatch.objects.get(pk=one.pk)
        assert row.state in (State.HANDED_OVER, State.UNKNOWN)
        assert in_wecom[code_of(row)] == (1 if row.state == State.HANDED_OVER else 0)
    assert set(in_wecom.values()) <= {1}
