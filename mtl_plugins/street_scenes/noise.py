"""Tileable value noise, looked up at surface coordinates in metres."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .scenery import Floats, Ints

TILE = 256


@lru_cache(maxsize=1)
def tile() -> NDArray[np.float32]:
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
def _seamless() -> NDArray[np.float32]:
    """Return the tile with its first row and column repeated at its end."""
    return np.pad(tile(), (0, 1), mode="wrap")


def sample(u: Floats, v: Floats) -> NDArray[np.float32]:
    """Return smooth noise in -1..1 at positions in tile samples, below 32768 an axis."""
    # Wrapping here is far faster than in `remap`, which is slow for points outside the tile.
    col, row = (np.atleast_2d(repeat(x, TILE).astype(np.float32)) for x in (u, v))
    noise = cv2.remap(_seamless(), col, row, cv2.INTER_LINEAR)
    return np.asarray(noise, np.float32).reshape(u.shape)


def repeat(x: Floats, period: float | Floats) -> Floats:
    """Return x modulo the period; several times faster than ``np.mod``.

    >>> repeat(np.array([-1.0, 5.0]), 4.0).tolist()
    [3.0, 1.0]
    """
    return x - period * np.floor(x / period)


def scatter(i: Ints, j: Ints) -> Floats:
    """Return uncorrelated values in 0..1 for integer cell numbers of any shape."""
    return 0.5 + 0.5 * tile()[(i * 89 + j * 37) % TILE, (i * 53 + j * 151) % TILE]
