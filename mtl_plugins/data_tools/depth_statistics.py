"""What the depth of a split is like, and the codec that normalises it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from ..config import build_dataset
from ..datasets import TargetReader
from ..errors import ConfigError, DataError
from ..utils import track
from .depth_tally import PERCENTILES, DepthStatistics, DepthTally


def measure_depth(maps: Iterable[np.ndarray | None]) -> DepthStatistics:
    """Return the statistics of depth maps, read one after the other.

    Args:
        maps: H,W depth in metres, of any sizes; pixels that are 0, negative or not finite are not
            valid. None (no depth for an image) is passed over.

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
