"""催办 of messages to groups: WeCom nudges who has not confirmed; once an occasion, three a day."""

import uuid
from datetime import time, timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import GroupSend, GroupSendReminder
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.errors import NobodyToRemind, NotAtWeCom
from apps.guide_tasks.models import TaskItem, TaskPush
from apps.stores.models import Posting
from tests.factories.items import make_item_push
from tests.factories.outreach import make_friends
from tests.factories.tasks import manager_actor
from tests.guide_portal.conftest import make_manager

pytestmark = pytest.mark.django_db

REMIND = "externalcontact/remind_groupmsg_send"
State = GroupSendReminder.State


def later(**span):
    return clock.now() + timedelta(**span)


@pytest.fixture
def waiting(guide, simulator, read):
    """A message to the guide's group that lies on the guide's phone."""
    (friend,) = make_friends(guide, simulator=simulator)
    made = simulator.post(
        "/sim/groups/create", userid=guide.wecom_userid, name="内购群", external_userids=[friend[1]]
    )
    read(made["chat_id"])
    push = make_item_push(clock.now(), kind=TaskPush.Kind.GROUP_SEND, body="周末新款到店")
    services.hand_over_sends(now=later(seconds=1))
    return push


def remind(push, wave=None):
    return guide_tasks.remind_owners(
        push=push, wave=wave or str(uuid.uuid4()), actor=SYSTEM, now=clock.now()
    )


def work():
    return services.send_group_reminders(now=later(seconds=5))


def test_a_tap_nudges_once_and_a_fourth_in_a_day_is_refused(waiting, simulator):
    assert remind(waiting, "a") == 1
    with pytest.raises(NobodyToRemind):
        remind(waiting, "a")
    assert [remind(waiting), remind(waiting)] == [1, 1]
    with pytest.raises(NobodyToRemind):
        remind(waiting)

    assert work() == 3
    assert work() == 0
    msgid = GroupSend.objects.get().msgid
    assert [call["body"]["msgid"] for call in simulator.calls(REMIND)] == [msgid] * 3


@pytest.mark.parametrize("state", ["queued", "unknown", "failed"])
def test_what_is_not_at_wecom_is_not_called_confirmed(waiting, state):
    GroupSend.objects.update(state=state)
    with pytest.raises(NotAtWeCom):
        remind(waiting)


def test_at_night_owners_are_left_in_peace_and_reminded_once_when_the_hours_begin(waiting, guide):
    waiting.hand_out_from, waiting.hand_out_until = time(7), time(23)
    waiting.save()
    night = clock.day_start(clock.today()) + timedelta(days=1, hours=2)
    guide_tasks.remind_owners(push=waiting, wave="a", actor=SYSTEM, now=night)
    store = Posting.objects.get(guide=guide).store
    lead = manager_actor(make_manager(store, clock.now()), store, clock.now())
    guide_tasks.chase_items(item_ids=[TaskItem.objects.get().pk], actor=lead, now=night)

    morning = night + timedelta(hours=5)
    assert list(GroupSendReminder.objects.values_list("not_before", flat=True)) == [morning]
    with pytest.raises(NobodyToRemind):
        guide_tasks.remind_owners(push=waiting, wave="b", actor=SYSTEM, now=night)


def test_who_has_confirmed_is_not_nudged(waiting, guide, simulator):
    remind(waiting)
    GroupSend.objects.update(confirmed_at=clock.now())
    assert work() == 0
    assert GroupSendReminder.objects.get().state == State.NOT_NEEDED
    with pytest.raises(NobodyToRemind):
        remind(waiting)
    assert simulator.calls(REMIND) == []


@pytest.mark.parametrize(("errcode", "state"), [(41094, State.REFUSED), (41093, State.NOT_NEEDED)])
def test_what_wecom_says_no_to_is_kept(waiting, simulator, errcode, state):
    remind(waiting)
    simulator.post("/sim/faults", path=REMIND, errcode=errcode)
    assert work() == 0
    assert GroupSendReminder.objects.get().state == state


def test_a_lost_answer_is_never_called_for_again(waiting, simulator):
    remind(waiting)
    GroupSendReminder.objects.update(call_started_at=clock.now())
    work()
    assert GroupSendReminder.objects.get().state == State.UNKNOWN
    assert simulator.calls(REMIND) == []


def test_a_managers_chase_reaches_wecom_as_well(waiting, guide, simulator):
    store = Posting.objects.get(guide=guide).store
    lead = manager_actor(make_manager(store, clock.now()), store, clock.now())
    item = TaskItem.objects.get()
    guide_tasks.chase_items(item_ids=[item.pk], actor=lead, now=clock.now())

    assert GroupSendReminder.objects.get().wave.startswith("chase:")
    assert work() == 1
