"""The mirror heals what callbacks missed."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.members.models import FollowRelation, Member
from apps.stores.models import Guide, Posting, Store
from apps.wecom.models import RawCallback
from apps.wecom_sync.models import FollowNews, SyncRun
from apps.wecom_sync.services import (
    AlreadyRunning,
    handle_callbacks,
    sync_all,
    sync_contacts,
    sync_departments,
)
from tests.factories import outreach as make
from tests.factories.wecom import pauses_are_over

pytestmark = pytest.mark.django_db

State = SyncRun.State


def seed_friends(simulator, guide, count, start=0):
    since = int((clock.now() - timedelta(days=2)).timestamp())
    simulator.post(
        "/sim/seed",
        customers=[
            {
                "external_userid": f"wmMirror{start + number:06d}",
                "name": "微信用户",
                "unionid": f"oMirror{start + number:06d}",
                "follows": [{"userid": guide.wecom_userid, "createtime": since}],
            }
            for number in range(count)
        ],
    )


def test_friends_that_we_missed_begin_and_those_gone_end(guide, simulator, corp):
    seed_friends(simulator, guide, 3)
    ((_member, gone),) = make.make_friends(guide)

    run = sync_contacts(corp=corp, now=clock.now())

    assert (run.state, run.seen, run.missing_here, run.missing_there) == (State.DONE, 3, 3, 1)
    assert FollowRelation.objects.current().count() == 3
    ended = FollowRelation.objects.get(external_userid=gone)
    assert ended.ended_by == "reconciled"


def test_a_second_run_changes_nothing(guide, simulator, corp):
    seed_friends(simulator, guide, 3)
    sync_contacts(corp=corp, now=clock.now())

    run = sync_contacts(corp=corp, now=clock.now())

    assert (run.seen, run.missing_here, run.missing_there) == (3, 0, 0)
    assert Member.objects.count() == 3


def test_nobody_new_is_asked_about_no_further(guide, simulator, corp):
    seed_friends(simulator, guide, 5)
    with CaptureQueriesContext(connection) as first:
        sync_contacts(corp=corp, now=clock.now())
    with CaptureQueriesContext(connection) as again:
        sync_contacts(corp=corp, now=clock.now())

    news = f'FROM "{FollowNews._meta.db_table}"'
    assert [any(news in row["sql"] for row in asked) for asked in (first, again)] == [True, False]


def test_a_guide_deleted_by_the_customer_does_not_come_back(guide, simulator, corp, told):
    seed_friends(simulator, guide, 1)
    sync_contacts(corp=corp, now=clock.now() - timedelta(minutes=1))
    told("del_follow_user", guide, "wmMirror000000", clock.now())
    handle_callbacks(now=clock.now())
    assert RawCallback.objects.get().status == "done"

    run = sync_contacts(corp=corp, now=clock.now())

    assert (run.missing_here, FollowRelation.objects.current().count()) == (0, 0)
    assert FollowNews.objects.get().ended_by == "customer"


def test_a_friend_ended_by_mistake_begins_again_when_listed(guide, simulator, corp):
    seed_friends(simulator, guide, 1)
    sync_contacts(corp=corp, now=clock.now() - timedelta(minutes=9))
    FollowRelation.objects.update(until=clock.now() - timedelta(minutes=5), ended_by="reconciled")

    sync_contacts(corp=corp, now=clock.now())

    assert FollowRelation.objects.current().count() == 1


def test_losing_the_right_to_see_a_guides_customers_ends_nothing(guide, simulator, corp):
    stranger = make.make_posted_guide()
    make.make_friends(stranger, 2)

    sync_contacts(corp=corp, now=clock.now())

    assert FollowRelation.objects.current().filter(guide=stranger).count() == 2


def test_staff_of_a_stores_department_are_posted_and_leavers_leave(guide, simulator, corp):
    store = Store.objects.get()
    Store.objects.filter(pk=store.pk).update(wecom_department_id=7)
    leaver = make.make_posted_guide()
    simulator.post(
        "/sim/seed",
        departments=[{"id": 7, "name": "静安店"}],
        users=[
            {"userid": "new_one", "name": "周婷", "department": [7]},
            {"userid": "office", "name": "总部同事", "department": [1]},
            {"userid": guide.wecom_userid, "name": "新名字", "department": [7]},
        ],
    )

    run = sync_departments(corp=corp, now=clock.now())

    assert (run.state, run.missing_here, run.differing, run.missing_there) == (State.DONE, 1, 1, 1)
    assert Posting.objects.get(guide__wecom_userid="new_one").store_id == store.pk
    assert Guide.objects.get(pk=leaver.pk).status == Guide.Status.LEFT
    assert Guide.objects.get(pk=guide.pk).name == "新名字"
    assert not Guide.objects.filter(wecom_userid="office").exists()


def test_a_failed_run_is_kept_with_its_reason_and_the_next_one_works(guide, simulator, corp):
    seed_friends(simulator, guide, 2)
    simulator.post("/sim/faults", path="externalcontact/batch/get_by_user", errcode=45009, times=1)

    failed = sync_contacts(corp=corp, now=clock.now())
    pauses_are_over()
    healed = sync_contacts(corp=corp, now=clock.now())

    assert (failed.state, healed.state, healed.missing_here) == (State.FAILED, State.DONE, 2)
    assert "45009" in failed.error


def test_one_run_at_a_time_and_a_dead_one_is_taken_over(guide, simulator, corp):
    now = clock.now()
    SyncRun.objects.create(
        kind="contacts", corp_id=corp.corp_id, lease_until=now + timedelta(minutes=5)
    )

    with pytest.raises(AlreadyRunning):
        sync_contacts(corp=corp, now=now)

    assert sync_contacts(corp=corp, now=now + timedelta(minutes=6)).state == State.DONE


@pytest.mark.slow
def test_five_thousand_friends_take_seconds(guide, simulator, corp):
    seed_friends(simulator, guide, 5_000)
    begun = time.process_time()

    runs = {run.kind: run for run in sync_all(corp=corp, now=clock.now())}
    staff, contacts = runs[SyncRun.Kind.DEPARTMENTS], runs[SyncRun.Kind.CONTACTS]

    assert (staff.state, contacts.state, contacts.missing_here) == (State.DONE, State.DONE, 5_000)
    assert time.process_time() - begun < 30
