"""How much a group may get: counted before anybody confirms, and learnt from what WeCom lets by."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import CustomerGroup, GroupSend, OwnerSend
from apps.customer_groups.selectors import OWN_SENDS_SHOWN, full_groups, own_sends_of, send_room
from apps.guide_tasks import selectors
from apps.guide_tasks.errors import NoGroupsThere
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.guide_tasks.services.items.acts import expire_items
from apps.outreach.services import due_own_sends
from apps.stores.models import Posting
from apps.wecom.services.rounds import Round
from apps.wecom_sync.services import poll_group_sends, read_owner_sends
from tests.factories.facts import make_guide, make_store
from tests.factories.groups import make_group
from tests.factories.items import make_item_push
from tests.factories.outreach import CORP, make_friends

pytestmark = pytest.mark.django_db

RESULT = "externalcontact/get_groupmsg_send_result"
TASK = "externalcontact/get_groupmsg_task"


def later(**span):
    return clock.now() + timedelta(**span)


@pytest.fixture
def two_groups(guide, simulator, read):
    """Two groups on the guide's phone."""
    found = []
    for number in range(2):
        (friend,) = make_friends(guide, simulator=simulator)
        made = simulator.post(
            "/sim/groups/create", userid=guide.wecom_userid, name=f"群{number}",
            external_userids=[friend[1]],
        )  # fmt: skip
        read(made["chat_id"])
        found.append(made["chat_id"])
    return found


def push_now():
    return make_item_push(clock.now(), kind=TaskPush.Kind.GROUP_SEND, body="周末新款到店")


def confirm(simulator, guide):
    send = GroupSend.objects.latest("pk")
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=send.msgid)


def poll(**span):
    GroupSend.objects.filter(state="handed_over").update(not_before=later(**span))
    return poll_group_sends(now=later(**span))


def test_results_are_asked_for_only_after_the_owners_tap(two_groups, guide, simulator):
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    poll(minutes=1)
    assert simulator.calls(RESULT) == []

    confirm(simulator, guide)
    assert poll(minutes=5) == 1
    assert len(simulator.calls(RESULT)) == 1
    assert GroupSend.objects.get().confirmed_at is not None


def test_a_group_that_wecom_passed_over_is_no_debt_of_its_owner(two_groups, guide, simulator):
    simulator.post("/sim/switches", day_cap=1)
    other = (
        Round(clock.now())
        .client(CORP)
        .create_group_send(  # none of ours
            sender=guide.wecom_userid, chat_ids=two_groups[:1], text="群主自己的"
        )
    )
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=other.msgid)
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    first = GroupSend.objects.get()
    confirm(simulator, guide)
    assert poll(minutes=5) == 0
    assert TaskItem.objects.get().state == State.IN_PROGRESS

    assert poll(minutes=90) == 1
    first.refresh_from_db()
    assert (first.state, first.over_limit_chat_ids) == ("closed", [two_groups[0]])
    item = TaskItem.objects.get()
    assert (item.state, item.counted, item.quota) == (State.DONE, 1, 1)


def test_an_owner_whose_groups_are_all_full_has_nothing_left_to_do(two_groups, guide, simulator):
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    simulator.post("/sim/switches", month_cap=0)
    confirm(simulator, guide)
    poll(minutes=90)

    item = TaskItem.objects.get()
    assert (item.state, item.excuse_reason) == (State.NOT_APPLICABLE, "full")
    assert len(full_groups(now=later(minutes=91))) == 2


def test_what_is_confirmed_does_not_expire_before_wecom_has_said_which_groups_were_full(
    two_groups, guide, simulator
):
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    simulator.post("/sim/switches", month_cap=0)
    confirm(simulator, guide)
    poll(minutes=5)

    over = GroupSend.objects.get().closes_at
    assert expire_items(now=over + timedelta(hours=1)) == 0
    poll(minutes=90)
    item = TaskItem.objects.get()
    assert (item.state, item.excuse_reason) == (State.NOT_APPLICABLE, "full")


def test_what_wecom_never_tells_the_end_of_expires_all_the_same(two_groups, guide, simulator):
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    simulator.post("/sim/switches", month_cap=0)
    confirm(simulator, guide)
    poll(minutes=5)
    sends = GroupSend.objects.filter(state="handed_over").exclude(confirmed_at=None)
    over = sends.get().closes_at

    assert expire_items(now=over + timedelta(days=1, minutes=1)) == 1


def test_a_tap_shortly_before_the_end_is_given_its_hour(two_groups, guide, simulator):
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    simulator.post("/sim/switches", month_cap=0)
    confirm(simulator, guide)
    GroupSend.objects.update(closes_at=later(minutes=30))

    poll(minutes=31)
    send = GroupSend.objects.get()
    assert (send.state, send.over_limit_chat_ids) == ("handed_over", [])
    assert later(minutes=55) < send.not_before < later(minutes=65)
    poll(minutes=62)
    send.refresh_from_db()
    assert (send.state, len(send.over_limit_chat_ids)) == ("closed", 2)
    assert TaskItem.objects.get().excuse_reason == "full"


def test_a_group_that_is_anothers_by_now_is_neither_full_nor_waited_for(
    two_groups, guide, simulator
):
    simulator.post("/sim/switches", month_cap=0)
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    confirm(simulator, guide)
    mine, handed_on = CustomerGroup.objects.order_by("pk")
    store = Posting.objects.get(guide=guide).store
    handed_on.owner = make_guide(store, corp=CORP)
    handed_on.save()
    poll(minutes=90)

    send = GroupSend.objects.get()
    assert (send.state, send.over_limit_chat_ids) == ("closed", [mine.chat_id])
    assert full_groups(now=later(minutes=91)) == [mine.pk]


def test_an_owner_whose_groups_are_all_anothers_by_now_has_nothing_left_to_do(
    two_groups, guide, simulator
):
    push_now()
    services.hand_over_sends(now=later(seconds=1))
    CustomerGroup.objects.update(standing=1)
    poll(minutes=5)

    item = TaskItem.objects.get()
    assert (item.state, item.excuse_reason) == (State.NOT_APPLICABLE, "other")
    assert full_groups(now=later(minutes=6)) == []


@pytest.fixture
def store(corp):
    return make_store()


@pytest.fixture
def owner(store):
    return make_guide(store, corp=CORP)


def sent_to(group, at, **fields):
    known = {
        "source": f"task_push:{GroupSend.objects.count() + 900}",
        "chat_ids": [group.chat_id],
        "state": "closed",
        "sent_chat_ids": [group.chat_id],
        "confirmed_at": at,
        "closes_at": at + timedelta(days=1),
    }
    return GroupSend.objects.create(
        guide=group.owner, corp_id=CORP, text="新款", not_before=at,
        **{**known, **fields},
    )  # fmt: skip


def test_a_full_group_is_left_out_and_named_before(owner, store, settings):
    settings.WECOM_CAP_RULE = "day"
    now = clock.now()
    full, free = (make_group(owner, store, now) for _one in range(2))
    make_group(owner, store, now, standing=1)
    sent_to(full, now)

    assert full_groups(now=now) == [full.pk]
    ahead = selectors.group_send_ahead(region_ids=[], store_ids=[store.pk], at=now)
    assert (ahead.owners, ahead.groups, ahead.full, ahead.ownerless) == (1, 1, 1, 1)
    push = push_now()
    assert GroupSend.objects.get(source=push.source).chat_ids == [free.chat_id]
    assert TaskItem.objects.get(push=push).quota == 1
    assert full.pk not in full_groups(now=now + timedelta(days=2))


def test_what_is_on_its_way_takes_a_place_and_what_was_taken_back_none(owner, store, settings):
    settings.WECOM_CAP_RULE = "day"
    now = clock.now()
    group = make_group(owner, store, now)
    waiting = sent_to(group, now, state="handed_over", sent_chat_ids=[], confirmed_at=None)
    assert full_groups(now=now) == [group.pk]

    with pytest.raises(NoGroupsThere):
        push_now()
    waiting.state, waiting.withdrawn_at = "cancelled", now
    waiting.save()
    assert full_groups(now=now) == []


def test_by_the_month_a_group_may_get_as_many_as_the_month_has_days(owner, store, settings):
    settings.WECOM_MONTHLY_CAP = 2
    now = clock.now()
    group = make_group(owner, store, now)
    sent_to(group, now)
    assert full_groups(now=now) == []
    sent_to(group, now)
    assert full_groups(now=now) == [group.pk]


def test_a_groups_room_counts_what_it_had_and_what_is_on_its_way(owner, store, settings):
    settings.WECOM_MONTHLY_CAP = 4
    now = clock.now()
    group, other = (make_group(owner, store, now) for _one in range(2))
    sent_to(other, now)
    assert send_room(group, now=now).left == 4
    sent_to(group, now)
    sent_to(group, now, state="queued", sent_chat_ids=[], confirmed_at=None)
    assert (send_room(group, now=now).used, send_room(group, now=now).left) == (2, 2)

    sent_to(group, now, sent_chat_ids=[], over_limit_chat_ids=[group.chat_id])
    room = send_room(group, now=now)
    assert (room.used, room.left, room.told) == (2, 0, True)
    assert full_groups(now=now) == [group.pk]


def test_a_group_that_wecom_left_out_holds_no_place(owner, store, settings):
    settings.WECOM_CAP_RULE = "day"
    now = clock.now()
    group, other = (make_group(owner, store, now) for _one in range(2))
    sent_to(
        group, now, state="handed_over", sent_chat_ids=[], confirmed_at=None,
        chat_ids=[group.chat_id, other.chat_id], left_out=[group.chat_id],
    )  # fmt: skip

    assert full_groups(now=now) == [other.pk]
    assert (send_room(group, now=now).used, send_room(other, now=now).used) == (0, 1)


def test_counting_ahead_asks_as_much_for_many_groups_as_for_few(owner, store):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            selectors.group_send_ahead(region_ids=[], store_ids=[], at=clock.now())
        return len(asked)

    make_group(owner, store, clock.now())
    few = queries()
    for _one in range(8):
        place = make_store()
        sent_to(make_group(make_guide(place, corp=CORP), place, clock.now()), clock.now())
    assert queries() == few
    assert Posting.objects.count() >= 9
    assert CustomerGroup.objects.count() == 9


# --- what owners send by themselves --------------------------------------------------------------


def send_alone(simulator, guide, chats, *, confirmed=True):
    """From a page of the owner's phone into WeCom's own helper."""
    params = {"text": {"content": "今晚八点直播"}, "chatIds": chats}
    body = {"userid": guide.wecom_userid, "name": "shareToExternalChat", "params": params}
    simulator.post("/sim/jssdk/call", **body)
    listed = simulator.get(f"/sim/sends?userid={guide.wecom_userid}")["sends"]
    msgid = listed[-1]["msgid"]
    if confirmed:
        simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=msgid)
    return msgid


def test_what_an_owner_sent_alone_takes_a_place_and_proves_nothing(
    two_groups, guide, simulator, settings, admin_client
):
    settings.WECOM_CAP_RULE = "day"
    push_now()
    GroupSend.objects.update(state="closed")
    send_alone(simulator, guide, two_groups[:1])

    assert read_owner_sends(now=later(seconds=2)) == 1
    assert read_owner_sends(now=later(seconds=3)) == 0  # asked about again within the hour

    first, second = CustomerGroup.objects.order_by("pk")
    assert full_groups(now=later(seconds=4)) == [first.pk]
    room = send_room(first, now=later(seconds=4))
    assert (room.used, room.own, room.left) == (1, 1, 0)
    assert send_room(second, now=later(seconds=4)).own == 0
    assert TaskItem.objects.get().state == State.OPEN
    page = admin_client.get(reverse("hq:group", args=[first.pk])).content.decode()
    assert "群主自己的群发" in page
    assert "其中群主自己发 1 次" in page
    assert "今晚八点直播" not in page


def test_an_own_send_is_asked_about_until_it_is_confirmed(two_groups, guide, simulator):
    msgid = send_alone(simulator, guide, two_groups, confirmed=False)
    read_owner_sends(now=later(seconds=2))
    assert OwnerSend.objects.get().sent_at is None
    assert simulator.calls(RESULT) == []  # WeCom wants to be asked of who has confirmed

    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=msgid)
    assert read_owner_sends(now=later(minutes=61)) == 1
    kept = OwnerSend.objects.get()
    assert kept.sent_chat_ids == sorted(two_groups)
    assert later(hours=71) < kept.due_at < later(hours=73)  # nothing new is to come in a day
    read_owner_sends(now=later(hours=73))
    assert OwnerSend.objects.get().due_at is None


@pytest.mark.parametrize("path", [TASK, RESULT])
def test_a_refusal_is_not_the_last_word_on_an_own_send(two_groups, guide, simulator, path):
    send_alone(simulator, guide, two_groups)
    simulator.post("/sim/faults", path=path, errcode=41047, times=1)

    assert read_owner_sends(now=later(seconds=2)) == 0
    assert read_owner_sends(now=later(minutes=61)) == 1
    assert OwnerSend.objects.get().sent_chat_ids == sorted(two_groups)


def test_an_own_send_that_counts_for_no_group_yet_is_read_first(owner):
    now = clock.now()
    known, older, newer = (
        OwnerSend.objects.create(
            corp_id=CORP, msgid=msgid, guide=owner, made_at=now, due_at=now, sent_at=sent_at
        )
        for msgid, sent_at in (("known", now), ("older", None), ("newer", None))
    )

    def due(**fields):
        asked = {"now": now, "resting": [], "but": [], "limit": 9, **fields}
        return due_own_sends(OwnerSend, **asked)

    assert due() == [newer, older, known]
    assert due(but={newer.pk}, limit=1) == [older]
    assert due(resting=[CORP]) == []


def test_a_groups_page_shows_its_owners_sends_of_late(owner, store):
    now = clock.now()
    group, other = (make_group(owner, store, now) for _one in range(2))

    def sent(at, *groups):
        return OwnerSend.objects.create(
            corp_id=CORP, msgid=f"m{OwnerSend.objects.count()}", guide=owner, made_at=at,
            sent_at=at, sent_chat_ids=[one.chat_id for one in groups],
        )  # fmt: skip

    sent(now - OWN_SENDS_SHOWN - timedelta(minutes=1), group)
    first, last = sent(now - timedelta(days=2), group, other), sent(now, group)
    sent(now, other)

    assert own_sends_of(group, now=now) == [last, first]


def test_a_corp_that_wants_no_call_is_read_another_time(two_groups, guide, simulator):
    send_alone(simulator, guide, two_groups)
    simulator.post("/sim/faults", path=RESULT, errcode=45009, times=1)

    assert read_owner_sends(now=later(seconds=2)) == 0

    assert OwnerSend.objects.get().due_at < later(seconds=3)
