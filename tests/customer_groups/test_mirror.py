"""Groups follow what WeCom tells, in whatever order, late and twice."""

from datetime import timedelta
from itertools import permutations

import pytest

from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import CustomerGroup, GroupMembership
from apps.stores.models import Store
from apps.wecom.models import RawCallback
from apps.wecom.shapes.groups import GroupDetail, GroupPerson
from apps.wecom_sync.group_events import people_named
from apps.wecom_sync.services import handle_callbacks
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db


def stays(**fields):
    return GroupMembership.objects.filter(**fields).order_by("joined_at", "pk")


def test_a_new_group_is_read_with_owner_store_and_people(guide, chat, read):
    assert read(chat) == 1
    group = CustomerGroup.objects.get()
    assert (group.name, group.owner, group.people, group.customers) == ("新款内购群", guide, 2, 1)
    assert group.store == Store.objects.get()
    assert group.member_version == "v1"
    stay = stays(is_customer=True).get()
    assert stay.member is not None
    assert stay.join_scene == GroupMembership.JoinScene.INVITED


def test_an_event_names_who_came_and_who_was_removed(simulator, guide, chat, read, told, stranger):
    read(chat)
    ident = stranger()
    simulator.post("/sim/groups/join", chat_id=chat, external_userid=ident)
    told("update", chat, UpdateDetail="add_member", JoinScene="0", LastMemVer="v1",
         CurMemVer="v2", MemChangeList={"Item": ident})  # fmt: skip
    handle_callbacks(now=clock.now())
    assert CustomerGroup.objects.get().customers == 2
    simulator.post("/sim/groups/leave", chat_id=chat, external_userid=ident, removed=True)
    at = clock.now() + timedelta(seconds=1)
    told("update", chat, at=at, UpdateDetail="del_member", QuitScene="1", LastMemVer="v2",
         CurMemVer="v3", MemChangeList={"Item": [ident]})  # fmt: skip
    handle_callbacks(now=clock.now())
    stay = stays(wecom_id=ident).get()
    assert (stay.left_at, stay.quit_scene) == (at, GroupMembership.QuitScene.REMOVED)
    assert CustomerGroup.objects.get().customers == 1


def test_an_answer_older_than_the_event_is_asked_for_again(guide, chat, read, told):
    read(chat)
    row = told("update", chat, UpdateDetail="add_member", LastMemVer="v1", CurMemVer="v2",
               MemChangeList="wmSoon")  # fmt: skip
    assert handle_callbacks(now=clock.now()) == 0
    row.refresh_from_db()
    assert row.status == RawCallback.Status.RECEIVED
    assert "NotThereYet" in row.last_error or "group_not_there_yet" in row.last_error


def detail(*idents, chat="wrX", owner="", version="v1", joined=None):
    return GroupDetail(
        chat_id=chat,
        name="群",
        owner=owner,
        created_at=clock.now() - timedelta(days=9),
        people=tuple(
            GroupPerson(
                ident=ident,
                is_customer=True,
                joined_at=(joined or {}).get(ident, clock.now() - timedelta(days=5)),
                scene=1,
                invitor="",
                state="",
            )
            for ident in idents
        ),
        version=version,
    )


def test_a_short_stay_is_the_same_whatever_comes_first(guide):
    """Came and went between two looks; each event is told twice, in every order."""
    begun = (clock.now() - timedelta(hours=3)).replace(microsecond=0)
    gone = begun + timedelta(hours=1)
    corp, owner = guide.corp_id, guide.wecom_userid
    services.mirror_group(
        corp_id=corp, detail=detail(owner=owner), read_at=begun - timedelta(days=1)
    )
    orders = list(permutations([True, False, True, False]))
    for place, order in enumerate(orders):
        for joined in order:
            services.note_people(
                corp_id=corp, chat_id="wrX", joined=joined, idents=[f"wmBrief{place}"],
                at=begun if joined else gone, scene=0 if joined else 1,
            )  # fmt: skip
    services.mirror_group(
        corp_id=corp, detail=detail(owner=owner, version="v3"), read_at=clock.now()
    )
    assert len(orders) == stays().count() == 24
    assert set(stays().values_list("joined_at", "left_at", "quit_scene")) == {(begun, gone, 1)}


def test_an_old_answer_changes_nothing_and_a_told_end_is_not_undone(guide):
    corp, owner = guide.corp_id, guide.wecom_userid
    since = (clock.now() - timedelta(days=5)).replace(microsecond=0)
    both = detail("wmA", "wmB", owner=owner, joined={"wmA": since, "wmB": since})
    services.mirror_group(corp_id=corp, detail=both, read_at=clock.now() - timedelta(minutes=9))
    left = clock.now() - timedelta(minutes=5)
    services.note_people(
        corp_id=corp, chat_id="wrX", joined=False, idents=["wmB"], at=left, scene=0
    )
    services.mirror_group(corp_id=corp, detail=both, read_at=left + timedelta(seconds=1))
    assert stays(wecom_id="wmB").get().left_at == left
    only_a = detail("wmA", owner=owner, joined={"wmA": since})
    services.mirror_group(corp_id=corp, detail=only_a, read_at=clock.now())
    services.mirror_group(corp_id=corp, detail=both, read_at=left)
    assert stays(left_at=None).count() == 1


def test_who_comes_back_has_a_second_stay(guide):
    corp, owner = guide.corp_id, guide.wecom_userid
    first, second = clock.now() - timedelta(days=5), clock.now() - timedelta(days=1)
    look = detail("wmA", owner=owner, joined={"wmA": first})
    services.mirror_group(corp_id=corp, detail=look, read_at=clock.now() - timedelta(days=2))
    again = detail("wmA", owner=owner, joined={"wmA": second})
    change = services.mirror_group(corp_id=corp, detail=again, read_at=clock.now())
    assert (change.joined, change.left) == (1, 1)
    assert [stay.left_at is None for stay in stays(wecom_id="wmA")] == [False, True]


def test_a_renamed_group_and_a_new_owner_follow(simulator, guide, chat, read, told):
    colleague = make.make_posted_guide(simulator=simulator)
    read(chat)
    simulator.post("/sim/groups/join", chat_id=chat, userid=colleague.wecom_userid)
    simulator.post("/sim/groups/edit", chat_id=chat, name="会员群", owner=colleague.wecom_userid)
    told("update", chat, UpdateDetail="change_owner")
    handle_callbacks(now=clock.now())
    group = CustomerGroup.objects.get()
    assert (group.name, group.owner) == ("会员群", colleague)


def test_a_dissolved_group_ends_every_stay(simulator, chat, read, told):
    read(chat)
    simulator.post("/sim/groups/dismiss", chat_id=chat)
    at = clock.now()
    told("dismiss", chat, at=at)
    told("update", chat, UpdateDetail="change_name")
    handle_callbacks(now=clock.now())
    group = CustomerGroup.objects.get()
    assert (group.dismissed_at, group.people) == (at, 0)
    assert not stays(left_at=None).exists()


def test_a_group_of_a_store_that_is_not_live_waits(chat, told):
    Store.objects.update(live_since=None)
    row = told("create", chat)
    handle_callbacks(now=clock.now())
    row.refresh_from_db()
    assert row.status == RawCallback.Status.IGNORED
    assert not CustomerGroup.objects.exists()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"MemChangeList": {"Item": "wmA"}}, ["wmA"]),
        ({"MemChangeList": {"Item": ["wmA", "wmB", "wmA"]}}, ["wmA", "wmB"]),
        ({"MemChangeList": "wmA,wmB"}, ["wmA", "wmB"]),
        ({"MemChangeList": ""}, []),
        ({}, []),
    ],
)
def test_people_are_read_from_every_known_form(fields, named):
    assert people_named(fields) == named
