"""Coupons: never more than there are, never twice for one cause, used once, back with the order."""

import threading
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.loyalty import errors, services
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.selectors import batch_figures, given_by, offers_for
from apps.loyalty.services import CouponUse
from apps.members.models import Member
from apps.orders.models import Order
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.timeline.models import MemberEvent
from tests.factories.coupons import give, make_coupon
from tests.factories.facts import make_guide, make_member, make_product, make_store


@pytest.fixture
def shop(db):
    make_product("SKU1")
    return make_store("S1")


@pytest.fixture
def guide(shop):
    return make_guide(shop)


def order(number, member, now, *, net=40_000, store="S1", **fields):
    quantity = Decimal(-1 if fields.get("kind") == "return" else 1)
    back = 1 if fields.get("kind") == "return" else None
    line = LineRow(1, "SKU1", quantity, net, original_line_no=back)
    row = OrderRow(
        source="pos", external_no=number, store_code=store, paid_at=now, net_fen=net,
        lines=[line], member_id=member.pk if member else None, **fields,
    )  # fmt: skip
    [stored] = ingest_orders(rows=[row], now=now, actor=SYSTEM)
    return Order.objects.get(pk=stored.order_id)


def use(issue, sale):
    [answer] = services.redeem(uses=[CouponUse(sale.pk, issue.code)]).values()
    return answer


def merged_into(member, survivor):
    Member.objects.filter(pk=member.pk).update(survivor_id=survivor.pk)


# --- what a coupon is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"off_fen": 0}, "off_fen"),
        ({"from_fen": 100}, "from_fen"),
        ({"benefit": "gift", "off_fen": 0}, "gift"),
        ({"benefit": "gift", "off_fen": 0, "gift": "鞋油", "by_hand": True}, "by_hand"),
        ({"ends_on": clock.today(), "valid_days": 7}, "ends_on"),
        ({"valid_days": None}, "ends_on"),
        ({"starts_on": clock.today() + timedelta(days=9), "ends_on": clock.today()}, "ends_on"),
        ({"stock": 0}, "stock"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused_at_its_field(db, fields, where):
    with pytest.raises(ValidationError) as refused:
        make_coupon(**fields)

    assert where in refused.value.message_dict


def test_days_from_giving_run_to_the_end_of_the_last_day(guide, fixed_clock):
    issue = give(make_coupon(valid_days=7), make_member(), fixed_clock, guide=guide)

    today = clock.business_day(fixed_clock)
    assert issue.last_day == today + timedelta(days=7)
    assert issue.expires_at == clock.day_start(today + timedelta(days=8))
    assert issue.state(now=issue.expires_at) == CouponIssue.State.EXPIRED


def test_a_coupon_that_begins_later_cannot_be_used_before(guide, fixed_clock):
    first = clock.business_day(fixed_clock) + timedelta(days=3)
    issue = give(make_coupon(starts_on=first), make_member(), fixed_clock, guide=guide)

    assert issue.state(now=fixed_clock) == CouponIssue.State.LATER
    assert issue.state(now=clock.day_start(first)) == CouponIssue.State.USABLE


def test_saving_a_coupon_loaded_before_one_was_given_keeps_the_count(guide, fixed_clock):
    coupon = make_coupon()
    loaded = Coupon.objects.get(pk=coupon.pk)
    give(coupon, make_member(), fixed_clock, guide=guide)

    loaded.name, loaded.stock = "新名字", 200
    loaded.full_clean()
    loaded.save()

    coupon.refresh_from_db()
    assert (coupon.issued, coupon.name, coupon.stock) == (1, "新名字", 200)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"off_fen": 4_000}, ["off_fen"]),
        ({"from_fen": 40_000}, ["from_fen"]),
        ({"terms": "特价商品不可用"}, ["terms"]),
        ({"benefit": "gift", "gift": "鞋油"}, ["benefit", "gift", "off_fen"]),
        ({"name": "新名字", "stock": 500, "is_active": False}, []),
    ],
)
def test_what_one_that_was_given_is_worth_stays(guide, fixed_clock, change, where):
    coupon, untouched = make_coupon(), make_coupon()
    give(coupon, make_member(), fixed_clock, guide=guide)

    def refused(one):
        loaded = Coupon.objects.get(pk=one.pk)
        for name, value in {**change, "name": f"{one.pk}"}.items():
            setattr(loaded, name, value)
        try:
            loaded.full_clean()
        except ValidationError as error:
            return error.message_dict
        return {}

    assert sorted(refused(coupon)) == where
    assert all("已发出" in words for [words] in refused(coupon).values())
    assert refused(untouched) == {}


def test_one_that_was_given_counts_in_no_fewer_stores(guide, shop, fixed_clock):
    other = make_store()
    anywhere, here = make_coupon(), make_coupon(stores=[shop])
    untouched = make_coupon()
    for coupon in (anywhere, here):
        give(coupon, make_member(), fixed_clock, guide=guide, store=shop)
        coupon.refresh_from_db()

    assert anywhere.takes_away([shop])
    assert here.takes_away([other])
    assert not here.takes_away([shop, other])
    assert not here.takes_away([])
    assert not untouched.takes_away([shop])


# --- giving --------------------------------------------------------------------------------------


def test_the_same_cause_gives_the_same_coupon(guide, fixed_clock):
    coupon, member = make_coupon(per_member=5), make_member()

    first = give(coupon, member, fixed_clock, guide=guide, cause="guide:1:1:x")
    again = give(coupon, member, fixed_clock, guide=guide, cause="guide:1:1:x")

    coupon.refresh_from_db()
    assert (first, coupon.issued, CouponIssue.objects.count()) == (again, 1, 1)
    assert len(first.code) == 16
    assert first.code.isdigit()
    events = MemberEvent.objects.filter(member_id=member.pk, kind="coupon.given")
    assert [event.payload["guide_id"] for event in events] == [guide.pk]


def test_one_person_gets_no_more_than_allowed_under_any_of_their_numbers(guide, fixed_clock):
    coupon, member, other = make_coupon(per_member=1), make_member(), make_member()
    give(coupon, other, fixed_clock, guide=guide)
    merged_into(other, member)

    with pytest.raises(errors.HasEnough) as refused:
        give(coupon, member, fixed_clock, guide=guide)

    assert "1" in str(refused.value)


def test_a_coupon_stopped_over_for_others_or_elsewhere_is_not_given(guide, shop, fixed_clock):
    yesterday = clock.business_day(fixed_clock) - timedelta(days=1)
    elsewhere = make_store()
    cases = {
        errors.CouponStopped: make_coupon(is_active=False),
        errors.CouponOver: make_coupon(ends_on=yesterday),
        errors.NotYours: make_coupon(for_guides=False, for_welcome=True),
        errors.OtherStores: make_coupon(stores=[elsewhere]),
    }

    for refusal, coupon in cases.items():
        with pytest.raises(refusal):
            give(coupon, make_member(), fixed_clock, guide=guide, store=shop)

    offered = offers_for(member_ids=[make_member().pk], store_id=shop.pk, now=fixed_clock)
    assert offered == []
    assert CouponIssue.objects.count() == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_at_once_never_get_the_last_one_both(fixed_clock):
    guide, members = make_guide(make_store("S1")), [make_member() for _ in range(4)]
    coupon = make_coupon(stock=2)
    barrier, refused = threading.Barrier(4), []

    def tap(member):
        barrier.wait()
        try:
            give(coupon, member, fixed_clock, guide=guide)
        except errors.NoneLeft:
            refused.append(member)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tap, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    coupon.refresh_from_db()
    assert (coupon.issued, CouponIssue.objects.count(), len(refused)) == (2, 2, 2)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_taps_at_once_give_one_member_one(fixed_clock):
    guide, member = make_guide(make_store("S1")), make_member()
    coupon, barrier, refused = make_coupon(per_member=1), threading.Barrier(2), []

    def tap():
        barrier.wait()
        try:
            give(coupon, member, fixed_clock, guide=guide)
        except errors.HasEnough:
            refused.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tap) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (CouponIssue.objects.count(), len(refused)) == (1, 1)


def test_who_joins_gets_the_welcome_once_and_what_is_gone_stops_nobody(guide, shop, fixed_clock):
    kept = make_coupon(for_welcome=True, for_guides=False)
    gone = make_coupon(for_welcome=True, stock=1)
    give(gone, make_member(), fixed_clock, guide=guide)
    member, known = make_member(), make_member()

    def welcome(person):
        return services.give_welcome(
            member_id=person.pk, store_id=shop.pk, now=fixed_clock, actor=SYSTEM
        )

    assert [issue.coupon for issue in welcome(member)] == [kept]
    assert welcome(member) == []
    merged_into(member, known)
    assert welcome(known) == []
    assert CouponIssue.objects.filter(coupon=kept).count() == 1


def test_a_welcome_gives_nobody_more_than_one_person_may_have(guide, shop, fixed_clock):
    once, twice = (make_coupon(for_welcome=True, per_member=n) for n in (1, 2))
    member = make_member()
    for coupon in (once, twice):
        give(coupon, member, fixed_clock, guide=guide)

    given = services.give_welcome(
        member_id=member.pk, store_id=shop.pk, now=fixed_clock, actor=SYSTEM
    )

    assert [issue.coupon for issue in given] == [twice]


def test_one_taken_back_counts_for_nobody_as_had_and_its_cause_gives_no_second(guide, fixed_clock):
    coupon, member = make_coupon(stock=1), make_member()

    def push(cause):
        return services.issue_many(
            coupon_id=coupon.pk, wanted=[services.Wanted(member.pk, cause)], batch="task_push:1",
            guide_id=guide.pk, store_id=None, now=fixed_clock, actor=SYSTEM,
        )  # fmt: skip

    first = push("task_target:1").given["task_target:1"]
    taken = [services.take_back(causes=["task_target:1"], now=fixed_clock) for _time in range(2)]

    coupon.refresh_from_db()
    assert (taken, coupon.issued) == ([1, 0], 0)
    assert [offer.had for offer in offers_for(
        member_ids=[member.pk], store_id=None, now=fixed_clock
    )] == [0]  # fmt: skip
    assert given_by(guide_id=guide.pk, since=fixed_clock).issued == 0
    assert push("task_target:1").given == {}
    again = push("task_target:2").given["task_target:2"]
    sale = order("A1", member, fixed_clock - timedelta(minutes=1))
    CouponIssue.objects.update(starts_at=fixed_clock - timedelta(hours=1))
    # also for a sale of a minute ago that the till sends late
    assert use(first, sale) == "coupon_expired"
    assert use(again, sale) == "used"


# --- using ---------------------------------------------------------------------------------------


def test_a_coupon_is_used_once_by_its_owner_and_credited_to_its_guide(guide, fixed_clock):
    member = make_member()
    issue = give(make_coupon(), member, fixed_clock, guide=guide)
    sale = order("A1", member, fixed_clock)

    assert [use(issue, sale), use(issue, sale)] == ["used", "used"]
    assert use(issue, order("A2", member, fixed_clock)) == "coupon_used"

    issue.refresh_from_db()
    assert (issue.order, issue.guide, issue.used_at) == (sale, guide, fixed_clock)
    [told] = MemberEvent.objects.filter(member_id=member.pk, kind="coupon.used")
    assert told.payload == {
        "coupon_id": issue.coupon_id, "guide_id": guide.pk, "order_id": sale.pk,
    }  # fmt: skip


def test_a_sale_with_two_coupons_is_measured_before_both(guide, fixed_clock):
    member, coupon = make_member(), make_coupon(per_member=4)  # 满 300 减 50
    first, second, third, fourth = (
        give(coupon, member, fixed_clock, guide=guide) for _one in range(4)
    )
    enough = order("A1", member, fixed_clock, net=20_000)
    small = order("A2", member, fixed_clock, net=19_999)
    uses = [
        CouponUse(enough.pk, first.code),
        CouponUse(enough.pk, second.printed_code),
        CouponUse(small.pk, third.code),
        CouponUse(small.pk, fourth.code),
        CouponUse(small.pk, "0000"),
    ]

    for _time in range(2):
        answers = services.redeem(uses=uses)
        assert [answers[one] for one in uses] == [
            "used", "used", "below_amount", "below_amount", "unknown_coupon",
        ]  # fmt: skip


def test_codes_that_do_nothing_are_answered_one_by_one(guide, shop, fixed_clock):
    member, other = make_member(), make_member()
    theirs = give(make_coupon(), other, fixed_clock, guide=guide)
    late = give(make_coupon(valid_days=1), member, fixed_clock, guide=guide)
    sale = order("A1", member, fixed_clock)
    after = order("A2", member, fixed_clock + timedelta(days=3))
    uses = [
        CouponUse(sale.pk, "0000"),
        CouponUse(sale.pk, theirs.code),
        CouponUse(after.pk, f" {late.printed_code} "),
    ]

    answers = services.redeem(uses=uses)

    assert [answers[one] for one in uses] == ["unknown_coupon", "foreign_coupon", "coupon_expired"]
    assert not CouponIssue.objects.filter(used_at__isnull=False).exists()


def test_a_coupon_of_other_stores_does_nothing_here(shop, fixed_clock):
    far = make_store("S2")
    guide, member = make_guide(far), make_member()
    issue = give(make_coupon(stores=[far]), member, fixed_clock, guide=guide, store=far)

    assert use(issue, order("A1", member, fixed_clock)) == "coupon_other_store"
    assert use(issue, order("A2", member, fixed_clock, store="S2")) == "used"


def test_who_is_not_named_at_the_till_shows_the_code_and_that_is_enough(guide, fixed_clock):
    issue = give(make_coupon(), make_member(), fixed_clock, guide=guide)

    assert use(issue, order("A1", None, fixed_clock)) == "used"


def test_a_sale_that_came_back_whole_gives_the_coupon_back_and_a_part_does_not(guide, fixed_clock):
    member, coupon = make_member(), make_coupon(per_member=2)
    whole, part = (give(coupon, member, fixed_clock, guide=guide) for _ in range(2))
    for number, issue in (("A1", whole), ("A2", part)):
        assert use(issue, order(number, member, fixed_clock)) == "used"
    back = order("R1", None, fixed_clock, net=-40_000, kind="return", original_no="A1")
    some = order("R2", None, fixed_clock, net=-10_000, kind="return", original_no="A2")

    given_back = services.give_back(order_ids=[back.pk, some.pk], now=fixed_clock)
    again = services.give_back(order_ids=[back.pk, some.pk], now=fixed_clock)

    whole.refresh_from_db()
    part.refresh_from_db()
    assert (given_back, again) == (1, 0)
    assert (whole.order, whole.used_at) == (None, None)
    assert part.used_at is not None
    # the till sends the returned sale again, with the same code: it is no use any more
    services.redeem(uses=[CouponUse(Order.objects.get(external_no="A1").pk, whole.code)])
    whole.refresh_from_db()
    assert whole.used_at is None
    figures = given_by(guide_id=guide.pk, since=fixed_clock)
    assert (figures.issued, figures.used, figures.rate) == (2, 1, 0.5)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_tills_with_one_code_use_it_once(fixed_clock):
    make_product("SKU1")
    guide, member = make_guide(make_store("S1")), make_member()
    issue = give(make_coupon(), member, fixed_clock, guide=guide)
    sales = [order(f"A{n}", member, fixed_clock) for n in range(2)]
    barrier, answers = threading.Barrier(2), []

    def till(sale):
        barrier.wait()
        answers.append(use(issue, sale))
        connections.close_all()

    threads = [threading.Thread(target=till, args=(sale,)) for sale in sales]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(answers) == ["coupon_used", "used"]


def test_more_coupons_in_a_batch_ask_no_more(guide, fixed_clock):
    member, coupon = make_member(), make_coupon(per_member=50)

    def asked(numbers):
        uses = [
            CouponUse(
                order(f"N{n}", member, fixed_clock).pk,
                give(coupon, member, fixed_clock, guide=guide).code,
            )
            for n in numbers
        ]
        with CaptureQueriesContext(connection) as found:
            assert set(services.redeem(uses=uses).values()) == {"used"}
        return len(found)

    asked([0])
    assert asked(range(1, 3)) == asked(range(3, 13))


def test_the_sales_of_a_batch_are_net_of_returns_and_nobody_elses(guide, fixed_clock):
    coupon, member = make_coupon(per_member=2), make_member()
    for number, batch in (("A1", "task_push:1"), ("A2", "task_push:1"), ("A3", "task_push:2")):
        issue = give(coupon, make_member(), fixed_clock, guide=guide)
        CouponIssue.objects.filter(pk=issue.pk).update(batch=batch)
        use(issue, order(number, None, fixed_clock))
    order("A4", member, fixed_clock)
    order("R1", None, fixed_clock, net=-10_000, kind="return", original_no="A1")

    found = batch_figures(batch="task_push:1")

    assert (found.issued, found.opened, found.used, found.net_fen) == (2, 0, 2, 70_000)
    assert batch_figures(batch="task_push:3").net_fen == 0


# --- keeping -------------------------------------------------------------------------------------


def test_the_database_itself_refuses_one_too_many(db):
    coupon = make_coupon(stock=1)

    with pytest.raises(Exception, match="loyalty_not_oversold"):
        Coupon.objects.filter(pk=coupon.pk).update(issued=2)


def test_an_erased_persons_coupons_end_and_are_still_counted(guide, fixed_clock):
    member = make_member()
    issue = give(make_coupon(), member, fixed_clock, guide=guide, cause=str(uuid.uuid4()))

    assert services.forget_members(member_ids=[member.pk], now=fixed_clock) == 1

    issue.refresh_from_db()
    assert issue.state(now=fixed_clock) == CouponIssue.State.EXPIRED
    assert use(issue, order("A1", None, fixed_clock)) == "coupon_expired"
