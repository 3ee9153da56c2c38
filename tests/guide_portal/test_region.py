"""区域看板: what a regional manager reads, how it drills down, who may not, and what it costs."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.guide_portal import region, sign_in
from apps.guide_tasks import selectors as guide_selectors
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskTarget
from apps.members.models import FollowRelation
from apps.members.services.relations import set_serving_guide
from apps.profiles.services import refresh_profiles
from apps.reports import places
from apps.reports.selectors import push_lift
from apps.reports.shapes import Verdict
from apps.stores.models import ScopeGrant, Store
from apps.stores.services import connect_region_manager
from tests.factories.facts import make_member, make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import buy, deliver, guide_actor, hand_out, make_team, members_of
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


@pytest.fixture
def manager(shop):
    user = User.objects.create(username="region", role=Role.REGION_MANAGER, last_name="沈")
    ScopeGrant.objects.create(user=user, region=shop.store.region)
    return user


@pytest.fixture
def board(manager):
    client = Client()
    client.force_login(manager)
    return client


@pytest.fixture
def board_of_shop():
    """A regional manager's browser for the region of a shop."""

    def make(shop):
        user = User.objects.create(username="lead", role=Role.REGION_MANAGER, last_name="沈")
        ScopeGrant.objects.create(user=user, region=shop.store.region)
        client = Client()
        client.force_login(user)
        return client

    return make


def board_of(now):
    stores = list(Store.objects.select_related("region").order_by("pk"))
    return places.store_board(stores=stores, now=now)


# --- figures -------------------------------------------------------------------------------------


def test_sales_are_net_of_returns_and_a_year_before_counts_for_stores_open_then(shop):
    now, member = shop.now, shop.members[0]
    new = make_store()
    Store.objects.filter(pk=new.pk).update(opened_on=now.date() - 40 * DAY)
    buy(member, shop.store, now - 3 * DAY, fen=30_000, number="A1", now=now)
    buy(member, shop.store, now - 2 * DAY, fen=10_000, original="A1", now=now)
    buy(member, shop.store, now - 368 * DAY, fen=10_000, now=now)
    buy(member, new, now - 3 * DAY, fen=99_000, now=now)
    buy(member, shop.store, now, fen=77_000, now=now)  # today is not over

    rows = {row.store_id: row for row in board_of(now).rows}

    own, other = rows[shop.store.pk].figures, rows[new.pk].figures
    assert (own.member_fen, own.comparable_fen, own.year_ago_fen) == (20_000, 20_000, 10_000)
    assert own.growth == 1.0
    assert (other.member_fen, other.comparable_fen, other.growth) == (99_000, 0, None)


def test_complaints_of_few_orders_stand_there_as_they_are_and_are_no_rate(shop, board, monkeypatch):
    for member in shop.members[:2]:
        buy(member, shop.store, shop.now - 3 * DAY, now=shop.now)

    text = board.get(url("region")).content.decode()
    monkeypatch.setattr(places, "ENOUGH_ORDERS", 2)
    counted = board.get(url("region")).content.decode()

    assert "– <small>0/2 · 样本太少</small>" in text
    assert "满 100 单才计算" in text
    assert "0.0 <small>0/2</small>" in counted


def test_a_rate_of_few_leads_no_ranking_and_none_stands_at_the_end():
    def store(name, friends, buyers):
        figures = places.Figures(friends=friends, buyers=buyers)
        return places.PlaceRow(1, name, 1, "", "A", True, figures)

    enough = places.ENOUGH_TO_RANK
    rows = [
        store("none", 0, 0),
        store("one of one", 1, 1),
        store("half", enough, 2 * enough),
        store("most", 2 * enough - 1, 2 * enough),
        store("none of few", 0, enough - 1),
    ]

    assert [row.name for row in region.in_order(rows, "friends")] == [
        "most", "half", "one of one", "none of few", "none",
    ]  # fmt: skip


def test_the_friend_rate_counts_buyers_of_a_year_who_are_friends_of_somebody_at_work(shop):
    now = shop.now
    for member in shop.members[:2]:
        buy(member, shop.store, now - 40 * DAY, now=now)
    buy(shop.members[2], shop.store, now - 500 * DAY, now=now)
    refresh_profiles(member_ids=[one.pk for one in shop.members], now=now)
    FollowRelation.objects.filter(member=shop.members[1]).update(
        until=now, ended_by=FollowRelation.EndedBy.CUSTOMER
    )

    found = board_of(now).total()
    assert (found.buyers, found.friends, found.friend_rate) == (2, 1, 0.5)


def test_friends_at_the_sale_are_who_came_within_a_day_of_buying_as_nobodys_friend(shop):
    now, (won, late, friend) = shop.now, shop.members
    bought = now - 5 * DAY
    for member in shop.members:
        buy(member, shop.store, bought, now=now)
    relations = FollowRelation.objects
    relations.filter(member=won).update(since=bought + timedelta(hours=23))
    relations.filter(member=late).update(since=bought + timedelta(hours=25))
    relations.filter(member=friend).update(since=bought - DAY)
    buy(make_member(), shop.store, bought, now=now)  # nobody's friend to this day
    buy(won, shop.store, bought, fen=9_000, number="BACK", now=now)
    buy(won, shop.store, bought + DAY, fen=9_000, original="BACK", now=now)

    found = board_of(now).total()
    assert (found.deals, found.deal_friends, found.deal_rate) == (3, 1, 1 / 3)


def test_completion_leaves_the_excused_out_and_says_both_other_rates(shop):
    now = shop.now
    deliver(shop.targets[0], now)
    guide_tasks.excuse_target(
        target=shop.targets[1], reason="moved_away", actor=guide_actor(shop.guide, now), now=now
    )

    found = board_of(now + 4 * DAY).total()
    assert (found.issued, found.done, found.excused) == (6, 1, 1)
    assert (found.completion_rate, found.raw_rate) == (1 / 5, 1 / 6)


def test_what_was_done_after_the_deadline_is_not_done_in_time(shop):
    late = shop.now + timedelta(days=2, hours=2)
    deliver(shop.targets[0], late)

    assert board_of(shop.now + 4 * DAY).total().done == 0


# --- the effect ----------------------------------------------------------------------------------


def _lift_shop(now):
    """A push with half of its members in the control group, and who of them is in which arm."""
    store = make_store()
    people = members_of(make_team(now, guides=2, friends=12, store=store))
    push = hand_out(people, now, control_share_bp=5000)
    control = set(guide_selectors.control_members(push))
    treated = [one for one in people if one.pk not in control]
    held = [one for one in people if one.pk in control]
    return SimpleNamespace(store=store, push=push), treated, held


def test_the_boards_effect_compares_whom_its_stores_served_in_both_arms(fixed_clock, db):
    now = fixed_clock
    shop, treated, held = _lift_shop(now)
    far = open_shop(now, friends=2)
    later = now + timedelta(hours=2)
    for member in treated[:2]:
        buy(member, shop.store, now + timedelta(hours=1), fen=40_000, now=later)
    buy(held[0], shop.store, now + timedelta(hours=1), fen=10_000, now=later)

    # a customer who is handed over later stays with the store of the hand-out, in either arm
    for member in (treated[0], held[0]):
        set_serving_guide(
            pairs=[(member.pk, far.guide.pk, far.store.pk)],
            reason="reassigned",
            now=later,
            actor=SYSTEM,
        )
    TaskTarget.objects.filter(member=treated[0], push=shop.push).update(store=far.store)

    lift = push_lift(push=shop.push, now=later, days=False, store_ids=[shop.store.pk])
    assert (lift.treated.members, lift.control.members) == (len(treated), len(held))
    assert (lift.treated.net_fen, lift.control.net_fen) == (80_000, 10_000)
    elsewhere = push_lift(push=shop.push, now=later, days=False, store_ids=[far.store.pk])
    assert (elsewhere.treated.members, elsewhere.control.members) == (0, 0)


def test_few_held_out_members_are_named_and_judge_nothing(fixed_clock, db, board_of_shop):
    shop, treated, held = _lift_shop(fixed_clock)
    buy(treated[0], shop.store, fixed_clock + timedelta(hours=1), fen=40_000, now=fixed_clock)

    cache.clear()
    found = board_of(fixed_clock + timedelta(hours=2)).lift
    assert found.push_id == shop.push.pk
    assert found.lift.verdict == Verdict.CONTROL_TOO_SMALL
    page = board_of_shop(shop).get(url("region")).content.decode()
    assert str(found.lift.verdict_word) in page
    assert f"{len(held)}" in page


def test_without_a_held_out_member_the_board_shows_no_effect(shop, board):
    assert board_of(shop.now).lift is None
    assert "最近一次任务的增量" not in board.get(url("region")).content.decode()


# --- the pages -----------------------------------------------------------------------------------


def test_the_board_leads_to_the_store_its_guides_and_masked_customers(shop, board):
    buy(shop.members[0], shop.store, shop.now - 3 * DAY, fen=30_000, now=shop.now)
    refresh_profiles(member_ids=[shop.members[0].pk], now=shop.now)

    page = board.get(url("region")).content.decode()
    assert "¥300" in page
    assert url("region_store", shop.store.pk) in page
    store = board.get(url("region_store", shop.store.pk)).content.decode()
    assert url("region_guide", shop.store.pk, shop.guide.pk) in store
    guide = board.get(url("region_guide", shop.store.pk, shop.guide.pk)).content.decode()
    assert "林*雯" in guide
    assert "林晓雯" not in guide


def test_another_region_is_not_there(shop, board):
    west = make_store(region="west")
    page = board.get(url("region")).content.decode()

    assert west.name not in page
    assert board.get(url("region_store", west.pk)).status_code == 404
    assert board.get(url("region_guide", west.pk, shop.guide.pk)).status_code == 404
    assert board.get(f"{url('region')}?region={west.region_id}").status_code == 404


def test_it_is_no_page_of_a_store(managers_phone):
    for name in ("region", "region_pushes"):
        assert managers_phone.get(url(name)).status_code == 403


def test_customers_in_two_tasks_are_counted_as_collisions(shop, board, settings):
    settings.CONTACT_ONE_PLAN = False
    hand_out(shop.members[:1], shop.now, title="又一个任务", kind="birthday")
    page = board.get(url("region_pushes")).content.decode()

    assert "又一个任务" in page
    (row, *_rest) = places.meeting_pushes(store_ids=[shop.store.pk], now=shop.now)
    assert 0 < row.minutes < 60
    assert f"约 {row.minutes} 分钟" in page
    assert row.shared == 1


def test_a_regional_manager_comes_in_by_wecom_and_lands_on_the_board(shop, manager):
    guide = connect_region_manager(user=manager, corp_id=CORP, wecom_userid="hd_lead")
    assert connect_region_manager(user=manager, corp_id=CORP, wecom_userid="hd_lead") == guide

    user = sign_in.guide_user(corp_id=CORP, wecom_userid="hd_lead", now=shop.now)
    assert user == manager
    assert sign_in.onward_for(user, onward="/g/") == url("region")
    assert sign_in.onward_for(user, onward=url("region_pushes")) == url("region_pushes")
    assert sign_in.onward_for(user, onward=url("approvals")) == url("approvals")
    manager.is_active = False
    manager.save()
    with pytest.raises(sign_in.NotAGuide):
        sign_in.guide_user(corp_id=CORP, wecom_userid="hd_lead", now=shop.now)


def _queries(client, address):
    cache.clear()
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_pages_ask_as_often_for_three_stores_as_for_one(shop, board):
    addresses = [
        url("region"),
        url("region_pushes"),
        url("region_store", shop.store.pk),
        url("region_guide", shop.store.pk, shop.guide.pk),
    ]
    board.get(url("region"))
    before = [_queries(board, address) for address in addresses]
    for _more in range(2):
        open_shop(shop.now, friends=4, guides=3)

    assert [_queries(board, address) for address in addresses] == before
    assert max(before) <= 12
