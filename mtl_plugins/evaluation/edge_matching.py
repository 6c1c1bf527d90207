"""Edges: suppression and thinning of maps, and one-to-one matching of pixels."""

from __future__ import annotations

from itertools import cycle

import cv2
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import KDTree

SMOOTHING = 4
"""Radius in pixels of the filter behind the direction of edges."""

BORDER = 5
"""Pixels at the image's border, towards which edges are weakened."""

MARGIN = 1.01
"""Factor by which a pixel may be below its neighbours and still be kept."""


def suppress_non_maxima(edges: np.ndarray) -> np.ndarray:
    """Smooth a map a little and keep the values that are largest across their edge; others are 0.

    The direction across an edge follows from second derivatives of the map, smoothed once more. A
    value is kept if it, times `MARGIN`, is at least as large as both (interpolated) neighbours one
    pixel away. Values near the image's border are lowered.

    Args:
        edges: probability of an edge, H,W float, 0..1.

    Source: Dollar and Zitnick, *Fast Edge Detection Using Structured Forests*, 2015, section 2.
    """
    edges = _smooth(edges.astype(np.float32), 1)
    angle = _direction(edges)
    rows, columns = np.indices(edges.shape, dtype=np.float32)
    across = np.cos(angle), np.sin(angle)
    kept = edges.copy()
    for step in (-1.0, 1.0):
        x, y = columns + step * across[0], rows + step * across[1]
        neighbour = cv2.remap(edges, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        kept[edges * MARGIN < neighbour] = 0
    for axis, side in enumerate(edges.shape):
        distance = np.minimum(np.arange(side), np.arange(side)[::-1])
        weight = np.minimum(distance / BORDER, 1).astype(np.float32)
        kept *= weight[:, None] if axis == 0 else weight[None]
    return kept


def _direction(edges: np.ndarray) -> np.ndarray:
    """Return the angle across the edge at every pixel, 0..pi."""
    smooth = _smooth(edges, SMOOTHING)
    down, right = np.gradient(smooth)
    xy, xx = np.gradient(right)
    yy = np.gradient(down)[0]
    return np.mod(np.arctan(yy * np.sign(-xy) / (xx + 1e-5)), np.pi)


def _smooth(edges: np.ndarray, radius: int) -> np.ndarray:
    """Filter by a triangle along both axes; the border is mirrored."""
    triangle = np.minimum(np.arange(1, 2 * radius + 2), np.arange(2 * radius + 1, 0, -1))
    kernel = (triangle / triangle.sum()).astype(np.float32)
    return cv2.sepFilter2D(edges, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)


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


def matched(prediction: np.ndarray, truth: np.ndarray, radius: float) -> int:
    """Return how many pixels two masks share, if each may match one at most `radius` pixels away.

    This is the largest one-to-one matching. (The usual evaluation approximates it with random
    candidates, so that its counts differ from run to run by a few pixels.)

    >>> matched(np.eye(3, dtype=bool), np.eye(3, dtype=bool)[::-1], 1.0)
    1
    """
    ours, theirs = np.argwhere(prediction), np.argwhere(truth)
    if not len(ours) or not len(theirs):
        return 0
    near = KDTree(ours).query_ball_tree(KDTree(theirs), radius)
    ends = np.cumsum([0, *map(len, near)])
    indices = np.array([index for row in near for index in row], np.int32)
    graph = csr_array(
        (np.ones(len(indices), np.int8), indices, ends), shape=(len(ours), len(theirs))
    )
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
