"""What the depth of a split is like, and the codec that normalises it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from ..errors import ConfigError, DataError
from ..progress import track
from ..structures import NO_DEPTH
from .baseline import TargetReader
from .run import build_dataset

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


def measure_depth(maps: Iterable[np.ndarray | None]) -> DepthStatistics:
    """Return the statistics of depth maps, read one after the other.

    Args:
        maps: H,W depth in metres, of any sizes; pixels that are 0, negative or not finite are not
            valid. None (no depth for an image) is passed over.

    Raises:
        DataError: no map has a valid pixel.

    >>> result = measure_depth([np.array([[1.0, 0.0]]), None, np.array([[math.e**2]])])
    >>> result.log_mean, result.log_std, result.valid_pixels, result.pixels
    (1.0, 1.0, 2, 3)
    """
    images = pixels = valid_pixels = 0
    mean = squares = 0.0
    low, high = math.inf, -math.inf
    histogram = np.zeros(round((HIGHEST - LOWEST) / BIN_WIDTH), np.int64)
    for depth in maps:
        if depth is None:
            continue
        images += 1
        pixels += depth.size
        valid = depth[np.isfinite(depth) & (depth > NO_DEPTH)].astype(np.float64)
        if not valid.size:
            continue
        log_depth = np.log(valid)
        # Means and sums of squares are merged (Chan et al.): sums of raw squares would cancel.
        before, valid_pixels = valid_pixels, valid_pixels + valid.size
        step = log_depth.mean() - mean
        mean += step * valid.size / valid_pixels
        squares += ((log_depth - log_depth.mean()) ** 2).sum()
        squares += step**2 * before * valid.size / valid_pixels
        low, high = min(low, valid.min()), max(high, valid.max())
        bins = ((log_depth - LOWEST) / BIN_WIDTH).astype(np.int64)
        histogram += np.bincount(bins, minlength=len(histogram))
    if not valid_pixels:
        raise DataError(
            f"None of {images} depth maps has a valid pixel (finite and > 0). Set "
            "data_prefix.depth_map_path to the split's depth, and depth_format to what its "
            "values mean."
        )
    # The bin in which the cumulative count reaches the share; its middle stands for it.
    reached = np.searchsorted(histogram.cumsum(), np.array(PERCENTILES) / 100 * valid_pixels)
    percentiles = np.exp(LOWEST + (reached + 0.5) * BIN_WIDTH).clip(low, high)
    return DepthStatistics(
        float(mean), math.sqrt(squares / valid_pixels), float(low), float(high),
        *percentiles.tolist(), valid_pixels, pixels,
    )  # fmt: skip


def split_depth_statistics(config: Config, split: str) -> DepthStatistics:
    """Return the statistics of a config's split, in original size and without augmentation.

    Args:
        config: as from `load_config`.
        split: "train", "val" or "test".

    Raises:
        ConfigError: the config has no such split.
        DataError: the split has no valid depth.
    """
    if not config.get(f"{split}_dataloader"):
        raise ConfigError(f"{config.filename} has no {split}_dataloader; choose another split.")
    reader = TargetReader(build_dataset(config, split))
    return measure_depth(depth for _, depth in track(reader, f"depth of {split}"))


def report_depth_statistics(
    statistics: DepthStatistics, split: str, json_file: str | None = None
) -> None:
    """Print statistics and the codec to paste; write them as JSON where asked for."""
    table = Table(title=f"Depth of the {split} split")
    table.add_column("statistic")
    table.add_column("value", justify="right")
    table.add_row("mean of log depth", f"{statistics.log_mean:.6g}")
    table.add_row("standard deviation of log depth", f"{statistics.log_std:.6g}")
    table.add_row("minimum (m)", f"{statistics.min_depth:.4g}")
    for percent in PERCENTILES:
        value = getattr(statistics, f"percentile_{percent}")
        table.add_row(f"percentile {percent} (m)", f"{value:.4g}")
    table.add_row("maximum (m)", f"{statistics.max_depth:.4g}")
    share = statistics.valid_pixels / statistics.pixels
    table.add_row("valid pixels (%)", f"{share * 100:.2f}")
    table.add_row("valid pixels", str(statistics.valid_pixels))
    console = Console()
    console.print(table)
    console.print(statistics.codec, soft_wrap=True, markup=False, highlight=False)
    if json_file:
        os.makedirs(os.path.dirname(json_file) or ".", exist_ok=True)
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump(
                dict(split=split, **asdict(statistics), codec=statistics.codec), file, indent=1
            )
