"""留货 and 调货: what may be promised, whose word leads where, and how a request ends by itself."""

import itertools
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.orders.models import Order, OrderLine
from apps.outreach.models import GuideNotice
from apps.stock import services
from apps.stock.errors import (
    AskedAlready,
    NobodyThere,
    NothingFree,
    OwnStore,
    RequestLate,
    RequestMoved,
    RequestOfOthers,
    ShareMoved,
    StockReasonMissing,
    StoreNotReachable,
)
from apps.stock.models import NEXT, OPEN, State, StockLevel, StockRequest, StockTerms
from apps.stock.selectors import promised
from apps.stock.services.steps import move
from apps.stores.models import DayOff, Posting, Store, StoreDay
from apps.stores.selectors import WorksNowhere
from tests.factories.facts import make_guide, make_product, make_store
from tests.factories.stock import bring_back, buy, make_pair, make_request
from tests.factories.tasks import guide_actor

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def pair(fixed_clock):
    return make_pair(fixed_clock)


def to(row):
    """Whose phones got a card about the present state."""
    found = GuideNotice.objects.filter(source=f"stock_request:{row.pk}:{row.state}")
    return set(found.values_list("guide_id", flat=True))


def confirm(row, pair, now=None, actor=None):
    return services.confirm(request_id=row.pk, actor=actor or pair.giving, now=now or pair.now)


def take(pair, row, step):
    """A step by who has to take it."""
    actor = pair.asker if step == "receive" else pair.giving
    return getattr(services, step)(request_id=row.pk, actor=actor, now=pair.now)


def states(row):
    return list(row.moves.order_by("pk").values_list("to_state", flat=True))


# --- asking ---------------------------------------------------------------------------------------


def test_a_piece_is_asked_for_with_the_terms_both_sides_were_shown(pair):
    StockTerms.objects.create(hold_giver_percent=60, answer_minutes=20)
    row = make_request(pair)
    StockTerms.objects.update(hold_giver_percent=10, needs_manager=True)
    row.refresh_from_db()
    assert (row.state, row.giver_percent, row.needs_manager) == ("asked", 60, False)
    assert row.due_at == pair.now + 20 * MINUTE
    assert to(row) == {pair.giver.pk, pair.manager.pk}
    card = GuideNotice.objects.filter(guide=pair.giver).get()
    assert card.at_once
    assert pair.member.name not in card.title + card.body


def test_the_hours_stay_those_that_were_shown(pair):
    row = make_request(pair, kind="send")
    StockTerms.objects.create(hold_hours=4, travel_hours=5)
    row = confirm(row, pair)
    assert row.due_at == pair.now + 24 * HOUR
    row = services.send(request_id=row.pk, actor=pair.giving, now=pair.now + HOUR)
    assert row.due_at == pair.now + 73 * HOUR
    row = services.receive(request_id=row.pk, actor=pair.asker, now=pair.now + 2 * HOUR)
    assert row.due_at == pair.now + 26 * HOUR


def test_a_share_that_moved_since_it_was_read_is_read_again(pair):
    StockTerms.objects.create(hold_giver_percent=40)
    with pytest.raises(ShareMoved):
        make_request(pair, percent=50)
    assert make_request(pair, percent=40).giver_percent == 40


def test_the_same_tap_is_one_request_and_nobody_elses(pair):
    tap = uuid.uuid4()
    first, again = make_request(pair, client_id=tap), make_request(pair, client_id=tap)
    assert (first.pk, StockRequest.objects.count(), len(states(first))) == (again.pk, 1, 1)
    with pytest.raises(RequestOfOthers):
        make_request(pair, client_id=tap, guide_id=pair.colleague.pk)


def test_one_piece_for_one_customer_is_asked_of_one_store(pair):
    StockLevel.objects.update(quantity=5)
    make_request(pair)
    with pytest.raises(AskedAlready):
        make_request(pair)
    make_request(pair, member=pair.members[1])


def test_what_cannot_be_asked_is_said(pair, fixed_clock):
    with pytest.raises(OwnStore):
        make_request(pair, giving_store_id=pair.here.pk)
    with pytest.raises(WorksNowhere):
        make_request(pair, guide_id=make_guide(None).pk)
    with pytest.raises(NothingFree):  # its till has told of no such piece
        make_request(pair, giving_store_id=make_store().pk)
    for change in ({"live_since": None}, {"live_since": fixed_clock, "closed_on": "2026-01-01"}):
        Store.objects.filter(pk=pair.there.pk).update(**change)
        with pytest.raises(StoreNotReachable):
            make_request(pair)
    assert StockRequest.objects.count() == 0


def test_who_cannot_be_heard_is_not_asked(pair):
    today = clock.business_day(pair.now)
    off = [DayOff.objects.create(guide=one, day=today) for one in (pair.giver, pair.manager)]
    with pytest.raises(NobodyThere):
        make_request(pair)
    off[0].delete()
    assert to(make_request(pair)) == {pair.giver.pk}


def test_a_store_that_is_shut_today_is_not_asked(pair):
    StoreDay.objects.create(store=pair.there, day=clock.business_day(pair.now))
    with pytest.raises(NobodyThere):
        make_request(pair)


def test_what_is_asked_at_night_is_heard_and_answered_in_the_morning(pair):
    night = pair.now.replace(hour=23, minute=30)
    morning = (pair.now + timedelta(days=1)).replace(hour=7, minute=0)
    # whoever is at work when the card comes
    DayOff.objects.create(guide=pair.giver, day=clock.business_day(morning))
    row = make_request(pair, now=night)
    assert row.due_at == morning + 30 * MINUTE
    assert to(row) == {pair.manager.pk}
    assert services.lapse_due(now=morning) == 0
    assert confirm(row, pair, now=morning + MINUTE, actor=pair.leading).state == "held"


def test_never_more_is_promised_than_the_till_said(pair):
    StockLevel.objects.update(quantity=2)
    one = make_request(pair)
    confirm(one, pair)
    two = make_request(pair, member=pair.members[1])
    with pytest.raises(NothingFree):
        make_request(pair, member=pair.members[2])
    services.refuse(request_id=two.pk, reason="own", actor=pair.giving, now=pair.now)
    make_request(pair, member=pair.members[2])


def test_what_the_till_sold_meanwhile_is_not_put_aside(pair):
    StockLevel.objects.update(quantity=2)
    one, two = make_request(pair), make_request(pair, member=pair.members[1])
    StockLevel.objects.update(quantity=1)
    confirm(one, pair)
    with pytest.raises(NothingFree):
        confirm(two, pair)
    StockLevel.objects.update(quantity=2)
    assert confirm(two, pair).state == "held"


def test_a_piece_on_its_way_is_promised_until_the_till_counts_without_it(pair):
    row = make_request(pair, kind="send")
    confirm(row, pair)
    services.send(request_id=row.pk, actor=pair.giving, now=pair.now + HOUR)
    place = (pair.there.pk, pair.product.pk)
    assert promised(product_ids=[pair.product.pk]) == {place: 1}
    StockLevel.objects.update(as_of=pair.now + 2 * HOUR, quantity=1)
    assert promised(product_ids=[pair.product.pk]) == {}
    # where it arrived it is promised as soon as that till counts it
    services.receive(request_id=row.pk, actor=pair.asker, now=pair.now + 3 * HOUR)
    StockLevel.objects.create(
        store=pair.here, product=pair.product, quantity=1, as_of=pair.now + 2 * HOUR
    )
    assert promised(product_ids=[pair.product.pk]) == {}
    StockLevel.objects.filter(store=pair.here).update(as_of=pair.now + 4 * HOUR)
    assert promised(product_ids=[pair.product.pk]) == {(pair.here.pk, pair.product.pk): 1}


def test_a_kept_piece_that_was_bought_is_not_free_before_the_next_count(pair):
    row = confirm(make_request(pair), pair)
    buy(pair, pair.now + HOUR, number="P1")
    row.refresh_from_db()
    assert row.state == "sold"
    # the level still counts the piece that was sold
    assert promised(product_ids=[pair.product.pk]) == {(pair.there.pk, pair.product.pk): 1}
    with pytest.raises(NothingFree):
        make_request(pair, member=pair.members[1], now=pair.now + 2 * HOUR)
    StockLevel.objects.update(as_of=pair.now + 3 * HOUR)
    assert promised(product_ids=[pair.product.pk]) == {}
    make_request(pair, member=pair.members[1], now=pair.now + 3 * HOUR)


def test_a_piece_that_came_and_was_bought_is_not_free_here_before_the_next_count(pair):
    row = confirm(make_request(pair, kind="send"), pair)
    services.send(request_id=row.pk, actor=pair.giving, now=pair.now)
    services.receive(request_id=row.pk, actor=pair.asker, now=pair.now + HOUR)
    here = StockLevel.objects.create(
        store=pair.here, product=pair.product, quantity=1, as_of=pair.now + 2 * HOUR
    )
    StockLevel.objects.filter(store=pair.there).update(as_of=pair.now + 2 * HOUR, quantity=0)
    buy(pair, pair.now + 3 * HOUR, number="P2", store=pair.here)
    row.refresh_from_db()
    assert row.state == "sold"
    assert promised(product_ids=[pair.product.pk]) == {(pair.here.pk, pair.product.pk): 1}
    here.as_of, here.quantity = pair.now + 4 * HOUR, 0
    here.save()
    assert promised(product_ids=[pair.product.pk]) == {}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_for_the_last_piece_at_once_one_is_told_no(fixed_clock):
    pair = make_pair(fixed_clock, pieces=1)
    barrier, refused = threading.Barrier(3), []

    def tap(member):
        barrier.wait()
        try:
            make_request(pair, member=member)
        except NothingFree:
            refused.append(member)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tap, args=(member,)) for member in pair.members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (StockRequest.objects.open().count(), len(refused)) == (1, 2)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_two_who_put_aside_the_last_piece_at_once_one_is_told_no(fixed_clock):
    pair = make_pair(fixed_clock, pieces=2)
    rows = [make_request(pair, member=member) for member in pair.members[:2]]
    StockLevel.objects.update(quantity=1)
    barrier, refused = threading.Barrier(2), []

    def tap(row):
        barrier.wait()
        try:
            confirm(row, pair)
        except NothingFree:
            refused.append(row)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tap, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (StockRequest.objects.filter(state="held").count(), len(refused)) == (1, 1)


# --- the way --------------------------------------------------------------------------------------


def test_kept_there_fetched_and_bought(pair):
    row = confirm(make_request(pair), pair)
    assert (row.giving_guide_id, row.due_at) == (pair.giver.pk, pair.now + 24 * HOUR)
    assert to(row) == {pair.guide.pk}
    buy(pair, pair.now + 2 * HOUR, number="T1")
    row.refresh_from_db()
    assert (row.state, row.net_fen, row.giver_fen) == ("sold", 50_000, 25_000)
    assert row.order.external_no == "T1"
    assert to(row) == {pair.guide.pk, pair.giver.pk}
    assert states(row) == ["asked", "held", "sold"]
    # the till tells the same again
    buy(pair, pair.now + 2 * HOUR, number="T1", now=pair.now + 3 * HOUR)
    assert states(row) == ["asked", "held", "sold"]


def test_sent_received_and_bought_here(pair):
    row = confirm(make_request(pair, kind="send"), pair)
    services.send(request_id=row.pk, actor=pair.giving, now=pair.now + HOUR)
    with pytest.raises(RequestMoved):  # what is on its way comes first
        services.withdraw(request_id=row.pk, reason="no_need", actor=pair.asker, now=pair.now)
    colleague = guide_actor(pair.colleague, pair.now)
    row = services.receive(request_id=row.pk, actor=colleague, now=pair.now + 5 * HOUR)
    assert row.due_at == pair.now + 29 * HOUR
    assert to(row) == {pair.guide.pk}
    buy(pair, pair.now + 6 * HOUR, number="T2", store=pair.here)
    row.refresh_from_db()
    assert (row.state, row.giver_fen) == ("sold", 15_000)
    assert states(row) == ["asked", "held", "sent", "arrived", "sold"]


def test_what_is_kept_there_is_not_sent(pair):
    row = confirm(make_request(pair), pair)
    with pytest.raises(RequestMoved):
        services.send(request_id=row.pk, actor=pair.giving, now=pair.now)


def test_a_repeated_tap_changes_nothing(pair):
    row = make_request(pair, kind="send")
    for step in ("confirm", "send", "receive"):
        for _twice in range(2):
            take(pair, row, step)
    assert states(row) == ["asked", "held", "sent", "arrived"]
    for _twice in range(2):
        services.withdraw(request_id=row.pk, reason="no_need", actor=pair.asker, now=pair.now)
    assert states(row)[-1] == "withdrawn"
    assert StockRequest.objects.open().count() == 0


def test_each_side_takes_its_own_steps_alone(pair):
    row = make_request(pair, kind="send")

    def refused(step, actor, **more):
        with pytest.raises(RequestOfOthers):
            getattr(services, step)(request_id=row.pk, actor=actor, now=pair.now, **more)

    refused("confirm", pair.asker)
    refused("refuse", pair.asker, reason="gone")
    take(pair, row, "confirm")
    refused("withdraw", pair.giving, reason="no_need")
    refused("withdraw", guide_actor(pair.colleague, pair.now), reason="no_need")
    refused("send", pair.asker)
    take(pair, row, "send")
    refused("receive", pair.giving)
    assert states(row) == ["asked", "held", "sent"]


def test_a_late_tap_is_told_where_it_is_by_now(pair):
    """Not that nothing is left, nor that its time is over: both are said of what can still be."""
    row = make_request(pair, kind="send")
    for step in ("confirm", "send"):
        take(pair, row, step)
    row.refresh_from_db()
    for now in (pair.now, row.due_at):
        with pytest.raises(RequestMoved):
            confirm(row, pair, now=now)
    take(pair, row, "receive")
    with pytest.raises(RequestMoved):
        services.send(request_id=row.pk, actor=pair.giving, now=pair.now + 25 * HOUR)


def test_where_it_is_so_set_the_manager_has_the_last_word(pair):
    StockTerms.objects.create(needs_manager=True)
    row = confirm(make_request(pair), pair)
    assert (row.state, row.giving_guide_id) == ("agreed", pair.giver.pk)
    assert to(row) == {pair.manager.pk}
    assert confirm(row, pair).state == "agreed"
    row = confirm(row, pair, actor=pair.leading)
    assert (row.state, row.giving_guide_id) == ("held", pair.giver.pk)
    # a manager who looks alone needs one tap
    StockLevel.objects.update(quantity=2)
    other = make_request(pair, member=pair.members[1])
    assert confirm(other, pair, actor=pair.leading).state == "held"


def test_a_no_has_a_reason_of_its_side(pair):
    row = make_request(pair)
    for reason in ("", "no_need", "no_answer"):
        with pytest.raises(StockReasonMissing):
            services.refuse(request_id=row.pk, reason=reason, actor=pair.giving, now=pair.now)
    with pytest.raises(StockReasonMissing):
        services.withdraw(request_id=row.pk, reason="gone", actor=pair.asker, now=pair.now)
    row = services.refuse(request_id=row.pk, reason="gone", actor=pair.giving, now=pair.now)
    assert (row.reason, to(row)) == ("gone", {pair.guide.pk})
    with pytest.raises(RequestMoved):
        confirm(row, pair)


def test_a_state_leads_where_the_table_says_and_nowhere_else(pair):
    pairs = list(itertools.product(State.values, repeat=2))
    for before, after in pairs:
        if after not in NEXT[before]:
            with pytest.raises(RequestMoved):
                move(StockRequest(state=before), after, actor="test", now=pair.now)
    assert sum(len(led) for led in NEXT.values()) < len(pairs)


def test_ends_stay_ends():
    for state in set(State.values) - set(OPEN):
        assert NEXT[state] <= {State.SOLD}


# --- by itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "steps", "hours", "reason"),
    [
        ("hold", [], 1, "no_answer"),
        ("hold", ["confirm"], 25, "not_fetched"),
        ("send", ["confirm"], 25, "not_sent"),
        ("send", ["confirm", "send"], 73, "not_arrived"),
        ("send", ["confirm", "send", "receive"], 25, "not_fetched"),
    ],
)
def test_what_is_late_lapses_by_itself_and_both_stores_hear(pair, kind, steps, hours, reason):
    row = make_request(pair, kind=kind)
    for step in steps:
        take(pair, row, step)
    row.refresh_from_db()
    assert services.lapse_due(now=row.due_at - MINUTE) == 0
    late = pair.now + hours * HOUR
    assert services.lapse_due(now=late) == 1
    assert services.lapse_due(now=late) == 0
    row.refresh_from_db()
    assert (row.state, row.reason, row.due_at) == ("lapsed", reason, None)
    giving = {pair.giver.pk} if steps else {pair.giver.pk, pair.manager.pk}
    assert to(row) == {pair.guide.pk, *giving}


def test_who_answers_too_late_is_told_before_the_job_comes(pair):
    row = make_request(pair)
    with pytest.raises(RequestLate):
        confirm(row, pair, now=row.due_at)


def test_an_order_told_late_still_counts_for_what_was_kept(pair):
    kept, unsaid = make_request(pair), None
    confirm(kept, pair)
    services.lapse_due(now=pair.now + 25 * HOUR)
    buy(pair, pair.now + 3 * HOUR, number="L1", now=pair.now + 30 * HOUR)
    kept.refresh_from_db()
    assert kept.state == "sold"
    StockLevel.objects.update(as_of=pair.now + 39 * HOUR)
    unsaid = make_request(pair, now=pair.now + 40 * HOUR)
    services.lapse_due(now=pair.now + 50 * HOUR)
    buy(pair, pair.now + 40 * HOUR + MINUTE, number="L2", now=pair.now + 51 * HOUR)
    unsaid.refresh_from_db()
    assert unsaid.state == "lapsed"  # nobody had kept anything


def test_who_bought_before_the_answer_needs_no_piece(pair):
    row = make_request(pair)
    buy(pair, pair.now + MINUTE, number="E1", store=pair.here)
    row.refresh_from_db()
    assert (row.state, row.reason, row.order) == ("withdrawn", "bought", None)


def test_a_piece_kept_in_one_store_is_not_what_was_bought_in_another(pair):
    elsewhere = make_store()
    for number, store in enumerate((pair.here, elsewhere)):
        row = confirm(make_request(pair), pair)
        buy(pair, pair.now + MINUTE, number=f"O{number}", store=store)
        row.refresh_from_db()
        assert (row.state, row.reason, row.order) == ("withdrawn", "bought", None)
        # who put it aside hears that it may go back
        assert to(row) == {pair.giver.pk}


def test_what_was_not_sent_yet_was_bought_where_it_was_to_go_or_not_at_all(pair):
    row = confirm(make_request(pair, kind="send"), pair)
    buy(pair, pair.now + MINUTE, number="N1", store=pair.there)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("withdrawn", "bought")
    row = confirm(make_request(pair, kind="send"), pair)
    services.send(request_id=row.pk, actor=pair.giving, now=pair.now)
    buy(pair, pair.now + MINUTE, number="N2", store=make_store())
    row.refresh_from_db()
    assert row.state == "sold"


def test_a_lapsed_one_is_not_what_was_bought_elsewhere(pair):
    row = confirm(make_request(pair), pair)
    services.lapse_due(now=pair.now + 25 * HOUR)
    buy(pair, pair.now + HOUR, number="LE", store=pair.here, now=pair.now + 30 * HOUR)
    row.refresh_from_db()
    assert (row.state, row.net_fen) == ("lapsed", None)


def test_of_two_sales_told_together_the_one_where_it_lay_counts(pair):
    rows = [confirm(make_request(pair), pair)]
    numbers = []
    for number, store in (("W1", pair.here), ("W2", pair.there)):
        buy(pair, pair.now - MINUTE, number=number, store=store, now=pair.now)
        numbers.append(Order.objects.get(external_no=number).pk)
    for minutes, number in enumerate(numbers, 1):
        at = pair.now + minutes * MINUTE
        Order.objects.filter(pk=number).update(paid_at=at)
        OrderLine.objects.filter(order_id=number).update(paid_at=at)
    services.close_with_orders(order_ids=numbers, now=pair.now + HOUR)
    rows[0].refresh_from_db()
    assert (rows[0].state, rows[0].order_id) == ("sold", numbers[1])


def test_of_a_line_of_several_one_piece_counts(pair):
    row = confirm(make_request(pair), pair)
    buy(pair, pair.now + HOUR, number="Q1", pieces=2)
    row.refresh_from_db()
    assert (row.net_fen, row.giver_fen) == (50_000, 25_000)
    bring_back(pair, pair.now + 2 * HOUR, number="Q1", pieces=1)
    row.refresh_from_db()
    assert row.net_fen == 50_000  # the other one stayed


def test_what_came_back_is_shared_with_nobody(pair):
    row = confirm(make_request(pair), pair)
    buy(pair, pair.now + HOUR, number="R1")
    bring_back(pair, pair.now + 2 * HOUR, number="R1")
    row.refresh_from_db()
    assert (row.state, row.net_fen, row.giver_fen) == ("sold", 0, 0)


def test_a_receipt_that_is_corrected_changes_what_is_shared(pair):
    row = confirm(make_request(pair), pair)
    at = pair.now + HOUR
    buy(pair, at, number="C1")
    boots = make_product(name="长靴", size="37")
    for correction, net_fen in (
        ({"product": boots}, 0),
        ({}, 50_000),
        ({"member": pair.members[1]}, 0),
    ):
        buy(pair, at, number="C1", **correction)
        row.refresh_from_db()
        assert (row.state, row.net_fen) == ("sold", net_fen), correction


def test_an_order_from_before_or_of_somebody_else_ends_nothing(pair):
    row = confirm(make_request(pair), pair)
    buy(pair, pair.now - HOUR, number="B1", now=pair.now + HOUR)
    other = pair.member
    pair.member = pair.members[1]
    buy(pair, pair.now + HOUR, number="B2")
    pair.member = other
    row.refresh_from_db()
    assert row.state == "held"


def test_orders_hold_all_levels_first_in_the_order_stock_is_kept_in(pair):
    later = make_product(name="长靴", size="37")
    StockLevel.objects.create(store=pair.there, product=later, quantity=1, as_of=pair.now)
    rows = [make_request(pair, product=later), make_request(pair)]
    numbers = []
    for number, product in (("L1", later), ("L2", pair.product)):
        pair.product = product
        buy(pair, pair.now - MINUTE, number=number, now=pair.now)  # before it was asked for
        numbers.append(Order.objects.get(external_no=number).pk)
    Order.objects.filter(pk__in=numbers).update(paid_at=pair.now + MINUTE)
    OrderLine.objects.filter(order_id__in=numbers).update(paid_at=pair.now + MINUTE)

    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        assert services.close_with_orders(order_ids=numbers, now=pair.now + MINUTE) == 2

    locks = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"]]
    assert 'ORDER BY "stock_stocklevel"."store_id" ASC, "stock_stocklevel"."product_id"' in locks[0]
    assert [states(row)[-1] for row in rows] == ["withdrawn", "withdrawn"]


def test_whoever_is_forgotten_has_nothing_kept(pair):
    row = confirm(make_request(pair), pair)
    assert services.forget_members(member_ids=[pair.member.pk], now=pair.now + HOUR) == 1
    row.refresh_from_db()
    assert (row.state, row.reason) == ("withdrawn", "erased")
    assert services.forget_members(member_ids=[pair.member.pk], now=pair.now + HOUR) == 1
    assert states(row) == ["asked", "held", "withdrawn"]


def test_forgetting_holds_all_levels_first_in_the_order_stock_is_kept_in(pair):
    later = make_product(name="长靴", size="37")
    StockLevel.objects.create(store=pair.there, product=later, quantity=1, as_of=pair.now)
    rows = [make_request(pair, product=later), make_request(pair)]

    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        assert services.forget_members(member_ids=[pair.member.pk], now=pair.now + MINUTE) == 2

    locks = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"]]
    assert 'ORDER BY "stock_stocklevel"."store_id" ASC, "stock_stocklevel"."product_id"' in locks[0]
    assert [states(row)[-1] for row in rows] == ["withdrawn", "withdrawn"]


# --- whose ----------------------------------------------------------------------------------------


def test_both_stores_see_it_and_each_acts_on_its_own_side(pair):
    row = make_request(pair)
    rows = StockRequest.objects
    colleague = guide_actor(pair.colleague, pair.now)
    stranger = guide_actor(make_guide(make_store()), pair.now)

    def sides(actor):
        return [
            found(actor).filter(pk=row.pk).exists()
            for found in (rows.visible_to, rows.given_by, rows.asked_by, rows.to_take_back)
        ]

    assert sides(pair.asker) == [True, False, True, True]
    assert sides(colleague) == [True, False, True, False]
    assert sides(pair.giving) == [True, True, False, False]
    assert sides(pair.leading) == [True, True, False, False]
    assert sides(stranger) == [False, False, False, False]
    Posting.objects.filter(guide=pair.giver).delete()
    assert sides(pair.giving) == [False, False, False, False]
