"""Money is integer fen (1/100 yuan)."""

from collections.abc import Sequence


def format_fen(fen: int) -> str:
    """`123450` → `¥1,234.50`; below zero the sign comes first."""
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}¥{yuan:,}.{rest:02d}"


def split_fen(total: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights so that the parts add up exactly (largest remainder).

    Weights are not negative; when all are zero the split is even. A negative total splits like its
    positive counterpart.
    """
    if not weights:
        if total:
            raise ValueError("Nothing to split an amount over.")
        return []
    if min(weights) < 0:
        raise ValueError("A weight is negative.")
    if total < 0:
        return [-part for part in split_fen(-total, weights)]
    shares = list(weights) if sum(weights) else [1] * len(weights)
    whole = sum(shares)
    parts = [total * share // whole for share in shares]
    by_remainder = sorted(
        range(len(shares)), key=lambda place: (-(total * shares[place] % whole), place)
    )
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts
