"""A leaver's WeCom account is somebody else's: the customers of before are handed over first."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Posting
from apps.stores.services import guide_leaves, user_of_guide
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks, sync_kind
from tests.factories import outreach as make
from tests.factories.callbacks import keep_event
from tests.factories.facts import make_guide

pytestmark = pytest.mark.django_db

Status = Guide.Status


@pytest.fixture
def leaver(store, simulator):
    """Was here for hours, with a customer; the account is another person's in WeCom."""
    guide = make_guide(store, "anna", corp=make.CORP)
    Guide.objects.filter(pk=guide.pk).update(created_at=clock.now() - timedelta(hours=9))
    user_of_guide(guide=guide)
    make.make_friends(guide)
    simulator.post("/sim/users/create", userid="anna", name="陈薇", department=[7])
    return Guide.objects.get(pk=guide.pk)


def tell(change, hours):
    keep_event(
        "change_contact", change, {"UserID": "anna"}, at=clock.now() - timedelta(hours=hours)
    )
    handle_callbacks(now=clock.now())


def hand_over():
    ServingPeriod.objects.current().update(until=clock.now())
    FollowRelation.objects.current().update(until=clock.now(), ended_by="transfer")


def waits(guide):
    guide.refresh_from_db()
    guide.user.refresh_from_db()
    nowhere = not Posting.objects.on(clock.today()).filter(guide=guide).exists()
    return guide.status == Status.LEFT and not guide.user.is_active and nowhere


@pytest.mark.parametrize("order", [("delete_user", "create_user"), ("create_user", "delete_user")])
def test_a_newcomer_waits_until_the_leavers_customers_are_handed_over(order, leaver, corp, store):
    for change in order:
        tell(change, {"delete_user": 2, "create_user": 1}[change])
    assert waits(leaver)
    notes = RawCallback.objects.values_list("last_error", flat=True)
    assert any(note.startswith("hand over first") for note in notes)
    assert AuditEntry.objects.filter(action="guide.newcomer_waits").count() == 1

    sync_kind(corp=corp, kind="departments", now=clock.now())
    assert waits(leaver)

    hand_over()
    rehearsal = sync_kind(corp=corp, kind="departments", now=clock.now(), dry=True)
    assert "newcomer" in {one["what"] for one in rehearsal.examples}
    assert waits(leaver)
    sync_kind(corp=corp, kind="departments", now=clock.now())
    leaver.refresh_from_db()
    leaver.user.refresh_from_db()
    assert (leaver.status, leaver.name, leaver.user.is_active) == (Status.ACTIVE, "陈薇", True)
    assert Posting.objects.on(clock.today()).get(guide=leaver).store == store
    assert sync_kind(corp=corp, kind="departments", now=clock.now()).drift == 0


def test_customers_the_newcomer_has_found_meanwhile_hold_nobody_up(leaver, corp):
    tell("delete_user", 2)
    hand_over()
    make.make_friends(leaver, since=clock.now() - timedelta(hours=1))

    tell("create_user", 1.5)

    leaver.refresh_from_db()
    assert leaver.status == Status.ACTIVE


def test_whom_head_office_took_out_is_not_let_in_by_the_comparison(leaver, corp):
    guide_leaves(guide=leaver, now=clock.now(), on=clock.today())
    hand_over()

    sync_kind(corp=corp, kind="departments", now=clock.now())

    assert waits(leaver)


def test_head_office_is_told_whose_customers_wait(leaver, admin_client):
    address = reverse("hq:departments")
    assert "已给新人使用" not in admin_client.get(address).content.decode()
    tell("delete_user", 2)

    page = admin_client.get(address).content.decode()

    assert "有 1 位离职导购的企微账号已给新人使用" in page
    assert reverse("hq:handovers") in page
