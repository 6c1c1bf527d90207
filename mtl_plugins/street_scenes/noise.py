"""Tileable value noise, looked up at surface coordinates in metres."""

from functools import lru_cache

import cv2
import numpy as np

TILE = 256


@lru_cache(maxsize=1)
def tile() -> np.ndarray:
    """Return the fractal noise tile, 256,256 float32 with mean 0 and about -1..1.

    Its octaves have periods of 32 to 2 samples; it repeats without a seam.
    """
    rng = np.random.default_rng(20240)
    total = np.zeros((TILE, TILE), np.float32)
    for period, weight in ((32, 1.0), (16, 0.7), (8, 0.5), (4, 0.4), (2, 0.3)):
        cells = TILE // period
        grid = np.pad(rng.uniform(-1, 1, (cells, cells)).astype(np.float32), 2, mode="wrap")
        size = (cells + 4) * period
        fine = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        total += weight * fine[2 * period : 2 * period + TILE, 2 * period : 2 * period + TILE]
    total -= total.mean()
    return np.clip(total / (2.5 * total.std()), -1, 1)


@lru_cache(maxsize=1)
def _seamless() -> np.ndarray:
    """Return the tile with its first row and column repeated at its end."""
    return np.pad(tile(), (0, 1), mode="wrap")


def sample(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return smooth noise in -1..1 at positions in tile samples, below 32768 an axis."""
    # Far faster than to let remap wrap, which leaves its quick path for every point outside.
    col, row = (np.atleast_2d(repeat(x, TILE).astype(np.float32)) for x in (u, v))
    return cv2.remap(_seamless(), col, row, cv2.INTER_LINEAR).reshape(u.shape)


def repeat(x: np.ndarray, period: float) -> np.ndarray:
    """Return x modulo the period; several times faster than ``np.mod``.

    >>> repeat(np.array([-1.0, 5.0]), 4.0).tolist()
    [3.0, 1.0]
    """
    return x - period * np.floor(x / period)


def scatter(i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Return uncorrelated values in 0..1 for integer cell numbers of any shape."""
    return 0.5 + 0.5 * tile()[(i * 89 + j * 37) % TILE, (i * 53 + j * 151) % TILE]
