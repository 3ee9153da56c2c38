import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import format_fen, split_fen


def test_fen_are_shown_as_yuan():
    assert format_fen(123450) == "¥1,234.50"
    assert format_fen(-5) == "-¥0.05"


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_split_adds_up_and_is_never_a_fen_off_its_share(total, weights):
    parts = split_fen(total, weights)

    assert sum(parts) == total
    whole = sum(weights) or len(weights)
    shares = weights if sum(weights) else [1] * len(weights)
    assert all(abs(part * whole - total * w) < whole for part, w in zip(parts, shares, strict=True))


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="negative"):
        split_fen(100, [1, -1])
