"""The arithmetic of lift, without a library: intervals as their authors published them."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)
# 2.8 = z(0.975) + z(0.8): five per cent two-sided, eighty per cent power
_MDE = 2.8


@dataclass(frozen=True)
class Interval:
    """A difference with its 95 % interval, both ends in."""

    value: float
    low: float
    high: float

    @property
    def spans_zero(self) -> bool:
        return self.low <= 0 <= self.high

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of a share (95 %)."""
    share, z2 = hits / n, Z95**2
    centre = share + z2 / (2 * n)
    spread = Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (centre - spread) / (1 + z2 / n), (centre + spread) / (1 + z2 / n)


def newcombe(hits_a: int, n_a: int, hits_b: int, n_b: int) -> Interval | None:
    """Difference of two shares a − b (Newcombe 1998, method 10). None for an empty arm."""
    if not n_a or not n_b:
        return None
    a, b = hits_a / n_a, hits_b / n_b
    low_a, high_a = wilson(hits_a, n_a)
    low_b, high_b = wilson(hits_b, n_b)
    delta = a - b
    return Interval(
        delta,
        delta - sqrt((a - low_a) ** 2 + (high_b - b) ** 2),
        delta + sqrt((high_a - a) ** 2 + (b - low_b) ** 2),
    )


def t_quantile(freedom: float) -> float:
    """Student's t at 0.975, by the Cornish–Fisher series (Abramowitz & Stegun 26.7.5): four
    digits from five degrees of freedom up.
    """
    z = Z95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + first / freedom + second / freedom**2 + third / freedom**3 + fourth / freedom**4


def welch(
    *, mean_a: float, var_a: float, n_a: int, mean_b: float, var_b: float, n_b: int
) -> Interval | None:
    """Difference of two means a − b with Welch's interval; variances are of the sample (n − 1).

    None where an arm is too small or nothing varies, so that no interval can be told.
    """
    if min(n_a, n_b) < 2:
        return None
    part_a, part_b = var_a / n_a, var_b / n_b
    if part_a + part_b <= 0:
        return None
    freedom = (part_a + part_b) ** 2 / (part_a**2 / (n_a - 1) + part_b**2 / (n_b - 1))
    spread = t_quantile(max(freedom, 1.0)) * sqrt(part_a + part_b)
    delta = mean_a - mean_b
    return Interval(delta, delta - spread, delta + spread)


def smallest_visible(share: float, n_a: int, n_b: int) -> float | None:
    """The smallest difference of shares that these arms could show (80 % power)."""
    if not n_a or not n_b:
        return None
    return _MDE * sqrt(share * (1 - share) * (1 / n_a + 1 / n_b))
