"""A comparison goes on where it was stopped, and says beforehand what it would change."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.members.models import FollowRelation
from apps.stores.models import Guide, Posting, Store
from apps.wecom_sync.errors import UnknownKind
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import sync_contacts, sync_departments, sync_kind
from apps.wecom_sync.services.reconciler import friends
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db

LISTS = "externalcontact/batch/get_by_user"
State = SyncRun.State


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(friends, "GUIDES_PER_CALL", 1)


@pytest.fixture
def guides(corp, simulator):
    """Four guides with two friends each, whom only WeCom knows."""
    found = [make.make_posted_guide(simulator=simulator) for _number in range(4)]
    for place, guide in enumerate(found):
        make.seed(simulator, guide, [f"wmChunk{place}{number}" for number in range(2)])
    return found


def asked(simulator, path=LISTS):
    return [call["body"]["userid_list"] for call in simulator.calls(path)]


def test_a_run_that_was_killed_goes_on_behind_the_last_guide_it_finished(
    guides, simulator, corp, small_chunks, monkeypatch
):
    real, finished = friends._end_missing, []

    def dies_at_the_third(walk, chunk):
        if len(finished) == 2:
            raise KeyboardInterrupt  # as a kill: nothing of ours runs after it
        finished.append(chunk)
        real(walk, chunk)

    monkeypatch.setattr(friends, "_end_missing", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        sync_contacts(corp=corp, now=clock.now())
    monkeypatch.setattr(friends, "_end_missing", real)
    left = SyncRun.objects.get()
    assert (left.state, left.position) == (State.RUNNING, str(guides[1].pk))
    before = len(asked(simulator))

    run = sync_contacts(corp=corp, now=clock.now() + timedelta(minutes=11))

    assert (run.pk, run.state, run.resumed) == (left.pk, State.DONE, 1)
    again = [userids for userids in asked(simulator)[before:]]
    assert again == [[guide.wecom_userid] for guide in guides[2:]]
    assert FollowRelation.objects.current().count() == 8
    assert (run.parts, run.parts_done) == (4, 4)


def test_a_run_that_failed_on_its_way_is_taken_up_the_same_day_and_not_later(
    guides, simulator, corp, small_chunks
):
    now = clock.now()
    sync_contacts(corp=corp, now=now)
    SyncRun.objects.update(state=State.FAILED, position=str(guides[2].pk))

    same_day = sync_contacts(corp=corp, now=now + timedelta(hours=1))
    SyncRun.objects.update(state=State.FAILED, position=str(guides[2].pk))
    next_day = sync_contacts(corp=corp, now=now + timedelta(days=1))

    assert SyncRun.objects.count() == 2
    assert (same_day.resumed, next_day.resumed, next_day.parts_done) == (1, 0, 4)


@pytest.mark.parametrize("errcode", [60111, 40031])  # out of range; in no address book any more
def test_a_guide_whom_wecom_refuses_does_not_hold_up_the_others(guides, simulator, corp, errcode):
    stranger = make.make_posted_guide()
    simulator.post("/sim/faults", path=LISTS, errcode=errcode, times=1)

    run = sync_contacts(corp=corp, now=clock.now())

    assert run.state == State.DONE
    assert FollowRelation.objects.current().count() == 8
    assert not FollowRelation.objects.filter(guide=stranger).exists()


def test_a_code_that_an_event_did_not_name_is_corrected(guides, simulator, corp):
    sync_contacts(corp=corp, now=clock.now())
    simulator.post(
        "/sim/seed",
        customers=[
            {
                "external_userid": "wmChunk00",
                "name": "微信用户",
                "follows": [{"userid": guides[0].wecom_userid, "state": "store_q3"}],
            }
        ],
    )

    run = sync_contacts(corp=corp, now=clock.now())

    assert (run.differing, run.healed, run.left) == (1, 1, 0)
    assert FollowRelation.objects.get(external_userid="wmChunk00").state == "store_q3"


def test_a_hundred_guides_without_any_friend_are_not_believed(corp, simulator, monkeypatch):
    monkeypatch.setattr(friends, "MANY_FRIENDS", 3)
    guide = make.make_posted_guide(simulator=simulator)
    make.make_friends(guide, 3)

    run = sync_contacts(corp=corp, now=clock.now())

    assert (run.state, run.error) == (State.FAILED, "friends_vanished")
    assert FollowRelation.objects.current().count() == 3


def test_a_dry_run_says_what_would_change_and_changes_nothing(guides, simulator, corp):
    store = Store.objects.order_by("pk").first()
    Store.objects.filter(pk=store.pk).update(wecom_department_id=7)
    ((_member, _gone),) = make.make_friends(guides[0])
    leaver = make.make_posted_guide()
    simulator.post(
        "/sim/seed",
        departments=[{"id": 7, "name": "静安店"}],
        users=[{"userid": "new_one", "name": "周婷", "department": [7]}],
    )
    relations, staff = FollowRelation.objects.count(), Guide.objects.count()

    departments, contacts = (
        sync_kind(corp=corp, kind=kind, now=clock.now(), dry=True)
        for kind in ("departments", "contacts")
    )

    assert (departments.missing_here, departments.missing_there) == (1, 1)
    assert (contacts.missing_here, contacts.missing_there) == (8, 1)
    assert (departments.healed, contacts.healed) == (0, 0)
    assert (FollowRelation.objects.count(), Guide.objects.count()) == (relations, staff)
    assert Guide.objects.get(pk=leaver.pk).status == Guide.Status.ACTIVE
    told = {
        (one["what"], one.get("userid")): one for one in departments.examples + contacts.examples
    }
    assert told["newcomer", "new_one"]["store"] == store.name
    assert told["no_department", None]["number"] == Store.objects.count() - 1
    assert told["new_friends", guides[1].wecom_userid]["number"] == 2
    assert told["ended_friends", guides[0].wecom_userid]["number"] == 1
    assert "wmChunk" not in str(departments.examples + contacts.examples)


def test_after_a_dry_run_the_real_one_does_what_it_said(guides, simulator, corp):
    said = sync_kind(corp=corp, kind="contacts", now=clock.now(), dry=True)

    done = sync_contacts(corp=corp, now=clock.now())

    assert (done.missing_here, done.healed) == (said.missing_here, said.missing_here) == (8, 8)


def test_newcomers_are_posted_in_sets(corp, simulator, django_assert_max_num_queries):
    make.make_posted_guide(simulator=simulator)
    store = Store.objects.get()
    Store.objects.filter(pk=store.pk).update(wecom_department_id=7)
    simulator.post(
        "/sim/seed",
        departments=[{"id": 7, "name": "静安店"}],
        users=[
            {"userid": f"new_{number}", "name": "周婷", "department": [7]} for number in range(60)
        ],
    )

    with django_assert_max_num_queries(40):
        run = sync_departments(corp=corp, now=clock.now())

    assert (run.missing_here, run.healed) == (60, 60)
    assert Posting.objects.filter(store=store, guide__wecom_userid__startswith="new_").count() == 60


def test_nothing_else_is_compared(corp):
    with pytest.raises(UnknownKind):
        sync_kind(corp=corp, kind="weather", now=clock.now())
