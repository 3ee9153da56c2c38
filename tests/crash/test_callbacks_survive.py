"""Workers die while they read WeCom's events and greet new friends; the simulator is the judge.

Whatever the line: every friendship is known once, nobody is welcomed twice, and whom no welcome
reached stands in the guide's list.
"""

import random
import signal
from datetime import timedelta

import pytest

from apps.core import clock
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services.rules import ensure_default_rules
from apps.members.models import FollowRelation
from apps.outreach.models import MessageTemplate, Welcome
from apps.outreach.services.welcomes import send_welcomes
from apps.wecom.client import client_for
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks, take_welcome_codes
from tests.conftest import WECOM, wait_for
from tests.factories import outreach as make

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

POINTS = ["welcomes.queued", "welcomes.call_started", "welcomes.called"]
ROUNDS = 16
LATER = timedelta(minutes=5)
LIVED, KILLED, STOPPED = 0, -signal.SIGKILL, -signal.SIGALRM
ENDS = {"-": {LIVED}} | dict.fromkeys(POINTS, {KILLED})
State = Welcome.State


@pytest.fixture
def guide(simulator, live_server, db):
    """A guide of a live store, with a welcome, whose friends are told over HTTP."""
    make.connect_corp()
    ensure_default_rules(now=clock.now() - timedelta(days=1))
    MessageTemplate.objects.create(
        name="欢迎语", body="您好", generic_body="您好，我是{导购}", is_welcome=True
    )
    simulator.post(
        "/sim/callback-config",
        url=f"{live_server.url.replace('localhost', '127.0.0.1')}/wecom/callback/contacts/",
        token=WECOM["WECOM_TOKEN"],
        aes_key=WECOM["WECOM_AES_KEY"],
        check=False,  # the server is cold, and WeCom gives it one second
    )
    return make.make_posted_guide(simulator=simulator)


def somebody_adds(simulator, guide):
    waiting = RawCallback.objects.count() + 1
    added = simulator.post("/sim/customers/add-guide", userid=guide.wecom_userid, name="小雨")
    wait_for(lambda: RawCallback.objects.count() == waiting)
    return added["external_userid"]


def welcomes_read(simulator, external):
    rows = simulator.get(f"/sim/phones/customers/{external}")["messages"]
    return sum(row["via"] == "welcome" for row in rows)


def deaths():
    """Each point twice, and moments nobody chose; the last worker lives, however slow it is."""
    dice = random.Random(20260322)
    moments = [f"@{dice.uniform(0.005, 0.12):.3f}" for _number in range(ROUNDS - 2 * len(POINTS))]
    found = [*POINTS, *POINTS, *moments]
    dice.shuffle(found)
    return [*found, "-"]


def test_killed_anywhere_in_the_fast_lane_nobody_is_greeted_twice_or_forgotten(
    guide, simulator, workers
):
    friends = []
    for death in deaths():
        friends.append(somebody_adds(simulator, guide))
        ended = workers(death, clock.now(), "welcomes")
        assert ended in ENDS.get(death, {LIVED, STOPPED}), death

    # what beat does afterwards
    take_welcome_codes(now=clock.now())
    send_welcomes(now=clock.now() + LATER)
    handle_callbacks(now=clock.now())
    take_welcome_codes(now=clock.now() + LATER)

    rows = {row.external_userid: row for row in Welcome.objects.all()}
    read = {external: welcomes_read(simulator, external) for external in friends}
    assert rows.keys() == set(friends)
    assert not RawCallback.objects.filter(greets=True).exists()
    assert max(read.values()) == 1
    for external, row in rows.items():
        assert row.state in (State.SENT, State.UNKNOWN, State.MISSED)
        assert row.state == State.UNKNOWN or read[external] == (row.state == State.SENT)
    told = dict(TaskTarget.objects.values_list("external_userid", "why"))
    not_sure = {external for external, row in rows.items() if row.state != State.SENT}
    assert {external for external, why in told.items() if "没有发出" in why} == not_sure
    assert {row.state for row in rows.values()} >= {State.SENT, State.UNKNOWN}


def test_killed_anywhere_while_events_are_read_each_friendship_is_known_once(
    guide, simulator, workers
):
    dice, friends, ended = random.Random(7), [], set()
    for _round in range(10):
        friends += [somebody_adds(simulator, guide) for _number in range(3)]
        ended.add(workers(f"@{dice.uniform(0.01, 0.25):.3f}", clock.now(), "callbacks"))
    gone = friends[::5]
    for external in gone:
        pair = {"userid": guide.wecom_userid, "external_userid": external}
        simulator.post("/sim/follows/delete", by="guide", **pair)
    simulator.post("/sim/callbacks/flush", timeout_s=10)
    ended.add(workers("@0.1", clock.now(), "callbacks"))
    assert STOPPED in ended
    assert ended <= {LIVED, STOPPED}

    for minute in range(2, 40, 2):  # leases run out one after the other
        handle_callbacks(now=clock.now() + timedelta(minutes=minute))

    assert set(RawCallback.objects.values_list("status", flat=True)) == {"done"}
    rows = FollowRelation.objects.values_list("external_userid", flat=True)
    assert sorted(rows) == sorted(friends)
    current = FollowRelation.objects.current().values_list("external_userid", flat=True)
    assert set(current) == set(friends) - set(gone)


def test_killed_with_a_whole_set_written_and_not_closed_nothing_is_lost_or_twice(
    guide, simulator, workers
):
    friends = [somebody_adds(simulator, guide) for _number in range(5)]

    assert workers("callbacks.taken", clock.now(), "callbacks") == KILLED

    assert not FollowRelation.objects.exists()
    assert not TaskTarget.objects.exists()
    handle_callbacks(now=clock.now() + LATER)
    rows = FollowRelation.objects.values_list("external_userid", flat=True)
    assert sorted(rows) == sorted(friends)
    greeted = TaskTarget.objects.values_list("external_userid", flat=True)
    assert sorted(greeted) == sorted(friends)
    assert set(RawCallback.objects.values_list("status", flat=True)) == {"done"}


def test_eight_worker_processes_with_an_expired_token_renew_it_once(guide, simulator, workers):
    client_for().list_follow_userids()
    simulator.post("/sim/tokens/expire", errcode=42001)
    before = len(simulator.calls("gettoken"))

    assert workers("-", clock.now(), "ask_together") == 0

    assert len(simulator.calls("gettoken")) - before == 1
