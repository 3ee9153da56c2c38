"""A welcome code is taken past everything that waits, and whom no welcome reached is a task."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services.rules import ensure_default_rules
from apps.outreach.models import MessageTemplate, Welcome
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks, take_welcome_codes

pytestmark = pytest.mark.django_db

ADD = "add_external_contact"
SEND = "externalcontact/send_welcome_msg"
State = Welcome.State


@pytest.fixture(autouse=True)
def words(db):
    ensure_default_rules(now=clock.now() - timedelta(days=1))
    MessageTemplate.objects.create(
        name="欢迎语", body="您好", generic_body="您好，我是{导购}", is_welcome=True
    )


@pytest.fixture
def comes(simulator, guide, told):
    """A customer adds the guide and the event is in the inbox."""

    def one(name="小雨", ago=0, **fields):
        added = simulator.post("/sim/customers/add-guide", userid=guide.wecom_userid, name=name)
        at = datetime.fromtimestamp(int(clock.now().timestamp()) - ago, tz=UTC)
        row = told(ADD, guide, added["external_userid"], at,
                   WelcomeCode=added["welcome_code"], **fields)  # fmt: skip
        RawCallback.objects.filter(pk=row.pk).update(greets=True)
        return added["external_userid"]

    return one


def read_by(simulator, external):
    rows = simulator.get(f"/sim/phones/customers/{external}")["messages"]
    return [row["text"] for row in rows if row["via"] == "welcome"]


def why(external):
    return TaskTarget.objects.get(external_userid=external).why


def test_a_code_is_taken_before_everything_that_waits(guide, simulator, told, comes):
    for number in range(300):
        told("edit_external_contact", guide, f"wmOld{number}", clock.now() - timedelta(hours=1))
    external = comes(State="s1")

    assert take_welcome_codes(now=clock.now()) == 1

    assert read_by(simulator, external) == [f"您好，我是{guide.name}"]
    assert RawCallback.objects.filter(status="received").count() == 301
    assert not RawCallback.objects.filter(greets=True).exists()


def test_a_backlog_makes_the_fast_lane_no_slower(guide, told, comes):
    def steps():
        comes()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            take_welcome_codes(now=clock.now())
        return len(asked)

    few = steps()
    for number in range(50):
        told("edit_external_contact", guide, f"wmOld{number}", clock.now())
    assert steps() <= few


def test_taking_twice_and_reading_the_event_after_is_one_welcome(simulator, comes):
    external = comes()
    take_welcome_codes(now=clock.now())
    RawCallback.objects.update(greets=True)  # as if the worker had died before it let go

    take_welcome_codes(now=clock.now())
    handle_callbacks(now=clock.now())

    assert len(read_by(simulator, external)) == 1
    assert Welcome.objects.count() == 1
    assert "没有发出" not in why(external)


@pytest.mark.parametrize("read_first", [True, False])
def test_whom_no_welcome_reached_is_the_guides_to_greet(simulator, comes, read_first):
    external = comes(ago=30)
    steps = [handle_callbacks, take_welcome_codes]
    for step in steps if read_first else reversed(steps):
        step(now=clock.now())
    take_welcome_codes(now=clock.now())

    assert Welcome.objects.get().state == State.MISSED
    assert "欢迎语没有发出" in why(external)
    assert simulator.calls(SEND) == []


def test_a_forged_or_strange_guide_takes_no_code(simulator, guide, told, comes):
    row = told(ADD, guide, "wmX", clock.now(), WelcomeCode="WCODE_x")
    row.fields["UserID"] = "nobody_of_ours"
    row.greets = True
    row.save()

    take_welcome_codes(now=clock.now())

    assert Welcome.objects.count() == 0
    assert not RawCallback.objects.filter(greets=True).exists()
