"""Profiles follow the orders; stages are a pure function of facts, date and version."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members.models import Member
from apps.orders.models import Order
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.profiles import selectors, services, stages
from apps.profiles.models import MemberFacts, MemberProfile, Stage, StageVersion
from apps.segments.compile import compile_definition
from apps.timeline.models import MemberEvent
from tests.factories.facts import NOW, make_member, make_members, make_product, make_store

DAY = timedelta(days=1)
TODAY = clock.business_day(NOW)
VERSION = StageVersion(new_days=60, silent_after_days=90, lost_after_days=540)


def buy(member, number, *, days_ago, net=10000, now=NOW, sku="SKU1", refresh=True, **fields):
    row = OrderRow(
        source="pos", external_no=number, store_code="S1", paid_at=NOW - days_ago * DAY,
        net_fen=net, lines=[LineRow(1, sku, Decimal(1), net)], member_id=member.pk, **fields,
    )  # fmt: skip
    [answer] = ingest_orders(rows=[row], now=now, actor=SYSTEM)
    assert answer.status != "rejected", answer.message
    if refresh:
        services.refresh_profiles(member_ids=[member.pk], now=now)
    return answer


def give_back(number, original, net, *, days_ago=0):
    lines = [LineRow(1, "SKU1", Decimal(-1), net, original_line_no=1)]
    row = OrderRow(
        source="pos", external_no=number, store_code="S1", paid_at=NOW - days_ago * DAY,
        net_fen=net, lines=lines, kind="return", original_no=original,
    )  # fmt: skip
    [answer] = ingest_orders(rows=[row], now=NOW, actor=SYSTEM)
    assert answer.status == "created", answer.message
    services.refresh_profiles(member_ids=answer.member_ids, now=NOW)


@pytest.fixture
def shop(db):
    make_product("SKU1")
    return make_store("S1")


@pytest.mark.parametrize(
    ("first", "last", "order_days", "stage", "since"),
    [
        (None, None, 0, "prospect", None),
        (0, 0, 1, "new", 0),
        (59, 59, 1, "new", 59),
        (60, 60, 1, "active", 0),
        (89, 89, 1, "active", 29),
        (59, 30, 2, "active", 30),
        (90, 90, 1, "silent", 0),
        (600, 90, 9, "silent", 0),
        (600, 539, 2, "silent", 449),
        (600, 540, 2, "lost", 0),
    ],
)
def test_stage_by_days(first, last, order_days, stage, since):
    def day(ago):
        return None if ago is None else TODAY - ago * DAY

    facts = stages.Facts(day(first), day(last), order_days)

    assert stages.stage_of(facts, on=TODAY, version=VERSION) == (stage, day(since))


_days = st.dates(date(2024, 1, 1), date(2026, 4, 1))


@pytest.mark.django_db
@given(
    days=st.lists(_days, max_size=4),
    on=_days,
    limits=st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(1, 400)),
)
def test_sql_and_python_give_the_same_stage(days, on, limits):
    new, silent, more = limits
    version = StageVersion(new_days=new, silent_after_days=silent, lost_after_days=silent + more)
    first, last = (min(days), max(days)) if days else (None, None)
    facts = stages.Facts(first, last, len(set(days)))

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {stages.STAGE_SQL}, {stages.SINCE_SQL} FROM (SELECT %(first)s::date AS"
            " first_order_on, %(last)s::date AS last_order_on, %(order_days)s AS order_days) AS f",
            {
                **stages.parameters(on=on, version=version),
                "first": first,
                "last": last,
                "order_days": facts.order_days,
            },
        )
        assert cursor.fetchone() == stages.stage_of(facts, on=on, version=version)


def test_an_order_changes_the_profile_and_the_stage_at_once(shop):
    member = make_member()

    buy(member, "A1", days_ago=100, net=20000)
    buy(member, "A2", days_ago=3, net=5000)

    profile = selectors.profile_of(member.pk)
    assert (profile.stage, profile.order_count, profile.order_days) == ("active", 2, 2)
    assert (profile.net_fen, profile.net_365_fen, profile.orders_365) == (25000, 25000, 2)
    assert profile.last_order_on == TODAY - 3 * DAY
    moves = MemberEvent.objects.filter(kind="stage.changed").order_by("id")
    assert [event.payload["to"] for event in moves] == ["silent", "active"]


def test_a_refund_to_nothing_makes_a_prospect_again(shop):
    member = make_member()
    buy(member, "A1", days_ago=10)

    give_back("R1", "A1", -10000)

    profile = selectors.profile_of(member.pk)
    assert (profile.stage, profile.order_count, profile.net_fen) == (Stage.PROSPECT, 0, 0)
    assert profile.last_order_on is None


def test_staff_group_and_stored_value_orders_do_not_count(shop):
    member = make_member()
    for number, flag in enumerate(("is_staff", "is_group_buy", "is_stored_value")):
        buy(member, f"A{number}", days_ago=1, **{flag: True})

    assert selectors.profile_of(member.pk).stage == Stage.PROSPECT
    assert selectors.profile_of(member.pk).net_fen == 0


def test_time_alone_moves_stages_in_the_night_and_the_year_moves_on(shop):
    member, contact = make_members(2)
    buy(member, "A1", days_ago=1)
    buy(member, "A2", days_ago=0)

    assert services.nightly_stages(now=NOW + 89 * DAY) == 0
    assert services.nightly_stages(now=NOW + 90 * DAY) == 1
    assert selectors.profile_of(member.pk).stage == Stage.SILENT
    assert services.nightly_stages(now=NOW + 90 * DAY) == 0

    services.nightly_stages(now=NOW + 365 * DAY)
    profile = selectors.profile_of(member.pk)
    assert (profile.net_fen, profile.net_365_fen, profile.orders_365) == (20000, 0, 0)
    assert MemberProfile.objects.filter(member_id=contact.pk, stage="prospect").exists()


def test_the_published_version_decides_and_says_so(shop):
    member = make_member()
    buy(member, "A1", days_ago=40)
    buy(member, "A2", days_ago=30)
    assert selectors.profile_of(member.pk).stage == Stage.ACTIVE

    version = services.publish_stage_version(
        new_days=10, silent_after_days=20, lost_after_days=200, now=NOW, actor=SYSTEM
    )
    services.nightly_stages(now=NOW)

    profile = selectors.profile_of(member.pk)
    assert (profile.stage, profile.stage_version_id) == (Stage.SILENT, version.pk)
    assert profile.stage_since == TODAY - 10 * DAY
    assert "20" in selectors.stage_sentence(profile, NOW)
    with pytest.raises(services.StageLimitsOutOfOrder):
        services.publish_stage_version(
            new_days=10, silent_after_days=20, lost_after_days=20, now=NOW, actor=SYSTEM
        )


def test_taste_comes_from_what_was_kept(shop):
    make_product("COAT", name="风衣", category="外套", size="L")
    member = make_member()
    buy(member, "A1", days_ago=40, sku="SKU1")
    buy(member, "A2", days_ago=30, sku="COAT")
    buy(member, "A3", days_ago=10, sku="SKU1")

    facts = selectors.facts_of([member.pk])[member.pk]
    assert (facts.usual_gap_days, facts.favourite_category) == (15, "鞋")
    assert (facts.shoe_size, facts.clothing_size) == ("38", "L")


def test_a_merged_person_has_one_profile(shop):
    kept, gone = make_members(2)
    buy(kept, "A1", days_ago=20)
    buy(gone, "A2", days_ago=10)
    Member.objects.filter(pk=gone.pk).update(survivor_id=kept.pk)

    services.refresh_profiles(member_ids=[gone.pk], now=NOW)

    assert selectors.profile_of(kept.pk).order_count == 2


_orders = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 700), st.integers(0, 30000), st.booleans(),
        st.sampled_from([0, 0, 50, 100]),
    ),
    max_size=8,
)  # fmt: skip
_run = iter(range(10**9))


@pytest.mark.slow
@hypothesis_settings(max_examples=15)
@given(orders=_orders)
def test_step_by_step_and_at_once_give_the_same_rows(shop, orders):
    people, run = make_members(3), next(_run)
    for number, (who, days, net, staff, returned) in enumerate(orders):
        name = f"{run}-{number}"
        buy(people[who], name, days_ago=days, net=net, is_staff=staff)
        if returned and net:
            give_back(f"R{name}", name, -net * returned // 100, days_ago=days // 2)
    ids = [one.pk for one in people]
    services.refresh_profiles(member_ids=ids, now=NOW)
    steps = [
        list(model.objects.filter(member_id__in=ids).order_by("pk").values())
        for model in (MemberProfile, MemberFacts)
    ]

    MemberProfile.objects.filter(member_id__in=ids).delete()
    MemberFacts.objects.filter(member_id__in=ids).delete()
    services.refresh_profiles(member_ids=ids, now=NOW)

    once = [
        list(model.objects.filter(member_id__in=ids).order_by("pk").values())
        for model in (MemberProfile, MemberFacts)
    ]
    assert once == steps
    for row in once[0]:
        facts = stages.Facts(row["first_order_on"], row["last_order_on"], row["order_days"])
        assert (row["stage"], row["stage_since"]) == stages.stage_of(
            facts, on=TODAY, version=VERSION
        )
    counted = Order.objects.filter(member_id__in=ids, original=None, is_staff=False)
    back = Order.objects.filter(original__in=counted)
    total = sum(order.net_fen for order in [*counted, *back])
    assert sum(row["net_fen"] for row in once[0]) == total


def test_a_refresh_costs_the_same_queries_at_any_size(shop):
    def queries(count):
        found = make_members(count)
        for number, member in enumerate(found):
            buy(member, f"{count}-{number}", days_ago=5, refresh=False)
        with CaptureQueriesContext(connection) as captured:
            services.refresh_profiles(member_ids=[member.pk for member in found], now=NOW)
        return len(captured)

    queries(1)
    assert queries(2) == queries(30)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_orders_of_one_member_at_once_are_both_counted():
    make_store("S1")
    make_product("SKU1")
    member, barrier = make_member(), threading.Barrier(2)

    def work(number):
        barrier.wait()
        try:
            buy(member, number, days_ago=1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in ("A1", "A2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert selectors.profile_of(member.pk).order_count == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_order_that_arrives_during_the_nightly_run_keeps_its_stage():
    make_store("S1")
    make_product("SKU1")
    member = make_member()
    buy(member, "A1", days_ago=200, refresh=False)
    buy(member, "A2", days_ago=100, refresh=False)
    services.refresh_profiles(member_ids=[member.pk], now=NOW - 20 * DAY)
    assert selectors.profile_of(member.pk).stage == Stage.ACTIVE

    def night():
        try:
            services.nightly_stages(now=NOW)
        finally:
            connections.close_all()

    thread = threading.Thread(target=night)
    with transaction.atomic():
        buy(member, "A3", days_ago=0)
        thread.start()
        thread.join(timeout=2)  # it waits for our rows
    thread.join()

    assert selectors.profile_of(member.pk).stage == Stage.ACTIVE


def test_a_one_time_buyer_leaves_new_by_age_and_is_no_repeat_buyer(shop):
    once, twice = make_members(2)
    buy(once, "A1", days_ago=61)
    buy(twice, "B1", days_ago=61)
    buy(twice, "B2", days_ago=5)

    found = {pk: selectors.profile_of(pk) for pk in (once.pk, twice.pk)}

    # both are 活跃; who bought again is told by the orders alone
    assert {profile.stage for profile in found.values()} == {"active"}
    assert (found[once.pk].order_count, found[twice.pk].order_count) == (1, 2)
    again = compile_definition(
        {"op": "and", "items": [{"field": "order_count", "operator": "gte", "value": 2}]}, now=NOW
    )
    with connection.cursor() as cursor:
        cursor.execute(again.sql, again.params)
        assert [row[0] for row in cursor.fetchall()] == [twice.pk]
