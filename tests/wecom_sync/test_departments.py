"""Departments follow WeCom, whatever the order of what it tells; a person's move is head office's
to decide."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.stores.models import Posting, Store
from apps.stores.services import guide_leaves, post_guide
from apps.wecom.models import RawCallback
from apps.wecom_sync.errors import MoveOver
from apps.wecom_sync.models import Department, StoreMove, SyncRun
from apps.wecom_sync.selectors import open_moves, stores_without_department
from apps.wecom_sync.services import decide_move, handle_callbacks, sync_kind
from tests.factories.callbacks import keep_event
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP

pytestmark = pytest.mark.django_db

State = StoreMove.State


@pytest.fixture
def tree(corp, simulator):
    """Head office and two stores below it."""
    simulator.post(
        "/sim/seed",
        departments=[
            {"id": 1, "name": "总部", "parentid": 0},
            {"id": 7, "name": "静安店", "parentid": 1},
            {"id": 8, "name": "徐汇店", "parentid": 1},
        ],
    )
    stores = {}
    for number in (7, 8):
        store = make_store()
        Store.objects.filter(pk=store.pk).update(
            corp_id=CORP, wecom_department_id=number, live_since=clock.now()
        )
        stores[number] = Store.objects.get(pk=store.pk)
    return stores


@pytest.fixture
def anna(tree, simulator):
    """Works in 7 here and there."""
    simulator.post("/sim/users/create", userid="anna", name="周婷", department=[7])
    return make_guide(tree[7], "anna", corp=CORP)


def tell(change, **fields):
    keep_event("change_contact", change, fields)


def hear():
    handle_callbacks(now=clock.now())


def known():
    return dict(Department.objects.values_list("number", "name"))


def compare(corp, kind, **fields):
    return sync_kind(corp=corp, kind=kind, now=clock.now(), **fields)


def move(simulator, *departments):
    simulator.post("/sim/users/edit", userid="anna", department=list(departments))


# --- the tree ------------------------------------------------------------------------------------


def test_a_comparison_brings_renames_and_removes_and_then_finds_nothing(tree, corp, simulator):
    first = compare(corp, "tree")
    simulator.post("/sim/departments/keep", id=7, name="静安旗舰店")
    simulator.post("/sim/departments/keep", id=9, name="新店")
    simulator.post("/sim/departments/delete", id=8)

    second, third = compare(corp, "tree"), compare(corp, "tree")

    assert (first.missing_here, first.healed) == (3, 3)
    found = second.missing_here, second.differing, second.missing_there, second.healed
    assert found == (1, 1, 1, 3)
    assert third.drift == 0
    assert known() == {1: "总部", 7: "静安旗舰店", 9: "新店"}


def test_a_dry_run_names_what_it_would_do_and_does_nothing(tree, corp):
    run = compare(corp, "tree", dry=True)

    assert {"what": "department_new", "name": "静安店", "number": 7} in run.examples
    assert run.drift == 3
    assert known() == {}


def test_told_changes_are_read_again_so_order_and_repeats_do_not_matter(tree, corp, simulator):
    compare(corp, "tree")
    simulator.post("/sim/departments/keep", id=7, name="静安旗舰店")
    simulator.post("/sim/departments/delete", id=8)
    tell("delete_party", Id="8")
    tell("update_party", Id="8", Name="徐汇一店")  # older, told after it was deleted
    tell("delete_party", Id="7")  # never true: it is there
    tell("create_party", Id="7")
    tell("create_party", Id="7")

    hear()

    assert known() == {1: "总部", 7: "静安旗舰店"}
    assert set(RawCallback.objects.values_list("status", flat=True)) == {"done"}


def test_a_department_that_is_gone_again_when_it_is_looked_up_is_not_kept(tree, simulator):
    tell("create_party", Id="8")
    simulator.post("/sim/faults", path="department/get", errcode=60003, times=1)

    hear()

    assert known() == {}
    assert not RawCallback.objects.exclude(status__in=["done", "ignored"]).exists()


def test_lost_rights_take_no_department_away(tree, corp, simulator):
    compare(corp, "tree")
    simulator.post("/sim/faults", path="department/list", errcode=60011, times=1)

    run = compare(corp, "tree")

    assert run.state == "failed"
    assert len(known()) == 3


def test_a_store_whose_department_is_gone_is_named(tree, corp, simulator):
    assert stores_without_department() == []  # nothing was ever read
    compare(corp, "tree")
    assert stores_without_department() == []

    simulator.post("/sim/departments/delete", id=8)
    compare(corp, "tree")

    assert stores_without_department() == [tree[8]]


def test_only_where_a_corps_whole_tree_was_read_a_department_can_be_gone(tree, corp):
    Department.objects.create(
        corp_id=corp.corp_id, number=1, parent=0, name="总部", seen_at=clock.now()
    )
    assert stores_without_department() == []  # an event told of one

    compare(corp, "tree", dry=True)
    assert stores_without_department() == []

    compare(corp, "tree")
    Store.objects.filter(pk=tree[8].pk).update(corp_id="wwSecondCorp0001")
    assert stores_without_department() == []
    SyncRun.objects.create(corp_id="wwSecondCorp0001", kind="tree", state="done")
    assert stores_without_department() == [tree[8]]


# --- moves ---------------------------------------------------------------------------------------


@pytest.fixture(params=["told", "compared"])
def notice(request, corp):
    def look():
        if request.param == "told":
            tell("update_user", UserID="anna", Department="8")
            hear()
        else:
            compare(corp, "departments")

    return look


def test_a_move_asks_head_office_and_changes_no_posting(notice, anna, tree, simulator):
    move(simulator, 8)

    notice()
    notice()

    (found,) = open_moves(actor=SYSTEM)
    assert (found.guide, found.from_store, found.to_store) == (anna, tree[7], tree[8])
    assert Posting.objects.get(guide=anna).store == tree[7]


def test_whoever_sits_in_both_departments_is_where_they_should_be(notice, anna, simulator):
    move(simulator, 8, 7)

    notice()

    assert open_moves(actor=SYSTEM) == []


def test_a_move_that_was_taken_back_is_over(notice, anna, simulator):
    move(simulator, 8)
    notice()
    move(simulator, 7)

    notice()

    assert StoreMove.objects.get().state == State.GONE


def test_who_is_said_to_stay_is_not_asked_about_again_until_wecom_shows_another(
    notice, anna, tree, simulator
):
    move(simulator, 8)
    notice()
    decide_move(move=StoreMove.objects.get(), take=False, actor=SYSTEM, now=clock.now())

    notice()
    assert open_moves(actor=SYSTEM) == []
    assert Posting.objects.get(guide=anna).store == tree[7]

    move(simulator, 7)
    notice()
    move(simulator, 8)
    notice()
    assert len(open_moves(actor=SYSTEM)) == 1


def test_the_dry_run_says_it_and_the_comparison_counts_it_until_decided(
    anna, tree, corp, simulator
):
    move(simulator, 8)

    dry = compare(corp, "departments", dry=True)
    told = {one["what"]: one for one in dry.examples}["moved"]
    assert (told["userid"], told["store"], told["to"]) == ("anna", tree[7].name, tree[8].name)
    assert not StoreMove.objects.exists()

    assert compare(corp, "departments").left == 1
    decide_move(move=StoreMove.objects.get(), take=False, actor=SYSTEM, now=clock.now())
    assert compare(corp, "departments").left == 0


def test_taken_means_posted_there_from_today_once(anna, tree, corp, simulator):
    move(simulator, 8)
    compare(corp, "departments")
    row = StoreMove.objects.get()

    for _time in range(2):
        decide_move(move=row, take=True, actor=SYSTEM, now=clock.now())

    today = Posting.objects.on(clock.today()).get(guide=anna)
    assert (today.store, today.role) == (tree[8], "guide")
    assert AuditEntry.objects.filter(action="store_move.taken").count() == 1
    assert compare(corp, "departments").left == 0
    with pytest.raises(MoveOver):
        decide_move(move=row, take=False, actor=SYSTEM, now=clock.now())


def test_a_move_of_somebody_who_works_elsewhere_by_now_is_over(anna, tree, corp, simulator):
    move(simulator, 8)
    compare(corp, "departments")
    third = make_store()
    post_guide(guide=anna, store=third, role="guide", from_day=clock.today())

    with pytest.raises(MoveOver):
        decide_move(move=StoreMove.objects.get(), take=True, actor=SYSTEM, now=clock.now())


def test_nobody_is_posted_to_a_store_that_was_switched_off(anna, tree, corp, simulator):
    move(simulator, 8)
    compare(corp, "departments")
    Store.objects.filter(pk=tree[8].pk).update(live_since=None)

    with pytest.raises(MoveOver):
        decide_move(move=StoreMove.objects.get(), take=True, actor=SYSTEM, now=clock.now())

    assert Posting.objects.get(guide=anna).store == tree[7]


def test_a_decision_locks_the_guide_before_the_move(anna, corp, simulator):
    move(simulator, 8)
    compare(corp, "departments")
    row = StoreMove.objects.get()

    with CaptureQueriesContext(connection) as asked:
        decide_move(move=row, take=True, actor=SYSTEM, now=clock.now())

    locks = [one["sql"] for one in asked if " FOR " in one["sql"] and "UPDATE" in one["sql"]]
    assert ['FROM "stores_guide"' in sql for sql in locks[:2]] == [True, False]
    assert 'FROM "wecom_sync_storemove"' in locks[1]


def test_a_leaver_is_not_asked_about(anna, corp, simulator):
    move(simulator, 8)
    compare(corp, "departments")

    guide_leaves(guide=anna, now=clock.now(), on=clock.today())

    assert open_moves(actor=SYSTEM) == []


# --- the page ------------------------------------------------------------------------------------


def test_head_office_decides_on_the_page(anna, tree, corp, simulator, admin_client):
    compare(corp, "tree")
    move(simulator, 8)
    compare(corp, "departments")
    address = reverse("hq:departments")
    anna.refresh_from_db()  # called as WeCom calls her

    page = admin_client.get(address).content.decode()
    assert "1 位导购在企微里坐在别家门店的部门" in page
    assert anna.name in page

    admin_client.post(
        reverse("hq:decide_store_move", args=[StoreMove.objects.get().pk]), {"act": "take"}
    )

    page = admin_client.get(address).content.decode()
    assert "没有待确认的调动，人员核对于" in page
    assert Posting.objects.on(clock.today()).get(guide=anna).store == tree[8]


def test_before_the_first_comparison_the_page_does_not_say_that_all_is_well(
    tree, corp, admin_client
):
    compare(corp, "departments", dry=True)

    page = admin_client.get(reverse("hq:departments")).content.decode()

    assert "还没有和企微核对过人员" in page
    assert "没有待确认的调动" not in page


def test_another_answer_than_the_two_decides_nothing(anna, corp, simulator, admin_client):
    move(simulator, 8)
    compare(corp, "departments")
    row = StoreMove.objects.get()
    address = reverse("hq:decide_store_move", args=[row.pk])

    answers = [admin_client.post(address, body).status_code for body in ({}, {"act": "kepp"})]

    assert answers == [404, 404]
    assert StoreMove.objects.get().state == State.OPEN


def test_departments_without_a_store_are_found(tree, corp, admin_client):
    compare(corp, "tree")

    page = admin_client.get(reverse("hq:departments"), {"only": "loose"}).content.decode()

    assert "总部" in page
    assert "静安店" not in page


def test_the_page_asks_as_often_for_many_departments_as_for_few(tree, corp, admin_client):
    address = reverse("hq:departments")
    compare(corp, "tree")
    admin_client.get(address)

    def queries():
        with CaptureQueriesContext(connection) as asked:
            admin_client.get(address)
        return len(asked)

    few = queries()
    Department.objects.bulk_create(
        Department(corp_id=CORP, number=n, parent=1, name=f"店{n}", seen_at=clock.now())
        for n in range(100, 180)
    )
    for number in range(100, 120):
        store = make_store()
        Store.objects.filter(pk=store.pk).update(corp_id=CORP, wecom_department_id=number)

    assert queries() == few
