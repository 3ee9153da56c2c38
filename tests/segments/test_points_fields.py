"""Members by their points: how many are left, and how soon some of them end."""

from datetime import timedelta

import pytest

from apps.members.models import Member
from apps.segments import selectors
from apps.segments.catalogue import FIELDS
from apps.segments.compile import rests_on_profile
from tests.factories.coupons import tell_points
from tests.factories.facts import make_members
from tests.segments.test_compile import found, leaf

pytestmark = [pytest.mark.django_db, pytest.mark.service]


@pytest.fixture
def people(moment):
    """By what they have: nothing, 600 in all, 300 that do not end, 100 owed, 400 over."""
    members = make_members(5)
    _none, some, lasting, owes, over = members
    tell_points(some, 500, now=moment, days=9, ends=4)
    tell_points(some, 100, now=moment, days=9, ends=60)
    tell_points(lasting, 300, now=moment, days=9)
    tell_points(owes, -100, now=moment)
    tell_points(over, 400, now=moment, days=9, ends=0)
    return [member.pk for member in members]


@pytest.mark.parametrize(
    ("field", "operator", "value", "wanted"),
    [
        ("points", "gte", 1, [1, 2, 4]),
        ("points", "gte", 301, [1, 4]),
        ("points", "lte", 0, [0, 3]),
        ("points", "between", [0, 400], [0, 2, 4]),
        ("points", "between", [300, 400], [2, 4]),
        ("points", "gte", 0, [0, 1, 2, 4]),
        ("points_end_days", "lte", 0, [4]),
        ("points_end_days", "lte", 4, [1, 4]),
        ("points_end_days", "between", [1, 30], [1]),
        ("points_end_days", "gte", 0, [1, 4]),
    ],
)
def test_what_each_comparison_finds(moment, people, field, operator, value, wanted):
    assert found(leaf(field, operator, value), moment) == {people[place] for place in wanted}


def test_the_day_is_that_of_the_run_whenever_it_is_counted(moment, people):
    tree = {"op": "and", "items": [leaf("points", "gte", 1), leaf("points_end_days", "lte", 9)]}

    assert found(tree, moment + timedelta(days=1)) == {people[1]}
    assert found(tree, moment + timedelta(days=5)) == set()
    counts = selectors.running_counts(tree, moment)
    assert counts == {"0": 3, "1": 2}


def test_what_one_of_a_persons_numbers_has_is_theirs(moment, people):
    Member.objects.filter(pk=people[1]).update(survivor_id=people[2])

    assert found(leaf("points", "gte", 900), moment) == {people[2]}
    assert found(leaf("points_end_days", "lte", 4), moment) == {people[2], people[4]}


def test_not_is_exactly_the_rest(moment, people):
    tree = {"op": "not", "items": [leaf("points_end_days", "lte", 4)]}

    assert found(tree, moment) == {people[place] for place in (0, 2, 3)}


def test_points_are_no_guess_about_somebody(moment):
    assert not rests_on_profile(leaf("points", "gte", 1))
    assert "积分余额" in str(FIELDS["points"].label)
