import random
from statistics import fmean, variance

import pytest

from apps.reports.statistics import newcombe, smallest_visible, t_quantile, welch


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # Newcombe 1998, table II, method 10
        ((56, 70, 48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.6, 0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.5714, 0.0582, 0.8062)),
        ((5, 56, 0, 29), (0.0893, -0.0381, 0.1926)),
        ((0, 10, 0, 10), (0.0, -0.2775, 0.2775)),
        ((10, 10, 0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_differences_of_shares_have_the_published_interval(counts, expected):
    found = newcombe(*counts)

    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=6e-5)


def test_an_empty_arm_has_no_interval():
    assert newcombe(0, 0, 1, 10) is None
    assert welch(mean_a=1, var_a=1, n_a=1, mean_b=1, var_b=1, n_b=10) is None
    assert welch(mean_a=1, var_a=0, n_a=5, mean_b=1, var_b=0, n_b=5) is None


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(5, 2.5706), (10, 2.2281), (30, 2.0423), (120, 1.9799), (1e9, 1.95996)],
)
def test_students_t_agrees_with_the_tables(freedom, expected):
    assert t_quantile(freedom) == pytest.approx(expected, abs=1e-3)


def test_welchs_interval_covers_the_truth_nineteen_times_in_twenty():
    dice, covered = random.Random(1), 0
    for _one in range(600):
        a = [dice.gauss(10, 2) for _each in range(25)]
        b = [dice.gauss(9, 6) for _each in range(40)]
        found = welch(
            mean_a=fmean(a), var_a=variance(a), n_a=25, mean_b=fmean(b), var_b=variance(b), n_b=40
        )
        covered += found.low <= 1 <= found.high

    assert 555 <= covered <= 585


def test_the_smallest_visible_difference_shrinks_with_the_arms():
    small, large = smallest_visible(0.05, 900, 100), smallest_visible(0.05, 9000, 1000)

    assert small == pytest.approx(2.8 * (0.05 * 0.95 * (1 / 900 + 1 / 100)) ** 0.5)
    assert large < small
    assert smallest_visible(0.05, 0, 10) is None
