"""WeCom's word closes the guide's work: from the hand-out to 已送达, and the ways it can fail."""

import uuid
from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.guide_tasks.models import Grade, State, TaskTarget
from apps.guide_tasks.services import evidence, sending
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.tagging.models import Tag, TagGroup
from apps.wecom_sync.services import apply_decided, poll_results, results
from tests.factories import outreach as make
from tests.factories import tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(simulator):
    """Eleven o'clock of a coming day, here and in WeCom."""
    moment = clock.day_start(clock.today() + timedelta(days=1)) + timedelta(hours=11)
    simulator.post("/sim/clock", now=moment.timestamp())
    yield moment
    simulator.post("/sim/clock", reset=True)


@pytest.fixture
def guide(db, simulator):
    make.connect_corp()
    return make.make_posted_guide(simulator=simulator)


@pytest.fixture
def work(guide, simulator, now):
    """Three customers of one push in the guide's hands: [(target, external id)]."""
    friends = make.make_friends(guide, 3, simulator=simulator)
    push = tasks.hand_out([member for member, _external in friends], now)
    return [(tasks.target_of(push, member), external) for member, external in friends]


def send(target, guide, now):
    dispatch = sending.send_to_target(
        target=target,
        text=None,
        actor=tasks.guide_actor(guide, now),
        now=now,
        client_id=uuid.uuid4(),
    )
    outreach.send_queued(now=now)
    dispatch.refresh_from_db()
    return dispatch


def confirm(simulator, dispatch):
    simulator.post("/sim/sends/confirm", userid=dispatch.guide.wecom_userid, msgid=dispatch.msgid)


def test_confirmed_on_the_phone_is_delivered_on_the_card(guide, simulator, work, now):
    target, external = work[0]
    dispatch = send(target, guide, now)
    poll_results(now=now + timedelta(minutes=2))
    target.refresh_from_db()
    assert (target.state, target.contact_grade) == (State.TO_VERIFY, Grade.INITIATED)

    confirm(simulator, dispatch)
    poll_results(now=now + timedelta(minutes=6))

    target.refresh_from_db()
    assert (target.state, target.contact_grade) == (State.DONE, Grade.DELIVERED)
    (message,) = [
        row
        for row in simulator.get(f"/sim/phones/customers/{external}")["messages"]
        if row["msgid"] == dispatch.msgid
    ]
    assert "新靴" in message["text"]


def test_a_result_told_twice_is_applied_once(guide, simulator, work, now):
    dispatch = send(work[0][0], guide, now)
    confirm(simulator, dispatch)
    poll_results(now=now + timedelta(minutes=2))
    Dispatch.objects.update(state=Dispatch.State.SENT, next_poll_at=now)

    assert poll_results(now=now + timedelta(minutes=5)) == 0

    assert Dispatch.objects.get().state == Dispatch.State.DELIVERED


def test_a_friend_lost_meanwhile_excuses_the_guide_one_deleted_does_not(
    guide, simulator, work, now
):
    (left, ext_left), (deleted, ext_deleted), _other = work
    for target, external, by in ((left, ext_left, "customer"), (deleted, ext_deleted, "guide")):
        dispatch = send(target, guide, now)
        simulator.post(
            "/sim/follows/delete", by=by, userid=guide.wecom_userid, external_userid=external
        )
        members.end_follow(
            corp_id=guide.corp_id, guide_id=guide.pk, external_userid=external, at=now, ended_by=by
        )
        confirm(simulator, dispatch)

    poll_results(now=now + timedelta(minutes=2))

    left.refresh_from_db()
    deleted.refresh_from_db()
    assert (left.state, left.excuse_reason) == (State.NOT_APPLICABLE, "not_friend")
    assert deleted.state != State.NOT_APPLICABLE


def test_who_asked_to_stop_between_tap_and_call_is_excused(guide, simulator, work, now):
    target, external = work[0]
    sending.send_to_target(
        target=target,
        text=None,
        actor=tasks.guide_actor(guide, now),
        now=now,
        client_id=uuid.uuid4(),
    )
    members.stop_contact(
        member_id=target.member_id, source="test", now=now, actor=tasks.guide_actor(guide, now)
    )
    outreach.send_queued(now=now)

    poll_results(now=now + timedelta(minutes=1))

    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, "asked_to_stop")
    messages = simulator.get(f"/sim/phones/customers/{external}")["messages"]
    assert not any("新靴" in row.get("text", "") for row in messages)


def test_never_confirmed_gives_the_customer_back_to_the_guide(guide, simulator, work, now):
    target, _external = work[0]
    dispatch = send(target, guide, now)

    poll_results(now=dispatch.expires_at)

    target.refresh_from_db()
    assert target.state == State.IN_PROGRESS
    assert target.contact_grade == Grade.INITIATED


def test_one_text_to_all_of_the_task_is_one_confirmation(guide, simulator, work, now):
    task = work[0][0].task
    FollowRelation.objects.filter(external_userid=work[2][1]).update(until=now, ended_by="customer")
    dispatch = sending.send_to_task(
        task=task, actor=tasks.guide_actor(guide, now), now=now, client_id=uuid.uuid4()
    )
    outreach.send_queued(now=now)
    dispatch.refresh_from_db()
    confirm(simulator, dispatch)

    assert poll_results(now=now + timedelta(minutes=2)) == 2

    states = [type(target).objects.get(pk=target.pk).state for target, _external in work]
    assert states[:2] == [State.DONE, State.DONE]
    assert states[2] != State.DONE


def test_a_result_of_a_task_that_is_gone_blocks_nobody(guide, simulator, work, now):
    dispatch = make.request_send(
        guide, make.make_friends(guide), sources=["task_target:4000000"], now=now
    )
    outreach.send_queued(now=now)

    assert apply_decided(now=now) == 1

    assert dispatch.recipients.get().state == DispatchRecipient.State.REFUSED
    assert apply_decided(now=now) == 0


def test_a_tag_retired_since_does_not_hold_up_the_proof(guide, simulator, work, now):
    target, _external = work[0]
    group = TagGroup.objects.create(name="活动")
    tag = Tag.objects.create(group=group, name="已触达", retired_at=now)
    target.push.result_tags.add(tag)
    dispatch = send(target, guide, now)
    confirm(simulator, dispatch)

    poll_results(now=now + timedelta(minutes=6))

    target.refresh_from_db()
    assert target.state == State.DONE


def test_a_result_that_cannot_be_applied_stops_nobody_else(
    guide, simulator, work, now, monkeypatch
):
    sends = [send(target, guide, now) for target, _external in work[:2]]
    for dispatch in sends:
        confirm(simulator, dispatch)
    apply = evidence.apply_result

    def faulty(*, recipient):
        if recipient.dispatch_id == sends[0].pk:
            raise RuntimeError
        return apply(recipient=recipient)

    monkeypatch.setattr(evidence, "apply_result", faulty)
    poll_results(now=now + timedelta(minutes=6))
    states = [TaskTarget.objects.get(pk=target.pk).state for target, _external in work[:2]]
    assert states == [State.TO_VERIFY, State.DONE]
    monkeypatch.undo()

    poll_results(now=now + timedelta(minutes=20))

    assert TaskTarget.objects.get(pk=work[0][0].pk).state == State.DONE


def test_a_decided_receiver_that_cannot_be_applied_stops_nobody_else(guide, work, now, monkeypatch):
    stuck, fine = (
        sending.send_to_target(
            target=target,
            text=None,
            actor=tasks.guide_actor(guide, now),
            now=now,
            client_id=uuid.uuid4(),
        )
        for target, _external in work[:2]
    )
    for dispatch in (stuck, fine):
        outreach.cancel_dispatch(dispatch=dispatch, actor=SYSTEM, now=now)
    apply = evidence.apply_result

    def faulty(*, recipient):
        if recipient.dispatch_id == stuck.pk:
            raise RuntimeError
        return apply(recipient=recipient)

    monkeypatch.setattr(evidence, "apply_result", faulty)

    assert apply_decided(now=now) == 1
    monkeypatch.undo()
    assert apply_decided(now=now) == 1


def test_one_run_asks_about_all_that_is_due_batch_after_batch(guide, simulator, now, monkeypatch):
    monkeypatch.setattr(results, "BATCH", 2)
    for _send in range(5):
        make.request_send(guide, make.make_friends(guide, simulator=simulator), now=now)
    outreach.send_queued(now=now)

    poll_results(now=now + timedelta(minutes=2))

    assert len(simulator.calls("externalcontact/get_groupmsg_task")) == 5
    assert set(Dispatch.objects.values_list("polls", flat=True)) == {1}


def test_a_run_whose_time_is_used_up_leaves_the_rest_to_the_next(
    guide, simulator, now, monkeypatch
):
    make.request_send(guide, make.make_friends(guide, simulator=simulator), now=now)
    outreach.send_queued(now=now)
    with monkeypatch.context() as patch:
        patch.setattr(results, "RUN_FOR", timedelta())
        poll_results(now=now + timedelta(minutes=2))
    assert Dispatch.objects.get().polls == 0

    poll_results(now=now + timedelta(minutes=2))
    assert Dispatch.objects.get().polls == 1
