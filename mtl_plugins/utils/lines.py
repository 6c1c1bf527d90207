"""Lines in maps: the borders of regions, and thinning."""

from __future__ import annotations

from itertools import cycle

import cv2
import numpy as np


def borders(*maps: np.ndarray) -> np.ndarray:
    """Return the pixels from which one of their four neighbours differs in one of the maps.

    A border is two pixels wide, one on each side, so that a mirrored map has mirrored borders.

    Args:
        maps: H,W, of one size.

    Returns:
        H,W bool.

    >>> borders(np.array([[0, 0, 5, 5, 5]]), np.array([[0, 0, 0, 0, 1]])).astype(int).tolist()
    [[0, 1, 1, 1, 1]]
    """
    found = np.zeros(maps[0].shape, bool)
    for before, after in (
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        for each in maps:
            change = each[before] != each[after]
            found[before] |= change
            found[after] |= change
    return found


def thin(mask: np.ndarray) -> np.ndarray:
    """Thin a mask, H,W bool, to lines of one pixel that keep its shape.

    Source: Guo and Hall, *Parallel thinning with two-subiteration algorithms*, 1989, as in Lam et
    al., *Thinning Methodologies*, 1992, p. 879.

    >>> thin(np.ones((3, 5), bool)).astype(int).tolist()
    [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    mask = mask.astype(np.uint8)
    for removable in cycle(REMOVABLE):
        codes = cv2.filter2D(mask, cv2.CV_16S, CODE, borderType=cv2.BORDER_CONSTANT)
        gone = mask & removable[codes]
        if not gone.any():
            # As the reference evaluations, which do not wait for the other sub-iteration.
            break
        mask -= gone
    return mask.astype(bool)


def _removable(second: bool) -> np.ndarray:
    """Return, for each code of a neighbourhood, whether its centre may go in a sub-iteration."""
    codes = np.arange(256)
    # x1 is the right neighbour, then counter-clockwise.
    x = [(codes >> bit & 1).astype(bool) for bit in range(8)]
    pairs = [(x[i], x[i + 1], x[(i + 2) % 8]) for i in (0, 2, 4, 6)]
    crossings = sum((~a & (b | c)).astype(int) for a, b, c in pairs)
    first = sum((x[i] | x[i + 1]).astype(int) for i in (0, 2, 4, 6))
    other = sum((x[i + 1] | x[(i + 2) % 8]).astype(int) for i in (0, 2, 4, 6))
    neighbours = np.minimum(first, other)
    guard = (x[5] | x[6] | ~x[3]) & x[4] if second else (x[1] | x[2] | ~x[7]) & x[0]
    found = (crossings == 1) & (neighbours >= 2) & (neighbours <= 3) & ~guard
    return found.astype(np.uint8)


CODE = np.zeros((3, 3), np.float32)
for _bit, _place in enumerate(((1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2))):
    CODE[_place] = 1 << _bit
REMOVABLE = (_removable(second=False), _removable(second=True))
