"""Choose a few of many items, evenly spread."""

from __future__ import annotations


def spread_evenly(count: int, total: int) -> set[int]:
    """Return the positions of `count` items spread over `total`, each in the middle of its share.

    >>> sorted(spread_evenly(2, 8)), sorted(spread_evenly(5, 3))
    ([2, 6], [0, 1, 2])
    """
    return {(2 * i + 1) * total // (2 * count) for i in range(count)}
