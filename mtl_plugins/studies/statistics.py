"""What several seeds say about a step, and about its difference to the step before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RULE = "|difference| > 2 * sqrt(s1^2/n1 + s2^2/n2)"
"""When a difference of two means counts as larger than the spread of the seeds."""


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of a metric over seeds.

    Args:
        mean: None without values.
        std: of the sample (divided by n - 1); None with fewer than two values.
        n: number of values.
    """

    mean: float | None
    std: float | None
    n: int

    def __str__(self) -> str:
        if self.mean is None:
            return "-"
        std = "" if self.std is None else f" ± {self.std:.2f}"
        return f"{self.mean:.2f}{std} (n={self.n})"


def spread_of(values: Sequence[float]) -> Spread:
    """Return mean and sample standard deviation of values.

    >>> str(spread_of([1, 2, 3])), str(spread_of([1])), str(spread_of([]))
    ('2.00 ± 1.00 (n=3)', '1.00 (n=1)', '-')
    """
    n = len(values)
    mean = float(np.mean(values)) if n else None
    return Spread(mean, float(np.std(values, ddof=1)) if n > 1 else None, n)


def difference(before: Spread, after: Spread) -> float | None:
    """Return by how much the mean grew; None where one of them has no values."""
    if before.mean is None or after.mean is None:
        return None
    return after.mean - before.mean


def is_larger(before: Spread, after: Spread) -> bool | None:
    """Return whether the difference is larger than the spread, by `RULE`.

    None where that cannot be told: with fewer than two seeds, or where a value is not finite.

    >>> is_larger(Spread(1.0, 1.0, 4), Spread(2.5, 1.0, 4)) # 1.5 > 2 * sqrt(1/4 + 1/4) = 1.414
    True
    """
    change = difference(before, after)
    if change is None or before.std is None or after.std is None or not math.isfinite(change):
        return None
    return abs(change) > 2 * math.sqrt(before.std**2 / before.n + after.std**2 / after.n)
