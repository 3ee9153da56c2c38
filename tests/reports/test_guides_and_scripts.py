"""A guide's own sales, place and friends; what became of each script."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.accounts.actor import SYSTEM
from apps.guide_tasks.models import TaskTarget
from apps.members.models import FollowRelation
from apps.orders.models import Order
from apps.outreach.models import MessageTemplate
from apps.reports import guides, scripts
from apps.reports.scripts import ScriptResult
from apps.reports.selectors import push_breakdown
from apps.stores.models import Guide
from tests.factories.facts import make_guide, make_store
from tests.factories.tasks import buy, deliver, hand_out, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def till(fixed_clock):
    """A store whose three guides sell to a member of theirs."""
    store = make_store()
    team = make_team(fixed_clock, guides=3, friends=2, store=store)
    buyer = team[0][1][0]

    def sell(guide, fen, *, days_ago=1, **fields):
        order = buy(buyer, store, fixed_clock - timedelta(days=days_ago), fen=fen, **fields)
        Order.objects.filter(pk=order).update(selling_guide=guide)
        return Order.objects.get(pk=order)

    sell.store, sell.guides, sell.buyer = store, [guide for guide, _friends in team], buyer
    return sell


def sales(guide, now):
    return guides.my_sales(guide_id=guide.pk, now=now)


def test_a_return_comes_off_the_sale_it_belongs_to(till, fixed_clock):
    me = till.guides[0]
    till(me, 80_000)
    till(me, 30_000, number="T-1")
    buy(till.buyer, till.store, fixed_clock, fen=30_000, original="T-1")

    found = sales(me, fixed_clock)

    assert (found.net_fen, found.returned_fen, found.orders) == (80_000, 30_000, 1)


def test_only_this_month_this_store_members_and_what_counts(till, fixed_clock):
    me = till.guides[0]
    till(me, 10_000)
    till(me, 20_000, days_ago=40)
    elsewhere = till(me, 40_000)
    Order.objects.filter(pk=elsewhere.pk).update(store=make_store())
    anonymous = till(me, 80_000)
    Order.objects.filter(pk=anonymous.pk).update(member=None)
    staff = till(me, 160_000)
    Order.objects.filter(pk=staff.pk).update(is_staff=True)

    assert sales(me, fixed_clock).net_fen == 10_000


def test_own_place_and_the_gap_to_the_next_step(till, fixed_clock):
    first, second, third = till.guides
    till(first, 90_000)
    till(second, 60_000)
    till(third, 10_000)

    places = [sales(guide, fixed_clock) for guide in till.guides]

    assert [found.rank for found in places] == [1, 2, 3]
    assert [found.gap_fen for found in places] == [None, 30_000, 50_000]
    assert [found.next_place for found in places] == [None, 1, 2]
    assert {found.ranked for found in places} == {3}


def test_who_stands_level_shares_a_place(till, fixed_clock):
    for guide, fen in zip(till.guides, (50_000, 50_000, 20_000), strict=True):
        till(guide, fen)

    places = [sales(guide, fixed_clock) for guide in till.guides]

    assert [found.rank for found in places] == [1, 1, 3]
    assert (places[2].gap_fen, places[2].next_place) == (30_000, 1)


def test_who_stands_in_no_store_has_no_place(db, fixed_clock):
    assert sales(make_guide(None), fixed_clock).rank is None


def test_a_transfer_neither_wins_nor_loses_a_friend(till, fixed_clock):
    giver, taker = till.guides[:2]
    since = fixed_clock - timedelta(days=6)
    before = {guide.pk: guides.friends(guide_id=guide.pk, since=since) for guide in (giver, taker)}
    handed, gone = FollowRelation.objects.filter(guide=giver)[:2]
    moment = fixed_clock - timedelta(days=2)
    FollowRelation.objects.filter(pk=handed.pk).update(until=moment, ended_by="transfer")
    FollowRelation.objects.create(
        corp_id=handed.corp_id,
        guide=taker,
        member_id=handed.member_id,
        external_userid=handed.external_userid,
        since=moment + timedelta(hours=24),
    )
    FollowRelation.objects.filter(pk=gone.pk).update(until=moment, ended_by="customer")

    assert guides.friends(guide_id=taker.pk, since=since) == before[taker.pk]
    assert guides.friends(guide_id=giver.pk, since=since) == guides.Friends(won=0, lost=1)


def test_praise_names_who_was_reached_and_bought(till, fixed_clock):
    push = hand_out(
        [
            relation.member
            for relation in FollowRelation.objects.filter(guide__in=till.guides).select_related(
                "member"
            )
        ],
        fixed_clock,
    )
    me = till.guides[0]
    for target in TaskTarget.objects.filter(push=push).exclude(guide=till.guides[2]):
        deliver(target, fixed_clock)
    assert guides.praise(guide_id=me.pk, now=fixed_clock) is None

    TaskTarget.objects.filter(push=push, guide=me).update(purchased_at=fixed_clock)

    assert guides.praise(guide_id=me.pk, now=fixed_clock) == guides.Praise(2, 2, is_best=True)


def test_scripts_are_counted_by_what_became_of_their_messages(db, fixed_clock):
    cache.delete("reports:scripts")
    ours = MessageTemplate.objects.create(name="新靴", body="{称呼}，新靴到了。")
    team = make_team(fixed_clock, friends=3)
    push = hand_out(members_of(team), fixed_clock, template=ours)
    reached, bought, _left = TaskTarget.objects.filter(push=push).order_by("pk")
    deliver(reached, fixed_clock)
    deliver(bought, fixed_clock)
    TaskTarget.objects.filter(pk=bought.pk).update(purchased_at=fixed_clock)

    found = scripts.script_results(now=fixed_clock)

    assert found == {ours.pk: ScriptResult(issued=3, delivered=2, engaged=0, purchased=1)}
    assert scripts.places(found) == {}
    cache.delete("reports:scripts")


def test_the_library_is_counted_by_a_job_and_not_while_somebody_waits(
    db, fixed_clock, django_assert_num_queries
):
    scripts.count_scripts(now=fixed_clock)

    with django_assert_num_queries(0):
        scripts.script_results(now=fixed_clock)
    cache.delete("reports:scripts")


def test_only_scripts_with_enough_sends_have_a_place():
    results = {
        1: ScriptResult(issued=100, delivered=80, purchased=8),
        2: ScriptResult(issued=100, delivered=80, purchased=20),
        3: ScriptResult(issued=10, delivered=10, purchased=9),
        4: ScriptResult(issued=50, delivered=50, purchased=4),
    }

    assert scripts.places(results) == {2: 1, 1: 2, 4: 2}


def test_the_figures_ask_as_often_for_a_large_store_as_for_a_small_one(
    till, fixed_clock, django_assert_num_queries
):
    me = till.guides[0]
    for size in (1, 6):
        for _one in range(size):
            till(make_guide(till.store), 1_000)
        with django_assert_num_queries(2):
            sales(me, fixed_clock)
        with django_assert_num_queries(1):
            guides.praise(guide_id=me.pk, now=fixed_clock)
    assert Guide.objects.count() > 6


def test_an_order_after_messages_of_several_guides_is_one_guides_and_counted_once(
    till, fixed_clock
):
    """Two guides reached the buyer, a third one sold: the guides' sales add up to the order."""
    reached = []
    for guide in till.guides[:2]:
        friend = FollowRelation.objects.filter(guide=guide).first().member
        push = hand_out([friend], fixed_clock)
        deliver(TaskTarget.objects.get(push=push), fixed_clock)
        TaskTarget.objects.filter(push=push).update(member=till.buyer)  # TA knows all three
        reached.append(push)

    till(till.guides[2], 88_000, days_ago=0)

    nets = [sales(guide, fixed_clock).net_fen for guide in till.guides]
    assert nets == [0, 0, 88_000]
    for by in ("guide", "store", "region"):  # nor does a push's table say it twice
        rows = push_breakdown(push=reached[0], by=by, actor=SYSTEM)
        assert sum(row.net_fen for row in rows) == 88_000
