from datetime import UTC, date, datetime, timedelta

import pytest

from apps.core import clock


def test_a_moved_clock_counts_inside_only(moment):
    with clock.at(moment):
        assert clock.now() == moment
        assert clock.today() == date(2026, 3, 18)

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="aware"), clock.at(datetime(2026, 1, 1)):
        pass


def test_the_chains_day_begins_at_its_own_midnight():
    late_evening_in_utc = datetime(2026, 3, 17, 16, 30, tzinfo=UTC)

    assert clock.business_day(late_evening_in_utc) == date(2026, 3, 18)
    assert clock.day_start(date(2026, 3, 18)) == datetime(2026, 3, 17, 16, tzinfo=UTC)


def test_a_days_bounds_are_half_open():
    start, end = clock.day_bounds(date(2026, 3, 18))

    assert end - start == timedelta(days=1)
    assert clock.business_day(end) == date(2026, 3, 19)
