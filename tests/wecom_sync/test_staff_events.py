"""Members come, move and leave in WeCom's admin site; we follow at once, whatever the order."""

import itertools
from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.stores.models import Guide, Posting, ScopeGrant, Store
from apps.stores.services import guide_leaves, post_guide, user_of_guide
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks, sync_kind
from tests.conftest import WECOM, wait_for
from tests.factories import outreach as make
from tests.factories.callbacks import keep_event
from tests.factories.facts import make_store

pytestmark = pytest.mark.django_db

Status = Guide.Status


@pytest.fixture
def staff(corp):
    """Put an event about a member into the inbox as the callback door does."""

    def tell(event, change, userid, at=None, **fields):
        who = {"UserID": userid} if change else {"FromUserName": userid}
        return keep_event(event, change, {**who, **fields}, at=at)

    return tell


def create(simulator, userid, name="周婷", department=7):
    simulator.post("/sim/users/create", userid=userid, name=name, department=[department])


@pytest.mark.parametrize("told", [("change_contact", "delete_user"), ("unsubscribe", "")])
def test_a_leavers_sign_in_ends_at_once(told, guide, simulator, staff):
    phone = Client()
    phone.force_login(user_of_guide(guide=guide))
    assert get_user(phone).is_authenticated
    simulator.post("/sim/users/leave", userid=guide.wecom_userid)
    staff(*told, guide.wecom_userid)
    staff(*told, guide.wecom_userid, at=clock.now() + timedelta(seconds=1))  # told twice

    handle_callbacks(now=clock.now())

    guide.refresh_from_db()
    assert guide.status == Status.LEFT
    assert not Posting.objects.on(clock.today()).filter(guide=guide).exists()
    assert not get_user(phone).is_authenticated
    assert phone.get("/g/").status_code == 302


def test_an_end_that_is_not_true_any_more_changes_nothing(guide, simulator, staff):
    staff("unsubscribe", "", guide.wecom_userid)

    handle_callbacks(now=clock.now())

    guide.refresh_from_db()
    assert guide.status == Status.ACTIVE
    assert set(RawCallback.objects.values_list("last_error", flat=True)) == {"still here"}


@pytest.mark.parametrize("told", [("change_contact", "create_user"), ("subscribe", "")])
def test_a_newcomer_of_a_live_store_works_there(told, simulator, staff, store):
    create(simulator, "new_one")
    staff(*told, "new_one")

    handle_callbacks(now=clock.now())

    guide = Guide.objects.get(wecom_userid="new_one")
    assert (guide.name, guide.postings.get().store) == ("周婷", store)


@pytest.mark.parametrize("told", [True, False])
def test_of_two_stores_the_first_department_counts_told_or_compared(
    told, simulator, corp, staff, store
):
    simulator.post("/sim/seed", departments=[{"id": 8, "name": "徐汇店"}])
    other = make_store()
    Store.objects.filter(pk=other.pk).update(wecom_department_id=8, live_since=clock.now())
    simulator.post("/sim/users/create", userid="new_one", name="周婷", department=[8, 7])
    if told:
        staff("change_contact", "create_user", "new_one")
        handle_callbacks(now=clock.now())
    else:
        sync_kind(corp=corp, kind="departments", now=clock.now())

    assert Posting.objects.get(guide__wecom_userid="new_one").store == other


def test_nobody_of_ours_is_left_alone(simulator, staff, store):
    create(simulator, "in_head_office", department=1)
    staff("change_contact", "create_user", "in_head_office")
    staff("change_contact", "update_user", "nobody_knows")
    staff("change_contact", "delete_user", "nobody_knows")

    handle_callbacks(now=clock.now())

    rows = RawCallback.objects.order_by("pk").values_list("status", "last_error")
    reasons = ["in no live store", "gone meanwhile", "guide not known"]
    assert list(rows) == [("ignored", reason) for reason in reasons]


def test_a_name_follows_when_a_member_moves(guide, simulator, staff):
    simulator.post("/sim/users/edit", userid=guide.wecom_userid, name="周岚岚")
    staff("change_contact", "update_user", guide.wecom_userid, Department="1")

    handle_callbacks(now=clock.now())

    guide.refresh_from_db()
    assert guide.name == "周岚岚"


def test_a_changed_userid_is_the_same_guide(guide, simulator, staff):
    old, user = guide.wecom_userid, user_of_guide(guide=guide)
    create(simulator, "zhou.ting", department=1)
    simulator.post("/sim/users/leave", userid=old)
    staff("change_contact", "update_user", old, NewUserID="zhou.ting")
    staff("change_contact", "update_user", old, NewUserID="zhou.ting")  # told twice

    handle_callbacks(now=clock.now())

    guide.refresh_from_db()
    user.refresh_from_db()
    assert (guide.wecom_userid, guide.name, guide.status) == ("zhou.ting", "周婷", Status.ACTIVE)
    assert user.username.endswith(":zhou.ting")
    assert Guide.objects.count() == 1
    assert set(RawCallback.objects.values_list("status", flat=True)) == {"done"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_away_and_made_anew_ends_in_work_in_every_order(order, simulator, staff, store):
    create(simulator, "back_again")
    begun = clock.now() - timedelta(hours=1)
    staff("change_contact", "create_user", "back_again", at=begun)
    handle_callbacks(now=clock.now())
    events = [
        ("delete_user", begun + timedelta(minutes=10)),
        ("create_user", begun + timedelta(minutes=20)),
        ("update_user", begun + timedelta(minutes=30)),
    ]

    for number in order:
        change, at = events[number]
        staff("change_contact", change, "back_again", at=at)
        handle_callbacks(now=clock.now())

    assert Guide.objects.get(wecom_userid="back_again").status == Status.ACTIVE


def test_an_account_made_anew_after_its_owner_left_signs_in_again(simulator, staff, store):
    create(simulator, "back_again")
    staff("change_contact", "create_user", "back_again", at=clock.now() - timedelta(hours=2))
    handle_callbacks(now=clock.now())
    user = user_of_guide(guide=Guide.objects.get(wecom_userid="back_again"))
    simulator.post("/sim/users/leave", userid="back_again")
    staff("change_contact", "delete_user", "back_again", at=clock.now() - timedelta(hours=1))
    handle_callbacks(now=clock.now())
    user.refresh_from_db()
    assert not user.is_active

    create(simulator, "back_again")
    staff("change_contact", "create_user", "back_again")
    handle_callbacks(now=clock.now())

    user.refresh_from_db()
    assert user.is_active
    assert Posting.objects.on(clock.today()).get(guide__wecom_userid="back_again").store == store


def test_whoever_has_a_leavers_account_anew_is_a_plain_guide(simulator, staff, store):
    create(simulator, "back_again", name="周婷")
    staff("change_contact", "create_user", "back_again", at=clock.now() - timedelta(hours=2))
    handle_callbacks(now=clock.now())
    guide = Guide.objects.get(wecom_userid="back_again")
    user = user_of_guide(guide=guide)
    guide.refresh_from_db()
    manager = Posting.PostingRole.STORE_MANAGER
    post_guide(guide=guide, store=store, role=manager, from_day=clock.today())
    user.refresh_from_db()
    assert user.role == Role.STORE_MANAGER
    ScopeGrant.objects.create(user=user, store=make_store())
    phone = Client()
    phone.force_login(user)
    simulator.post("/sim/users/leave", userid="back_again")
    staff("change_contact", "delete_user", "back_again", at=clock.now() - timedelta(hours=1))
    handle_callbacks(now=clock.now())

    create(simulator, "back_again", name="陈薇")
    staff("change_contact", "create_user", "back_again")
    handle_callbacks(now=clock.now())

    guide.refresh_from_db()
    user.refresh_from_db()
    assert (guide.name, user.get_full_name()) == ("陈薇", "陈薇")
    assert (user.role, user.is_active) == (Role.GUIDE, True)
    assert not ScopeGrant.objects.filter(user=user).exists()
    assert not get_user(phone).is_authenticated
    assert Posting.objects.on(clock.today()).get(guide=guide).role == Posting.PostingRole.GUIDE


@pytest.mark.parametrize("order", ["delete first", "create first"])
def test_an_account_made_anew_before_anybody_read_of_it_has_no_rights_of_before(
    order, simulator, staff, store
):
    create(simulator, "back_again", name="周婷")
    staff("change_contact", "create_user", "back_again", at=clock.now() - timedelta(hours=3))
    handle_callbacks(now=clock.now())
    guide = Guide.objects.get(wecom_userid="back_again")
    Guide.objects.update(created_at=clock.now() - timedelta(hours=3))
    user = user_of_guide(guide=guide)
    ScopeGrant.objects.create(user=user, store=make_store())
    simulator.post("/sim/users/leave", userid="back_again")
    create(simulator, "back_again", name="陈薇")
    changes = [("delete_user", 2), ("create_user", 1)]
    for change, hours in changes if order == "delete first" else reversed(changes):
        staff("change_contact", change, "back_again", at=clock.now() - timedelta(hours=hours))
        handle_callbacks(now=clock.now())

    user.refresh_from_db()
    assert (user.get_full_name(), user.is_active) == ("陈薇", True)
    assert not ScopeGrant.objects.filter(user=user).exists()
    assert Posting.objects.on(clock.today()).get(guide=guide).store == store

    ScopeGrant.objects.create(user=user, store=make_store())
    staff("change_contact", "delete_user", "back_again", at=clock.now() - timedelta(hours=2.5))
    staff("unsubscribe", "", "back_again", at=clock.now() - timedelta(hours=1))
    handle_callbacks(now=clock.now())
    assert ScopeGrant.objects.filter(user=user).exists()


def test_whom_head_office_disabled_stays_disabled_on_an_account_made_anew(simulator, staff, store):
    create(simulator, "back_again")
    staff("change_contact", "create_user", "back_again", at=clock.now() - timedelta(hours=2))
    handle_callbacks(now=clock.now())
    user = user_of_guide(guide=Guide.objects.get(wecom_userid="back_again"))
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    simulator.post("/sim/users/leave", userid="back_again")
    staff("change_contact", "delete_user", "back_again", at=clock.now() - timedelta(hours=1))
    handle_callbacks(now=clock.now())

    create(simulator, "back_again")
    staff("change_contact", "create_user", "back_again")
    handle_callbacks(now=clock.now())

    user.refresh_from_db()
    assert not user.is_active
    assert Guide.objects.get(user=user).status == Status.ACTIVE


def test_whom_head_office_took_out_does_not_come_back_by_a_wider_range(guide, simulator, staff):
    guide_leaves(guide=guide, now=clock.now(), on=clock.today())
    staff("subscribe", "", guide.wecom_userid)
    staff("change_contact", "update_user", guide.wecom_userid)

    handle_callbacks(now=clock.now())

    guide.refresh_from_db()
    assert guide.status == Status.LEFT


@pytest.mark.parametrize("days", [0, 3])
def test_a_narrowed_visible_range_is_not_taken_for_an_exodus(days, simulator, corp, staff):
    guides = [make.make_posted_guide() for _number in range(9)]
    at = clock.now() - timedelta(days=days)  # the events may be read late
    for guide in guides:  # the simulator knows none of them: as if all were out of the range
        staff("unsubscribe", "", guide.wecom_userid, at=at)

    handle_callbacks(now=clock.now())

    assert Guide.objects.filter(status=Status.LEFT).count() == 5
    waiting = RawCallback.objects.filter(status="received")
    assert {row.last_error for row in waiting} == {"StaffVanished staff_vanished"}
    assert waiting.count() == 4


def test_head_offices_own_leavers_are_no_sign_of_a_narrowed_range(simulator, corp, staff):
    guides = [make.make_posted_guide() for _number in range(9)]
    head_office = Client()
    head_office.force_login(User.objects.create(username="hq", role=Role.HQ_ADMIN))
    head_office.post(
        reverse("admin:stores_guide_changelist"),
        {"action": "leave", "_selected_action": [guide.pk for guide in guides[:7]]},
    )
    assert Guide.objects.filter(status=Status.LEFT).count() == 7
    staff("unsubscribe", "", guides[8].wecom_userid)

    handle_callbacks(now=clock.now())

    guides[8].refresh_from_db()
    assert guides[8].status == Status.LEFT


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_from_the_admin_site_to_the_phone_that_is_signed_out(live_server, guide, simulator):
    simulator.post(
        "/sim/callback-config",
        url=f"{live_server.url.replace('localhost', '127.0.0.1')}/wecom/callback/contacts/",
        token=WECOM["WECOM_TOKEN"],
        aes_key=WECOM["WECOM_AES_KEY"],
        check=False,  # the server is cold, and WeCom gives it one second
    )
    user = user_of_guide(guide=guide)

    simulator.post("/sim/users/leave", userid=guide.wecom_userid)
    simulator.post("/sim/callbacks/flush", timeout_s=10)
    wait_for(RawCallback.objects.exists)
    handle_callbacks(now=clock.now())

    user.refresh_from_db()
    assert not user.is_active
