"""WeCom is mirrored for live stores, and not believed when half of the staff is gone."""

import pytest
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.core import clock
from apps.members.models import FollowRelation
from apps.stores.models import Guide, Store
from apps.wecom.models import RawCallback
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import handle_callbacks, sync_contacts, sync_departments
from apps.wecom_sync.services.reconciler.staff import FEW_LEAVERS
from tests.factories import outreach as make
from tests.hq.conftest import signed_in
from tests.wecom_sync.test_callbacks import ADD, friend

pytestmark = pytest.mark.django_db


def seed_staff(simulator, *guides):
    simulator.post(
        "/sim/seed",
        departments=[{"id": 7, "name": "静安店"}],
        users=[
            {"userid": guide.wecom_userid, "name": guide.name, "department": [7]}
            for guide in guides
        ]
        + [{"userid": "new_one", "name": "周婷", "department": [7]}],
    )


def test_a_friend_event_of_a_waiting_store_is_kept_and_changes_nothing(guide, simulator, told):
    Store.objects.update(live_since=None)
    friend(simulator, guide)
    told(ADD, guide, "wmNew1", clock.now())

    handle_callbacks(now=clock.now())

    row = RawCallback.objects.get()
    assert row.status == RawCallback.Status.IGNORED
    assert not FollowRelation.objects.exists()


def test_once_the_store_is_live_the_comparison_brings_what_happened_before(guide, simulator, corp):
    Store.objects.update(live_since=None, wecom_department_id=7)
    seed_staff(simulator, guide)
    friend(simulator, guide)
    for sync in (sync_departments, sync_contacts):
        sync(corp=corp, now=clock.now())
    assert not FollowRelation.objects.exists()
    assert not Guide.objects.filter(wecom_userid="new_one").exists()

    Store.objects.update(live_since=clock.now())
    for sync in (sync_departments, sync_contacts):
        sync(corp=corp, now=clock.now())

    assert FollowRelation.objects.get().guide == guide
    assert Guide.objects.filter(wecom_userid="new_one").exists()


def test_when_many_are_not_listed_nobody_leaves_and_head_office_reads_why(guide, simulator, corp):
    Store.objects.update(wecom_department_id=7)
    for _number in range(FEW_LEAVERS + 1):
        make.make_posted_guide()
    seed_staff(simulator, guide)

    run = sync_departments(corp=corp, now=clock.now())
    sync_contacts(corp=corp, now=clock.now())

    assert (run.state, run.error) == (SyncRun.State.FAILED, "staff_vanished")
    assert not Guide.objects.filter(status=Guide.Status.LEFT).exists()
    assert not Guide.objects.filter(wecom_userid="new_one").exists()
    page = signed_in(Role.HQ_OPERATOR).get(reverse("hq:wecom_health")).content.decode()
    assert "可见范围" in page


def test_a_few_leavers_are_believed(guide, simulator, corp):
    Store.objects.update(wecom_department_id=7)
    for _number in range(FEW_LEAVERS):
        make.make_posted_guide()
    seed_staff(simulator, guide)

    run = sync_departments(corp=corp, now=clock.now())

    assert (run.state, run.missing_there) == (SyncRun.State.DONE, FEW_LEAVERS)
