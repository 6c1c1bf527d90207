"""Edges: suppression of maps, and one-to-one matching of pixels."""

from __future__ import annotations

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
