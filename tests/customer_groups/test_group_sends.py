"""群群发: one send for each owner, confirmed on the phone; WeCom's word finishes the work."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.errors import NotUnknown
from apps.customer_groups.models import GroupSend
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.errors import NoGroupsThere, PushNotReady
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.outreach.models import GuideNotice
from apps.outreach.services import media
from apps.stores.models import DayOff, Posting
from apps.wecom.services.rounds import Round
from apps.wecom_sync.services import poll_group_sends
from tests.factories.facts import make_guide
from tests.factories.items import make_item_push
from tests.factories.outreach import CORP, seed
from tests.factories.wecom import pauses_are_over

pytestmark = pytest.mark.django_db

CALL = "externalcontact/add_msg_template"
TASKS = "externalcontact/get_groupmsg_task"
CANCEL = "externalcontact/cancel_groupmsg_send"
TEXT = "周末新款到店，群里的朋友先试。"


def later(**span):
    return clock.now() + timedelta(**span)


@pytest.fixture
def colleague(guide, simulator):
    other = make_guide(Posting.objects.get(guide=guide).store, corp=CORP)
    seed(simulator, other)
    return other


@pytest.fixture
def bystander(guide):
    """A guide of the store who owns no group."""
    return make_guide(Posting.objects.get(guide=guide).store, corp=CORP)


@pytest.fixture
def owners(guide, colleague, bystander, open_group):
    """Two owners: two groups and one."""
    for owner in (guide, guide, colleague):
        open_group(owner)
    return guide, colleague


def make_push(**fields):
    return make_item_push(clock.now(), **{"kind": TaskPush.Kind.GROUP_SEND, "body": TEXT, **fields})


def made(simulator, path=CALL):
    return simulator.calls(path)


def send_of(owner):
    return GroupSend.objects.get(guide=owner)


def confirm(simulator, owner):
    return simulator.post(
        "/sim/sends/confirm", userid=owner.wecom_userid, msgid=send_of(owner).msgid
    )


def poll(**span):
    now = later(**span)
    GroupSend.objects.filter(state="handed_over").update(not_before=now)
    return poll_group_sends(now=now)


def state_of(owner):
    return TaskItem.objects.get(guide=owner).state


def test_each_owner_gets_one_item_one_card_and_one_send_of_the_own_groups(owners, simulator):
    push = make_push()

    assert set(TaskItem.objects.values_list("guide", "quota")) == {
        (owners[0].pk, 2),
        (owners[1].pk, 1),
    }
    told = GuideNotice.objects.filter(source__startswith=push.source)
    assert set(told.values_list("guide", flat=True)) == {owner.pk for owner in owners}
    assert services.hand_over_sends(now=later(seconds=1)) == 2
    assert services.hand_over_sends(now=later(seconds=2)) == 0
    bodies = [call["body"] for call in made(simulator)]
    assert {(body["chat_type"], body["sender"]) for body in bodies} == {
        ("group", owner.wecom_userid) for owner in owners
    }
    assert sorted(len(body["chat_id_list"]) for body in bodies) == [1, 2]


def test_wecoms_word_finishes_the_item_of_who_confirmed_and_nobody_elses(owners, simulator):
    guide, colleague = owners
    make_push()
    services.hand_over_sends(now=later(seconds=1))
    assert poll(minutes=1) == 0
    assert state_of(guide) == State.OPEN

    confirm(simulator, guide)
    assert poll(minutes=5) == 1
    assert poll(minutes=15) == 0

    item = TaskItem.objects.get(guide=guide)
    assert (item.state, item.proof, item.counted) == (State.DONE, "wecom", 2)
    assert state_of(colleague) == State.OPEN
    assert send_of(guide).state == "closed"
    assert send_of(colleague).state == "handed_over"


def test_some_of_the_groups_are_work_in_progress(guide, open_group, simulator):
    first, _second = open_group(guide), open_group(guide)
    make_push()
    services.hand_over_sends(now=later(seconds=1))
    token, (send,) = next(services.claim_send_polls(run=Round(later(minutes=2))))
    services.note_send_asked(
        send=send,
        token=token,
        sent_chat_ids=[first.chat_id],
        confirmed_at=later(minutes=1),
        now=later(minutes=2),
    )
    guide_tasks.record_group_sent(source=send.source, guide_id=guide.pk, now=later(minutes=2))

    item = TaskItem.objects.get()
    assert (item.state, item.counted, item.quota) == (State.IN_PROGRESS, 1, 2)
    assert send_of(guide).state == "handed_over"


def test_a_group_dissolved_meanwhile_is_waited_for_no_longer(guide, open_group, simulator):
    open_group(guide)
    gone = open_group(guide)
    make_push()
    services.hand_over_sends(now=later(seconds=1))
    simulator.post("/sim/groups/dismiss", chat_id=gone.chat_id)
    services.dissolve(corp_id=gone.corp_id, chat_id=gone.chat_id, at=clock.now())

    confirm(simulator, guide)
    assert poll(minutes=5) == 1
    item = TaskItem.objects.get()
    assert (item.state, item.counted, item.quota) == (State.DONE, 1, 1)


def test_an_owner_on_a_day_off_is_asked_too_for_nobody_else_can(guide, open_group):
    open_group(guide)
    DayOff.objects.create(guide=guide, day=clock.today())

    make_push()
    assert state_of(guide) == State.OPEN


def test_a_lost_answer_is_unknown_and_not_repeated_but_found_in_wecoms_list(owners, simulator):
    simulator.post("/sim/faults", path=CALL, drop_connection=True, after_effect=True, times=1)
    make_push()
    services.hand_over_sends(now=later(seconds=1))
    lost = GroupSend.objects.get(state="unknown")
    assert lost.unknown_since is not None
    assert len(made(simulator)) == 2

    services.hand_over_sends(now=later(minutes=6))
    lost.refresh_from_db()
    assert lost.state == "handed_over"
    assert len(made(simulator)) == 2
    confirm(simulator, lost.guide)
    assert poll(minutes=7) == 1


def test_a_worker_that_died_in_the_call_leaves_an_unknown_that_a_person_settles(
    guide, open_group, simulator
):
    open_group(guide)
    make_push()
    GroupSend.objects.update(call_started_at=clock.now())
    for minutes in (0, 1, 10, 50, 200):
        services.hand_over_sends(now=later(minutes=minutes))
    send = send_of(guide)
    assert send.state == "unknown"
    assert made(simulator) == []

    services.decide_group_send(send=send, happened=False, actor=SYSTEM, now=later(minutes=201))
    assert services.hand_over_sends(now=later(minutes=202)) == 1
    assert len(made(simulator)) == 1
    with pytest.raises(NotUnknown):
        services.decide_group_send(
            send=send_of(guide), happened=True, actor=SYSTEM, now=later(minutes=203)
        )


def test_a_person_who_says_it_is_not_there_is_corrected_by_wecoms_list(
    guide, open_group, simulator
):
    open_group(guide)
    make_push()
    services.hand_over_sends(now=later(seconds=1))
    msgid = send_of(guide).msgid
    GroupSend.objects.update(state="unknown", msgid="")

    decided = services.decide_group_send(
        send=send_of(guide), happened=False, actor=SYSTEM, now=later(minutes=2)
    )
    assert (decided.state, decided.msgid) == ("handed_over", msgid)
    assert len(made(simulator)) == 1


def test_taken_back_it_is_cancelled_in_wecom_and_leaves_the_work(owners, simulator):
    guide, colleague = owners
    push = make_push()
    services.hand_over_sends(now=later(seconds=1))
    confirm(simulator, guide)
    poll(minutes=1)

    for _time in range(2):
        guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=later(minutes=2))
        poll_group_sends(now=later(minutes=3))

    assert len(made(simulator, CANCEL)) == 1
    assert send_of(colleague).state == "cancelled"
    assert (state_of(guide), state_of(colleague)) == (State.DONE, State.NOT_APPLICABLE)


@pytest.mark.parametrize("answers", [True, False])
def test_taken_back_while_it_is_asked_about_it_is_cancelled_at_once(
    guide, open_group, simulator, answers
):
    open_group(guide)
    push = make_push()
    services.hand_over_sends(now=later(seconds=1))
    asked = later(minutes=2)
    token, (send,) = next(services.claim_send_polls(run=Round(asked)))
    guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=asked)
    if answers:
        services.note_send_asked(
            send=send, token=token, sent_chat_ids=[], confirmed_at=None, now=asked
        )
    else:
        services.give_back_send(send=send, token=token, now=asked)

    poll_group_sends(now=asked)
    assert send_of(guide).state == "cancelled"
    assert len(made(simulator, CANCEL)) == 1


def test_what_was_out_before_it_was_taken_back_counts(owners, simulator):
    guide, colleague = owners
    push = make_push()
    services.hand_over_sends(now=later(seconds=1))
    confirm(simulator, guide)
    guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=later(minutes=2))
    assert state_of(guide) == State.NOT_APPLICABLE

    assert poll_group_sends(now=later(minutes=3)) == 1
    send = send_of(guide)
    assert (send.state, len(send.sent_chat_ids)) == ("cancelled", 2)
    assert send.confirmed_at is not None
    item = TaskItem.objects.get(guide=guide)
    assert (item.state, item.proof, item.counted) == (State.DONE, "wecom", 2)
    assert send_of(colleague).sent_chat_ids == []
    assert state_of(colleague) == State.NOT_APPLICABLE


def test_stopped_but_not_told_about_it_is_asked_again(guide, open_group, simulator):
    open_group(guide)
    push = make_push()
    services.hand_over_sends(now=later(seconds=1))
    confirm(simulator, guide)
    guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=later(minutes=2))
    simulator.post("/sim/faults", path=TASKS, errcode=-1, times=9)
    poll_group_sends(now=later(minutes=3))
    assert send_of(guide).state == "handed_over"

    simulator.post("/sim/faults/clear")
    pauses_are_over()
    assert poll_group_sends(now=later(minutes=30)) == 1
    assert (send_of(guide).state, state_of(guide)) == ("cancelled", State.DONE)


def test_taken_back_between_claim_and_call_nothing_is_made(
    guide, open_group, monkeypatch, simulator
):
    open_group(guide)
    push = make_push()
    attached = media.attached

    def withdrawn_meanwhile(**asked):
        guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=later(seconds=1))
        return attached(**asked)

    monkeypatch.setattr(media, "attached", withdrawn_meanwhile)
    services.hand_over_sends(now=later(seconds=1))
    assert made(simulator) == []
    assert send_of(guide).state == "cancelled"


def test_taken_back_before_wecom_knew_nothing_is_made(guide, open_group, simulator):
    open_group(guide)
    push = make_push()
    guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=clock.now())

    assert services.hand_over_sends(now=later(minutes=1)) == 0
    assert made(simulator) == []
    assert send_of(guide).state == "cancelled"


def test_taken_back_while_its_answer_is_lost_it_is_found_and_cancelled(
    guide, open_group, simulator
):
    open_group(guide)
    simulator.post("/sim/faults", path=CALL, drop_connection=True, after_effect=True, times=1)
    push = make_push()
    services.hand_over_sends(now=later(seconds=1))
    guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=later(seconds=2))

    services.hand_over_sends(now=later(minutes=6))
    poll_group_sends(now=later(minutes=7))
    assert send_of(guide).state == "cancelled"
    assert len(made(simulator, CANCEL)) == 1


def test_queued_again_a_source_has_each_owners_send_once(guide, open_group, simulator):
    open_group(guide)
    push = make_push()
    services.queue_group_sends(
        source=push.source,
        guide_ids=[guide.pk],
        text="anders",
        not_before=clock.now(),
        closes_at=later(days=1),
    )

    assert send_of(guide).text == TEXT


def test_more_groups_than_one_call_takes_are_parts(guide, monkeypatch, open_group, simulator):
    monkeypatch.setattr("apps.customer_groups.services.sends.GROUP_SEND_MAX", 2)
    for _one in range(3):
        open_group(guide)
    make_push()

    assert services.hand_over_sends(now=later(seconds=1)) == 2
    sizes = [len(call["body"]["chat_id_list"]) for call in made(simulator)]
    assert sorted(sizes) == [1, 2]
    for send in GroupSend.objects.all():
        simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=send.msgid)
    assert poll(minutes=1) == 1
    assert state_of(guide) == State.DONE


def test_one_run_makes_and_asks_about_more_than_one_batch(owners, monkeypatch, simulator):
    monkeypatch.setattr("apps.customer_groups.services.sends.BATCH", 1)
    make_push()
    assert services.hand_over_sends(now=later(seconds=1)) == 2
    for owner in owners:
        confirm(simulator, owner)
    assert poll(minutes=5) == 2


def test_a_corp_that_wants_no_call_is_not_called_for_every_owner(owners, monkeypatch, simulator):
    monkeypatch.setattr("apps.customer_groups.services.sends.BATCH", 1)
    make_push()
    simulator.post("/sim/faults", path=CALL, errcode=45009)
    assert services.hand_over_sends(now=later(seconds=1)) == 0
    assert GroupSend.objects.filter(state="queued", attempts=0, call_started_at=None).count() == 2
    assert len(made(simulator)) <= 1


def test_where_nobody_owns_a_group_or_nothing_is_said_there_is_no_push(bystander):
    with pytest.raises(NoGroupsThere):
        make_push()
    with pytest.raises(PushNotReady):
        make_push(body=" ")


def test_refused_for_good_it_says_why(guide, open_group, simulator):
    open_group(guide)
    make_push()
    simulator.post("/sim/faults", path=CALL, errcode=41048, times=1)
    services.hand_over_sends(now=later(seconds=1))

    send = send_of(guide)
    assert send.state == "failed"
    assert send.reason
