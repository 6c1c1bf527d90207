"""Statistics of a split's depth, and the codec that normalises depth by them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from mmengine.config import Config
from rich.console import Console

from ..config import build_dataset, check_split
from ..datasets import TargetReader
from ..errors import ConfigError, DataError
from ..targets import DEPTH, NO_DEPTH, targets_in
from ..utils import TextTable, did_you_mean, track, write_text

BIN_WIDTH = 1e-3
"""Width of the histogram's bins of log depth: percentiles are accurate to half of it, 0.05 %."""

CLOSE, FAR_OFF = math.log(1.25), math.log(5.0)
"""Differences of log depth within which depths are close, and above which they are far off."""

LOWEST = math.floor(math.log(2.0**-149))
HIGHEST = math.ceil(math.log(2.0**128))
"""The histogram covers every positive float32 with 193 000 bins, 1.5 MB."""


@dataclass(frozen=True)
class DepthStatistics:
    """Statistics over all valid pixels of all images.

    Args:
        log_mean, log_std: mean and population standard deviation of the natural logarithm of
            depth.
        min_depth, max_depth: smallest and largest depth, metres.
        percentile_1, percentile_50, percentile_99: percentiles of depth, metres, accurate to
            0.05 %.
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
        """Return the line of a depth head's config that normalises log depth accordingly."""
        return (
            f"codec=dict(type='LogNormalizedCodec', log_mean={self.log_mean:.6g}, "
            f"log_std={self.log_std:.6g})"
        )


class DepthTally:
    """Accumulate moments of log depth, the range of depth and a histogram, map by map.

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
        """Add a map: H,W metres; pixels that are 0, negative or not finite are invalid."""
        self.images += 1
        self.pixels += depth.size
        valid = depth[np.isfinite(depth) & (depth > NO_DEPTH)].astype(np.float64)
        if not valid.size:
            return
        log_depth = np.log(valid)
        # Merge means and central moments (Chan et al. 1983): raw sums of squares lose precision.
        before, self.valid_pixels = self.valid_pixels, self.valid_pixels + valid.size
        step = log_depth.mean() - self._mean
        self._mean += step * valid.size / self.valid_pixels
        self._squares += ((log_depth - log_depth.mean()) ** 2).sum()
        self._squares += step**2 * before * valid.size / self.valid_pixels
        self.low, self.high = min(self.low, valid.min()), max(self.high, valid.max())
        bins = ((log_depth - LOWEST) / BIN_WIDTH).astype(np.int64)
        self._histogram += np.bincount(bins, minlength=len(self._histogram))

    def statistics(self) -> DepthStatistics | None:
        """Return the statistics of the maps so far; None without a valid pixel."""
        if not self.valid_pixels:
            return None
        # The middle of the bin in which the cumulative count reaches the share.
        ranks = np.array((0.01, 0.5, 0.99)) * self.valid_pixels
        reached = np.searchsorted(self._histogram.cumsum(), ranks)
        low, middle, high = np.exp(LOWEST + (reached + 0.5) * BIN_WIDTH).clip(self.low, self.high)
        return DepthStatistics(
            log_mean=float(self._mean),
            log_std=math.sqrt(self._squares / self.valid_pixels),
            min_depth=float(self.low),
            max_depth=float(self.high),
            percentile_1=float(low),
            percentile_50=float(middle),
            percentile_99=float(high),
            valid_pixels=self.valid_pixels,
            pixels=self.pixels,
        )

    def piles(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the nearest and the farthest depth, each with the share of its pixels.

        Single pixels beyond are left out: these are percentiles 0.1 and 99.9. A share is 0 where
        the depth is part of the scene: where it is no more than twice as frequent as depths within
        `CLOSE`, or, without any there, the next one is within `FAR_OFF`. A sky that is rendered at
        one distance, or values that were cut off, are not.
        """
        ranks = np.array((0.001, 0.999)) * self.valid_pixels
        first, last = np.searchsorted(self._histogram.cumsum(), ranks)
        return self._pile(first, 1), self._pile(last, -1)

    def _pile(self, place: int, inwards: int) -> tuple[float, float]:
        # Three bins, because a value may be next to the border of its bin.
        bins = place + inwards * np.arange(-1, 3 * round(FAR_OFF / BIN_WIDTH / 3) - 1)
        counts = self._histogram[bins.clip(0, len(self._histogram) - 1)].reshape(-1, 3).sum(1)
        pile, inner = counts[0], counts[1:]
        close = inner[: round(CLOSE / BIN_WIDTH / 3)]
        apart = pile > 2 * close[close > 0].mean() if close.any() else not inner.any()
        depth = float(np.exp(LOWEST + (place + 0.5) * BIN_WIDTH).clip(self.low, self.high))
        return depth, pile / self.valid_pixels if apart else 0.0

    def spans(self, count: int) -> list[tuple[float, float, int]]:
        """Divide the range of depth into spans of equal ratios and count their pixels.

        Args:
            count: number of spans; a narrow range has fewer.

        Returns:
            (near, far, pixels) of each span, near to far, borders accurate to 0.1 %; empty
            without a valid pixel.
        """
        if not self.valid_pixels:
            return []
        first, last = np.flatnonzero(self._histogram)[[0, -1]]
        borders = np.unique(np.linspace(first, last + 1, count + 1).round().astype(int))
        edges = np.exp(LOWEST + borders * BIN_WIDTH).clip(self.low, self.high).tolist()
        pixels = np.add.reduceat(self._histogram, borders[:-1])
        return list(zip(edges[:-1], edges[1:], pixels.tolist(), strict=True))


def measure_depth(maps: Iterable[np.ndarray | None]) -> DepthStatistics:
    """Compute the statistics of depth maps, read one after the other.

    Args:
        maps: H,W depth in metres, of any sizes; pixels that are 0, negative or not finite are
            invalid. None (an image without depth) is skipped.

    Raises:
        DataError: no map has a valid pixel.

    >>> result = measure_depth([np.array([[1.0, 0.0]]), None, np.array([[np.e**2]])])
    >>> result.log_mean, result.log_std, result.valid_pixels, result.pixels
    (1.0, 1.0, 2, 3)
    """
    tally = DepthTally()
    for depth in maps:
        if depth is not None:
            tally.add(depth)
    statistics = tally.statistics()
    if statistics is None:
        raise DataError(
            f"None of {tally.images} depth maps has a valid pixel (finite and > 0). Set "
            "data_prefix.depth_map_path to the split's depth, and depth_format to what its "
            "values mean."
        )
    return statistics


def split_depth_statistics(
    config: Config, split: str, target: str | None = None
) -> DepthStatistics:
    """Compute the statistics of a config's split, in original size and without augmentation.

    Args:
        config: as from `load_config`.
        split: "train", "val" or "test".
        target: name of a target that is a distance; default: the first one of the data.

    Raises:
        ConfigError: the config has no such split, or its data no such target.
        DataError: the split has no valid depth.
    """
    check_split(config, split)
    dataset = build_dataset(config, split)
    distances = [each.name for each in targets_in(dataset.metainfo).values() if each.distance]
    name = target or next(iter(distances), DEPTH.name)
    if target and name not in distances:
        raise ConfigError(
            f"{target!r} is no distance of the {split} data. {did_you_mean(name, distances)}"
        )
    reader = track(TargetReader(dataset), f"{name} of {split}")
    return measure_depth(maps.get(name) for maps in reader)


def report_depth_statistics(
    statistics: DepthStatistics, split: str, json_file: str | None = None
) -> None:
    """Print statistics and the codec's config line, and write both to `json_file` if given."""
    rows = [
        ("mean of log depth", f"{statistics.log_mean:.6g}"),
        ("standard deviation of log depth", f"{statistics.log_std:.6g}"),
        ("minimum (m)", f"{statistics.min_depth:.4g}"),
        ("percentile 1 (m)", f"{statistics.percentile_1:.4g}"),
        ("percentile 50 (m)", f"{statistics.percentile_50:.4g}"),
        ("percentile 99 (m)", f"{statistics.percentile_99:.4g}"),
        ("maximum (m)", f"{statistics.max_depth:.4g}"),
        ("valid pixels (%)", f"{statistics.valid_pixels / statistics.pixels * 100:.2f}"),
        ("valid pixels", str(statistics.valid_pixels)),
    ]
    console = Console()
    console.print(TextTable(("statistic", "value"), rows, title=f"Depth of the {split} split"))
    console.print(statistics.codec, soft_wrap=True, markup=False, highlight=False)
    if json_file:
        content = dict(split=split, **vars(statistics), codec=statistics.codec)
        write_text(json_file, json.dumps(content, indent=1))
