"""When the hours of a day are over, also where they run past midnight."""

from datetime import datetime, time

import pytest

from apps.core import clock, hours


def moment(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=clock.chain_tz())


@pytest.mark.parametrize(
    ("at", "start", "end", "over"),
    [
        (moment(5, 9), time(7), time(23), moment(5, 23)),
        (moment(5, 22, 59), time(7), time(23), moment(5, 23)),
        (moment(5, 23), time(7), time(23), moment(5, 23)),
        (moment(5, 3), time(7), time(23), moment(5, 3)),
        (moment(5, 23), time(20), time(2), moment(6, 2)),
        (moment(5, 1), time(20), time(2), moment(5, 2)),
        (moment(5, 12), time(7), time(23, 59), moment(6, 0)),
        (moment(5, 12), time(0), time(23, 59), moment(6, 0)),
    ],
)
def test_hours_are_over_at_their_end_or_are_not_running(at, start, end, over):
    assert hours.closing(at, start, end) == over
