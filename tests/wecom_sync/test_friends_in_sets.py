"""Events of friends are read many at a time: a few questions for all, and none spoils another."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services.rules import ensure_default_rules
from apps.members.models import FollowRelation, Member, ServingPeriod
from apps.stores.models import Guide
from apps.timeline.models import MemberEvent
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks
from apps.wecom_sync.services.friends.looking import LOOKERS
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db

ADD, EDIT = "add_external_contact", "edit_external_contact"
BY_CUSTOMER = "del_follow_user"
GET = "externalcontact/get"
Status = RawCallback.Status


@pytest.fixture
def come(simulator, guide, told):
    """So many new friends, half a minute ago, with their events in the inbox."""

    def arrange(number, prefix="wmSet", **fields):
        since = (clock.now() - timedelta(seconds=30)).replace(microsecond=0)
        follow = {"userid": guide.wecom_userid, "createtime": int(since.timestamp())}
        externals = [f"{prefix}{place}" for place in range(number)]
        customers = [
            {"external_userid": one, "name": "小雨", "follows": [follow]} for one in externals
        ]
        simulator.post("/sim/seed", customers=customers)
        return [told(ADD, guide, one, since, **fields) for one in externals]

    return arrange


def asked_while_reading():
    with CaptureQueriesContext(connection) as asked:
        handle_callbacks(now=clock.now())
    return [question["sql"] for question in asked]


def test_a_set_costs_the_same_questions_at_any_size(come):
    ensure_default_rules(now=clock.now() - timedelta(days=1))
    come(1, "wmFirst")
    asked_while_reading()

    come(3, "wmFew")
    few = asked_while_reading()
    come(30, "wmMany")
    many = asked_while_reading()

    assert FollowRelation.objects.count() == TaskTarget.objects.count() == 34
    assert len(many) == len(few)


def test_edits_and_ends_cost_the_same_questions_at_any_size(come, guide, told):
    come(24)
    handle_callbacks(now=clock.now())

    def steps(change, first, last):
        for place in range(first, last):
            told(change, guide, f"wmSet{place}", clock.now())
        return len(asked_while_reading())

    assert steps(EDIT, 0, 3) == steps(EDIT, 0, 20)
    assert steps(BY_CUSTOMER, 0, 2) == steps(BY_CUSTOMER, 2, 22)
    assert FollowRelation.objects.current().count() == 2


def test_one_that_cannot_be_read_waits_alone(come, guide, told):
    rows = come(7)
    # longer than our column: PostgreSQL refuses it in the middle of the set
    bad = told(BY_CUSTOMER, guide, "x" * 70, clock.now())

    assert handle_callbacks(now=clock.now()) == 7

    bad.refresh_from_db()
    assert (bad.status, bad.last_error) == (Status.RECEIVED, "DataError")
    assert FollowRelation.objects.count() == 7
    closed = RawCallback.objects.filter(pk__in=[row.pk for row in rows])
    assert set(closed.values_list("status", flat=True)) == {Status.DONE}


def test_everything_about_one_customer_in_one_batch_is_read_in_its_order(come, guide, told):
    come(3)
    first = FollowRelation.objects.filter(external_userid="wmSet0")
    at = clock.now().replace(microsecond=0)
    told(BY_CUSTOMER, guide, "wmSet0", at - timedelta(seconds=20))
    told(ADD, guide, "wmSet0", at - timedelta(seconds=10))
    told(EDIT, guide, "wmSet0", at - timedelta(seconds=5))

    assert handle_callbacks(now=clock.now()) == 6

    assert first.current().get().since == at - timedelta(seconds=10)
    assert first.count() == 2
    assert MemberEvent.objects.filter(kind="friend.added").count() == 4


def test_a_customer_is_asked_for_once_in_a_batch_and_never_for_strangers(
    come, guide, told, simulator
):
    come(2)
    told(EDIT, guide, "wmSet0", clock.now())
    stranger = type("Stranger", (), {"wecom_userid": "nobody"})
    strange = told(ADD, stranger, "wmElse", clock.now())

    handle_callbacks(now=clock.now())

    strange.refresh_from_db()
    assert (strange.status, strange.last_error) == (Status.IGNORED, "guide not known")
    assert len(simulator.calls(GET)) == 2


def test_each_is_served_from_the_moment_the_friendship_began(come, guide):
    come(2)
    handle_callbacks(now=clock.now())

    since = set(FollowRelation.objects.values_list("member_id", "since"))
    serving = ServingPeriod.objects.filter(guide=guide, until=None)
    assert set(serving.values_list("member_id", "since")) == since


def test_a_newcomer_told_of_before_their_friend_is_known_when_the_friend_is_read(
    simulator, guide, told
):
    store = guide.postings.get().store
    type(store).objects.filter(pk=store.pk).update(wecom_department_id=7)
    user = {"userid": "new_one", "name": "周婷", "department": [7]}
    simulator.post("/sim/seed", departments=[{"id": 7, "name": store.name}], users=[user])
    follow = {"userid": "new_one", "createtime": int(clock.now().timestamp()) - 5}
    customer = {"external_userid": "wmHers", "name": "小雨", "follows": [follow]}
    simulator.post("/sim/seed", customers=[customer])
    newcomer = type("Newcomer", (), {"wecom_userid": "new_one"})
    row = told("create_user", newcomer, "", clock.now())
    RawCallback.objects.filter(pk=row.pk).update(event="change_contact")
    told(ADD, newcomer, "wmHers", clock.now())

    assert handle_callbacks(now=clock.now()) == 2

    assert FollowRelation.objects.get().guide == Guide.objects.get(wecom_userid="new_one")


def test_what_waits_for_its_turn_at_wecom_has_had_no_attempt(come, simulator):
    come(30)
    simulator.post("/sim/faults", path=GET, errcode=45009, times=99)

    assert handle_callbacks(now=clock.now()) == 0

    rows = RawCallback.objects.filter(status=Status.RECEIVED, attempts=0)
    assert rows.filter(not_before__gt=clock.now(), lease_token=None).count() == 30
    assert len(simulator.calls(GET)) <= LOOKERS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_workers_with_events_of_the_same_people_make_each_of_them_once(
    come, guide, told, simulator
):
    ensure_default_rules(now=clock.now() - timedelta(days=1))
    colleague = make.make_posted_guide(simulator=simulator)
    come(12)
    since = int(clock.now().timestamp()) - 30
    follows = [{"userid": one.wecom_userid, "createtime": since} for one in (guide, colleague)]
    customers = [
        {"external_userid": f"wmSet{place}", "unionid": f"oSet{place}", "follows": follows}
        for place in range(12)
    ]
    simulator.post("/sim/seed", customers=customers)
    for place in reversed(range(12)):
        told(ADD, colleague, f"wmSet{place}", clock.now() - timedelta(seconds=30))
    barrier = threading.Barrier(2)

    def work():
        barrier.wait()
        try:
            for _round in range(3):
                handle_callbacks(now=clock.now(), limit=4)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(RawCallback.objects.values_list("status", flat=True)) == {Status.DONE}
    assert Member.objects.count() == 12
    assert FollowRelation.objects.current().count() == 24
    assert ServingPeriod.objects.filter(until=None).count() == 12
