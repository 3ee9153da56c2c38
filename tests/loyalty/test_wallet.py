"""What is left of somebody's points, whatever came first."""

import random
from datetime import date, timedelta

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.core import clock
from apps.loyalty.wallet import NEVER, Move, wallet_of

DAY = date(2026, 3, 1)


def at(days, hour=12):
    return clock.day_start(DAY + timedelta(days=days)) + timedelta(hours=hour)


def on(days):
    return DAY + timedelta(days=days)


def earned(points, day=0, ends=None):
    return Move(at(day), points, "earned", None if ends is None else on(ends))


def spent(points, day=0, kind="spent"):
    return Move(at(day), -points, kind)


def left(moves, day=0):
    return wallet_of(moves, on=on(day)).lots


def test_what_ends_first_is_spent_first():
    moves = [earned(100), earned(50, ends=30), earned(70, ends=10), spent(90, day=1)]

    assert left(moves, 1) == {on(30): 30, NEVER: 100}


def test_what_is_over_is_gone_on_the_next_day_and_not_on_its_last():
    moves = [earned(100, ends=10)]

    assert left(moves, 10) == {on(10): 100}
    wallet = wallet_of(moves, on=on(11))
    assert (wallet.lots, wallet.ended) == ({}, {on(10): 100})


def test_spent_on_the_last_day_and_told_late_takes_what_ended_then():
    before = [earned(100, ends=10), earned(100, ends=40)]
    assert left(before, 12) == {on(40): 100}

    assert left([*before, spent(80, day=10)], 12) == {on(40): 100}
    assert left([*before, spent(80, day=11)], 12) == {on(40): 20}


def test_a_till_that_says_what_ended_takes_nothing_twice():
    moves = [earned(100, ends=10), earned(100), spent(100, day=11, kind="expired")]

    wallet = wallet_of(moves, on=on(12))

    assert wallet.lots == {NEVER: 100}
    assert sum(wallet.ended.values()) == 0  # the till's entry says it
    more = wallet_of([*moves, spent(30, day=12, kind="expired")], on=on(12))
    assert more.lots == {NEVER: 70}


def test_more_spent_than_there_was_is_owed_and_paid_by_what_comes_next():
    moves = [earned(50), spent(80, day=1)]
    assert wallet_of(moves, on=on(1)).balance == -30

    assert left([*moves, earned(100, day=2, ends=20)], 2) == {on(20): 70}


MOVES = st.one_of(
    st.builds(
        earned,
        st.integers(1, 50),
        st.integers(0, 20),
        st.one_of(st.none(), st.integers(20, 40)),
    ),
    st.builds(spent, st.integers(1, 50), st.integers(0, 45), st.sampled_from(["spent", "expired"])),
)


@given(st.lists(MOVES, max_size=12), st.integers(0, 60), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_the_order_of_telling_does_not_matter(moves, day, chance):
    shuffled = list(moves)
    random.Random(chance.random()).shuffle(shuffled)
    moves = [one for one in moves if one.occurred_at <= at(day)]
    shuffled = [one for one in shuffled if one.occurred_at <= at(day)]

    wallet, other = wallet_of(moves, on=on(day)), wallet_of(shuffled, on=on(day))

    assert wallet == other
    assert sum(one.points for one in moves) - sum(wallet.ended.values()) == wallet.balance
    assert not (wallet.lots and wallet.owed)
    assert all(points > 0 and last >= on(day) for last, points in wallet.lots.items())
