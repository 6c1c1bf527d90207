"""Classes, depth and normals of a data set as tables with bars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.bar import Bar
from rich.table import Table

from ...targets import IGNORE_LABEL
from .findings import PartCheck, counted
from .part_statistics import PartStatistics

BAR_WIDTH = 30
SPANS = 12
"""Rows of the histogram of depth."""

SIZES = 4
"""So many sizes of images are named."""


def parts_table(parts: list[PartCheck]) -> Table:
    """Return what the data sets are: samples, sizes, targets, findings."""
    table = Table(title="Data")
    for name in ("data set", "read by", "samples", "image sizes", "targets", "found"):
        table.add_column(name, justify="right" if name == "samples" else "left")
    for part in parts:
        found = part.statistics
        table.add_row(
            part.name,
            "\n".join(part.splits),
            str(found.samples) if found else "-",
            _sizes(found) if found else "-",
            "\n".join(found.targets) or "none" if found else "-",
            f"{counted(part.problems, 'problem')}\n{counted(part.warnings, 'warning')}",
        )
    return table


def statistics_tables(part: PartCheck) -> Iterator[Table]:
    """Yield the tables of what a data set's targets are like."""
    found = part.statistics
    if found.class_pixels.any():
        yield _class_table(part.name, found)
    if found.depth.images:
        yield _depth_table(part.name, found)
    if found.normals[1]:
        table = Table(title=f"Normals of {part.name}")
        table.add_column("pixels")
        table.add_column("share (%)", justify="right")
        share = found.normals[0] / found.normals[1] * 100
        table.add_row("with a normal", f"{share:.2f}")
        table.add_row("without", f"{100 - share:.2f}")
        yield table
    for kind, tally in found.values.items():
        table = Table(title=f"Values of {part.name}: {kind}")
        table.add_column("pixels")
        table.add_column("value", justify="right")
        statistics = tally.as_dict()
        valid, pixels = statistics.pop("valid_pixels"), statistics.pop("pixels")
        for name, value in statistics.items():
            table.add_row(name, f"{value:.5g}")
        table.add_row("invalid (%)", f"{100 - 100 * valid / pixels:.2f}")
        yield table


def _sizes(found: PartStatistics) -> str:
    sizes = [f"{h}x{w}: {count}" for (h, w), count in found.sizes.most_common(SIZES)]
    more = len(found.sizes) - len(sizes)
    return "\n".join(sizes) + (f"\n{more} others" if more > 0 else "")


def _class_table(name: str, found: PartStatistics) -> Table:
    table = Table(title=f"Classes of {name}")
    table.add_column("id", justify="right")
    table.add_column("class")
    table.add_column("pixels (%)", justify="right")
    table.add_column("images", justify="right")
    table.add_column("")
    shares = found.class_pixels / found.class_pixels.sum() * 100
    for i in (*range(len(found.classes)), IGNORE_LABEL):
        label = "no class" if i == IGNORE_LABEL else found.classes[i]
        occurs = found.class_pixels[i] > 0 or i == IGNORE_LABEL
        bar = Bar(shares.max(), 0, shares[i], width=BAR_WIDTH) if occurs else "never occurs"
        table.add_row(
            str(i), label, f"{shares[i]:.3f}", str(found.class_images[i]), bar,
            style=None if occurs else "yellow",
        )  # fmt: skip
    return table


def _depth_table(name: str, found: PartStatistics) -> Table:
    unit, tally, statistics = found.depth_unit, found.depth, found.depth.statistics()
    table = Table(title=f"Depth of {name} ({unit})")
    table.add_column("depth", justify="right")
    table.add_column("pixels (%)", justify="right")
    table.add_column("")
    if statistics is not None:
        spans = tally.spans(SPANS)
        most = max(pixels for *_, pixels in spans)
        for low, high, pixels in spans:
            share = f"{pixels / tally.valid_pixels * 100:.2f}"
            bar = Bar(most, 0, pixels, width=BAR_WIDTH)
            table.add_row(f"{low:.3g} - {high:.3g}", share, bar)
        table.add_section()
        rows = {
            "minimum": statistics.min_depth,
            "percentile 1": statistics.percentile_1,
            "percentile 50": statistics.percentile_50,
            "percentile 99": statistics.percentile_99,
            "maximum": statistics.max_depth,
            "mean of log depth": statistics.log_mean,
            "std of log depth": statistics.log_std,
        }
        for label, value in rows.items():
            table.add_row(label, f"{value:.5g}")
    missing = 100 - tally.valid_pixels / np.float64(tally.pixels) * 100
    table.add_row("not measured (%)", f"{missing:.2f}")
    return table
