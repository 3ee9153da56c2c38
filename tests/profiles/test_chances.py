"""How likely somebody comes back: counted from who stood there before, and nothing else."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.core import clock
from apps.profiles import chances, selectors, services
from apps.profiles.models import ReturnShare
from tests.factories.facts import make_member, make_store
from tests.factories.tasks import buy

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def store():
    return make_store()


def bought(store, now, *days_ago, number=1):
    people = [make_member() for _one in range(number)]
    for member in people:
        for days in days_ago:
            buy(member, store, now - days * DAY)
    return people


def test_a_cell_holds_who_stood_there_and_how_many_came_back(store, fixed_clock):
    now = fixed_clock
    # 91 days ago all of them had bought once, 9 days before
    bought(store, now, 100, 20, number=1)
    bought(store, now, 100, number=3)
    # and this one twice, 209 days before
    bought(store, now, 310, 300, number=1)

    assert services.count_returns(now=now) == 5

    rows = ReturnShare.objects.order_by("away_from").values_list(
        "away_from", "orders_from", "members", "returned"
    )
    assert list(rows) == [(0, 1, 4, 1), (181, 2, 1, 0)]


def test_who_bought_first_after_that_day_stood_nowhere(store, fixed_clock):
    bought(store, fixed_clock, 10)

    assert services.count_returns(now=fixed_clock) == 0


def test_counting_again_replaces_what_was_counted(store, fixed_clock):
    bought(store, fixed_clock, 100)
    services.count_returns(now=fixed_clock)
    services.count_returns(now=fixed_clock)

    assert ReturnShare.objects.count() == 1


def test_a_returned_purchase_is_no_coming_back(store, fixed_clock):
    member = make_member()
    buy(member, store, fixed_clock - 100 * DAY)
    buy(member, store, fixed_clock - 20 * DAY, number="T-back")
    buy(member, store, fixed_clock - 15 * DAY, original="T-back")
    services.count_returns(now=fixed_clock)

    assert ReturnShare.objects.get().returned == 0


def test_a_thin_cell_leans_on_everybody_and_a_thick_one_on_itself():
    table = chances.table_of([(0, 1, 100_000, 40_000), (181, 1, 100_000, 10_000), (541, 5, 1, 1)])
    today = clock.today()

    def of(away, orders):
        return table.of(last_order_on=today - away * DAY, order_days=orders, on=today)

    assert of(10, 1) == pytest.approx(0.4, abs=0.001)
    assert of(200, 1) == pytest.approx(0.1, abs=0.001)
    assert of(600, 7) == pytest.approx(0.25, abs=0.02)
    assert of(40, 3) == pytest.approx(0.25, abs=0.001)


def test_nobody_is_guessed_at_before_a_purchase_or_a_count(fixed_clock):
    today = clock.business_day(fixed_clock)
    cache.delete(selectors.CHANCES_KEY)

    assert selectors.return_chances().of(last_order_on=today, order_days=1, on=today) is None
    table = chances.table_of([(0, 1, 10, 5)])
    assert table.of(last_order_on=None, order_days=0, on=today) is None


@pytest.mark.parametrize(
    ("away", "orders", "cell"),
    [(0, 1, (0, 1)), (30, 2, (0, 2)), (31, 4, (31, 3)), (540, 5, (366, 5)), (9000, 99, (541, 5))],
)
def test_cells_have_their_lower_ends(away, orders, cell):
    assert chances.cell_of(away, orders) == cell
