"""Statistics of depth, gathered map by map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..targets import NO_DEPTH

BIN_WIDTH = 1e-3
"""Width of the histogram's bins of log depth: percentiles are right to half of it, 0.05 %."""

LOWEST = math.floor(math.log(2.0**-149))
HIGHEST = math.ceil(math.log(2.0**128))
"""The histogram's range holds every positive float32: 193 000 bins, 1.5 MB."""

PERCENTILES = (1, 50, 99)


@dataclass(frozen=True)
class DepthStatistics:
    """Statistics over all valid pixels of all images, each pixel counted once.

    Args:
        log_mean, log_std: mean and standard deviation (of the population) of the natural
            logarithm of depth.
        min_depth, max_depth: smallest and largest depth, metres.
        percentile_1, percentile_50, percentile_99: depth in metres that this share (%) of the
            pixels does not exceed, to 0.05 %.
        valid_pixels, pixels: number of pixels with valid depth, and of all.
    """

    log_mean: float
    log_std: float
    min_depth: float
    max_depth: float
    percentile_1: float
    percentile_50: float
    percentile_99: float
    valid_pixels: int
    pixels: int

    @property
    def codec(self) -> str:
        """The line of a depth head's config that normalises log depth by these statistics."""
        return (
            f"codec=dict(type='LogNormalizedCodec', log_mean={self.log_mean:.6g}, "
            f"log_std={self.log_std:.6g})"
        )


class DepthTally:
    """What has been seen of depth so far: moments of its logarithm, range and histogram.

    >>> tally = DepthTally()
    >>> tally.add(np.array([[1.0, 0.0]]))
    >>> tally.add(np.array([[math.e**2]]))
    >>> tally.statistics().log_mean, tally.valid_pixels, tally.pixels
    (1.0, 2, 3)
    """

    def __init__(self) -> None:
        self.images = self.pixels = self.valid_pixels = 0
        self.low, self.high = math.inf, -math.inf
        self._mean = self._squares = 0.0
        self._histogram = np.zeros(round((HIGHEST - LOWEST) / BIN_WIDTH), np.int64)

    def add(self, depth: np.ndarray) -> None:
        """Count a map: H,W metres; pixels that are 0, negative or not finite are not valid."""
        self.images += 1
        self.pixels += depth.size
        valid = depth[np.isfinite(depth) & (depth > NO_DEPTH)].astype(np.float64)
        if not valid.size:
            return
        log_depth = np.log(valid)
        # Means and sums of squares are merged (Chan et al.): sums of raw squares would cancel.
        before, self.valid_pixels = self.valid_pixels, self.valid_pixels + valid.size
        step = log_depth.mean() - self._mean
        self._mean += step * valid.size / self.valid_pixels
        self._squares += ((log_depth - log_depth.mean()) ** 2).sum()
        self._squares += step**2 * before * valid.size / self.valid_pixels
        self.low, self.high = min(self.low, valid.min()), max(self.high, valid.max())
        bins = ((log_depth - LOWEST) / BIN_WIDTH).astype(np.int64)
        self._histogram += np.bincount(bins, minlength=len(self._histogram))

    def statistics(self) -> DepthStatistics | None:
        """Return the statistics so far; None without a valid pixel."""
        if not self.valid_pixels:
            return None
        # The bin in which the cumulative count reaches the share; its middle stands for it.
        shares = np.array(PERCENTILES) / 100
        reached = np.searchsorted(self._histogram.cumsum(), shares * self.valid_pixels)
        low, middle, high = np.exp(LOWEST + (reached + 0.5) * BIN_WIDTH).clip(self.low, self.high)
        return DepthStatistics(
            float(self._mean), math.sqrt(self._squares / self.valid_pixels), float(self.low),
            float(self.high), float(low), float(middle), float(high),
            self.valid_pixels, self.pixels,
        )  # fmt: skip

    def spans(self, count: int) -> list[tuple[float, float, int]]:
        """Return (from, to, pixels) of spans of equal ratios between the smallest and the largest.

        Their borders are right to 0.1 %; the pixels of all spans are the valid ones.
        """
        if not self.valid_pixels:
            return []
        first, last = np.flatnonzero(self._histogram)[[0, -1]]
        borders = np.linspace(first, last + 1, count + 1).round().astype(int)
        # A narrow range has fewer bins than spans.
        borders = np.unique(borders)
        edges = np.exp(LOWEST + borders * BIN_WIDTH).clip(self.low, self.high).tolist()
        pixels = np.add.reduceat(self._histogram, borders[:-1])
        return list(zip(edges[:-1], edges[1:], pixels.tolist(), strict=True))
