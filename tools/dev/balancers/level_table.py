"""Differences between the levels of gradient balancing as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import mean

from rich.console import Console
from rich.table import Table

from mtl_plugins.utils import track

from .level_difference import LevelDifference


def show_level_differences(runs: Mapping[str, Iterable[LevelDifference]], count: int) -> None:
    """Print one row a weighting; `count` is the number of comparisons of each run."""
    table = Table(title="Update of the encoder, features against parameters")
    table.add_column("weighting")
    for column in ("cosine, mean", "lowest", "length ratio, mean", "cosine of the sum, mean"):
        table.add_column(column, justify="right")
    for name, run in runs.items():
        found = list(track(run, name, count))
        cosines = [each.cosine for each in found]
        numbers = (
            mean(cosines),
            min(cosines),
            mean(each.ratio for each in found),
            mean(each.to_sum for each in found),
        )
        table.add_row(name, *(f"{number:.3f}" for number in numbers))
    Console().print(table)
