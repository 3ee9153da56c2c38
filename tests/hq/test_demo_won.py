"""Who the demo wins at the till: within a day of the purchase, and only who was nobody's friend."""

from datetime import date, timedelta
from types import SimpleNamespace

from apps.core import clock
from apps.hq.demo.history import Purchase
from apps.hq.demo.won import who_is_won

TODAY = date(2026, 11, 23)


def buys(buyer, days_ago):
    return Purchase(
        line_no=1, buyer=buyer, on=TODAY - timedelta(days=days_ago), pieces=1, fen=10_000
    )


def test_they_are_won_in_the_evening_of_their_first_purchase_of_these_weeks():
    people = [SimpleNamespace(guide="guide", is_friend=False) for _number in range(5)]
    people[1].is_friend = True
    people[2].guide = None
    purchases = [buys(0, 60), buys(0, 9), buys(1, 8), buys(2, 8), buys(3, 7), buys(0, 2)]

    (won,) = who_is_won(people, purchases, today=TODAY)

    assert won.person is people[0]
    last_sale = clock.day_start(TODAY - timedelta(days=9)) + timedelta(hours=21, minutes=30)
    assert last_sale < won.since < last_sale + timedelta(hours=1)
