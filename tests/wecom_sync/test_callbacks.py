"""What WeCom tells becomes friendships, in whatever order it arrives."""

import itertools
from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members import services as members
from apps.members.models import FollowRelation, Member, ServingPeriod
from apps.timeline.models import MemberEvent
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks
from tests.conftest import wait_for
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db

ADD, BY_GUIDE, BY_CUSTOMER = "add_external_contact", "del_external_contact", "del_follow_user"
Status = RawCallback.Status


def friend(simulator, guide, external="wmNew1", since=None, name="小雨", **fields):
    since = since or clock.now() - timedelta(seconds=30)
    simulator.post(
        "/sim/seed",
        customers=[
            {
                "external_userid": external,
                "name": name,
                **fields,
                "follows": [
                    {
                        "userid": guide.wecom_userid,
                        "createtime": int(since.timestamp()),
                        "state": "s1",
                    }
                ],
            }
        ],
    )
    return since.replace(microsecond=0)


def forget(simulator, guide, external="wmNew1", by="guide"):
    simulator.post(
        "/sim/follows/delete", by=by, userid=guide.wecom_userid, external_userid=external
    )


def relations(external="wmNew1"):
    rows = FollowRelation.objects.filter(external_userid=external).order_by("since")
    return [(row.since, row.until, row.ended_by) for row in rows]


def statuses():
    return list(RawCallback.objects.order_by("pk").values_list("status", flat=True))


def test_a_new_friend_becomes_a_contact_served_by_the_guide(guide, simulator, told):
    since = friend(simulator, guide, gender=2)
    told(ADD, guide, "wmNew1", since, State="s1")

    assert handle_callbacks(now=clock.now()) == 1

    relation = FollowRelation.objects.get()
    member = Member.objects.get()
    assert (relation.member_id, relation.since, relation.state) == (member.pk, since, "s1")
    assert (member.name, member.gender, member.joined_at) == ("小雨", "f", None)
    assert ServingPeriod.objects.get(member=member, until=None).guide_id == guide.pk
    assert statuses() == [Status.DONE]


def test_a_friend_known_by_unionid_is_the_member_and_keeps_the_name(guide, simulator, told):
    (known,) = members.resolve_members(
        rows=[members.MemberRow(identities=[("unionid", "", "oUnion1")], name="林晓雯")],
        now=clock.now(),
        source="test",
        actor=SYSTEM,
    )
    since = friend(simulator, guide, unionid="oUnion1")
    told(ADD, guide, "wmNew1", since)

    handle_callbacks(now=clock.now())

    assert FollowRelation.objects.get().member_id == known.member_id
    assert Member.objects.get().name == "林晓雯"


def test_two_members_meeting_in_one_contact_are_not_merged(guide, simulator, told):
    by_union, by_external = members.resolve_members(
        rows=[
            members.MemberRow(identities=[("unionid", "", "oUnion1")], name="甲"),
            members.MemberRow(identities=[("external_userid", guide.corp_id, "wmNew1")], name="乙"),
        ],
        now=clock.now(),
        source="test",
        actor=SYSTEM,
    )
    since = friend(simulator, guide, unionid="oUnion1")
    told(ADD, guide, "wmNew1", since)

    handle_callbacks(now=clock.now())

    assert FollowRelation.objects.get().member_id == by_external.member_id
    assert Member.objects.count() == 2


def test_the_same_event_told_twice_changes_nothing(guide, simulator, told):
    since = friend(simulator, guide)
    told(ADD, guide, "wmNew1", since)
    told(ADD, guide, "wmNew1", since, WelcomeCode="other")

    handle_callbacks(now=clock.now())

    assert len(relations()) == 1
    assert MemberEvent.objects.filter(kind="friend.added").count() == 1
    assert statuses() == [Status.DONE] * 2


@pytest.mark.parametrize(
    ("change", "fields", "ended_by"),
    [
        (BY_CUSTOMER, {}, "customer"),
        (BY_GUIDE, {}, "guide"),
        (BY_GUIDE, {"Source": "DELETE_BY_TRANSFER"}, "transfer"),
    ],
)
def test_who_ended_it_is_kept_apart(guide, simulator, told, change, fields, ended_by):
    since = friend(simulator, guide)
    end = since + timedelta(seconds=10)
    told(ADD, guide, "wmNew1", since)
    told(change, guide, "wmNew1", end, **fields)

    handle_callbacks(now=clock.now())

    assert relations() == [(since, end, ended_by)]


@pytest.mark.parametrize("change", [BY_CUSTOMER, BY_GUIDE])
def test_an_end_told_before_its_beginning_is_not_forgotten(guide, simulator, told, change):
    since = friend(simulator, guide)
    end = since + timedelta(seconds=10)
    forget(simulator, guide, by="customer" if change == BY_CUSTOMER else "guide")
    told(change, guide, "wmNew1", end)
    handle_callbacks(now=clock.now())
    told(ADD, guide, "wmNew1", since)

    handle_callbacks(now=clock.now())

    assert relations() == [(since, end, "customer" if change == BY_CUSTOMER else "guide")]


def test_away_and_back_again_in_every_order_ends_the_same(guide, simulator, told):
    first = clock.now().replace(microsecond=0) - timedelta(seconds=60)
    end, back = first + timedelta(seconds=10), first + timedelta(seconds=20)
    orders = list(itertools.permutations([(ADD, first), (BY_CUSTOMER, end), (ADD, back)]))
    for number, order in enumerate(orders):
        external = f"wmOrder{number}"
        # WeCom keeps the day of the first friendship in half of the cases
        friend(simulator, guide, external, since=first if number % 2 else back)
        for change, at in order:
            told(change, guide, external, at)
            handle_callbacks(now=clock.now())

        standing = [row for row in relations(external) if row[1] is None]
        assert len(standing) == 1, order
        assert all(until <= back for _since, until, _by in relations(external) if until), order
    assert set(statuses()) == {Status.DONE}


def test_a_friend_not_listed_yet_is_looked_for_again(guide, simulator, told):
    at = clock.now() - timedelta(seconds=5)
    row = told(ADD, guide, "wmNew1", at)

    assert handle_callbacks(now=clock.now()) == 0
    row.refresh_from_db()
    assert row.status == Status.RECEIVED
    friend(simulator, guide, since=at)
    assert handle_callbacks(now=clock.now() + timedelta(minutes=1)) == 1

    assert len(relations()) == 1


def test_unknown_events_and_unknown_guides_are_ignored_with_a_reason(guide, told):
    told("something_new", guide, "wmNew1", clock.now())
    stranger = type("Stranger", (), {"wecom_userid": "nobody"})
    told(BY_GUIDE, stranger, "wmNew1", clock.now())
    told("transfer_fail", guide, "wmNew1", clock.now(), FailReason="customer_refused")

    handle_callbacks(now=clock.now())

    rows = RawCallback.objects.order_by("pk")
    assert [row.status for row in rows] == [Status.IGNORED] * 3
    assert all(row.last_error for row in rows)


def test_a_bad_event_does_not_stop_the_good_one_behind_it(guide, simulator, told):
    since = friend(simulator, guide)
    simulator.post("/sim/faults", path="externalcontact/get", errcode=40096, times=1)
    told(ADD, guide, "wmBad", since)
    told(ADD, guide, "wmNew1", since)

    assert handle_callbacks(now=clock.now()) == 1

    assert statuses() == [Status.RECEIVED, Status.DONE]


def test_an_edit_mends_a_friendship_we_missed(guide, simulator, told):
    since = friend(simulator, guide)
    told("edit_external_contact", guide, "wmNew1", clock.now())

    handle_callbacks(now=clock.now())

    assert relations() == [(since, None, "")]


@pytest.mark.django_db(transaction=True)
def test_from_the_simulated_phone_to_the_friendship(live_server, settings, guide, simulator):
    config = {
        "url": f"{live_server.url}/wecom/callback/contacts/",
        "token": make.WECOM["WECOM_TOKEN"],
        "aes_key": make.WECOM["WECOM_AES_KEY"],
    }
    # the server is cold, and WeCom gives it one second
    simulator.post("/sim/callback-config", **config, check=False)

    added = simulator.post("/sim/customers/add-guide", userid=guide.wecom_userid, name="小雨")
    simulator.post("/sim/callbacks/flush")
    wait_for(RawCallback.objects.exists)
    handle_callbacks(now=clock.now())

    assert FollowRelation.objects.get().external_userid == added["external_userid"]
