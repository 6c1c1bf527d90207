"""Costs of several configs side by side: on the terminal, as CSV, as Markdown."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TextIO

from mmengine.config import Config
from rich import box
from rich.console import Console
from rich.table import Table

from ..utils import ProgressLine
from .cost import Cost, measure_cost

MIB = 2**20
PIPE_WIDTH = 120
COLUMNS: dict[str, Callable[[Cost], str]] = {
    "config": lambda cost: cost.config,
    "params (M)": lambda cost: f"{cost.parameters / 1e6:.2f}",
    "encoder (M)": lambda cost: f"{cost.encoder / 1e6:.2f}",
    "decoders (M)": lambda cost: f"{cost.decoders / 1e6:.2f}",
    "heads (M)": lambda cost: f"{cost.task_heads / 1e6:.2f}",
    "rest (M)": lambda cost: f"{cost.rest / 1e6:.2f}",
    "GMACs": lambda cost: f"{cost.macs / 1e9:.2f}",
    "train (MiB)": lambda cost: f"{cost.training_bytes / MIB:.1f}",
    "predict (MiB)": lambda cost: f"{cost.prediction_bytes / MIB:.1f}",
    "train (ms)": lambda cost: _milliseconds(cost.training_seconds),
    "predict (ms)": lambda cost: _milliseconds(cost.prediction_seconds),
}
"""Columns of the table and what they show of a cost."""

CONVENTION = (
    "Parameters in millions. GMACs: 1e9 multiply-adds of one forward pass of one {height}x{width} "
    "image (height x width); one multiply-add of a convolution, linear layer or matrix product "
    "counts as one; element-wise operations, norms and resizing are not counted. Memory: peak of a "
    "training step and of a prediction at batch size {batch_size}, in MiB (2^20 bytes): {memory}. "
    "Time: median milliseconds of such a step. Random weights and data. Measured on {machine}."
)
MEMORY = dict(
    cpu="live tensors (weights, gradients, optimizer state, activations, batch), without scratch "
    "space inside an operation",
    cuda="the most that torch's allocator handed out",
)


def measure_costs(configs: Mapping[str, Config], **options: Any) -> list[Cost]:
    """Return the costs of several configs by name, with progress on the terminal.

    `options` are those of `measure_cost`.
    """
    costs: list[Cost] = []
    with ProgressLine("measuring", len(configs)) as line:
        for name, config in configs.items():

            def show(stage: str, name: str = name) -> None:
                line.update(description=f"{name}: {stage}")

            costs.append(measure_cost(config, name, **options, on_stage=show))
            line.update(done=len(costs))
    return costs


def cost_caption(cost: Cost) -> str:
    """Return units, conventions and the machine of a table, of which `cost` is one row."""
    return CONVENTION.format(**asdict(cost), memory=MEMORY[cost.device])


def cost_table(costs: Sequence[Cost]) -> Table:
    """Return a table for the terminal, one row a config; `cost_caption` tells its units."""
    table = Table(title="Cost", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        # The unit on a line of its own, or the headings would be wider than the numbers.
        heading = name.replace(" (", "\n(")
        table.add_column(heading, justify="left" if name == "config" else "right", overflow="fold")
    for row in _rows(costs):
        table.add_row(*row)
    return table


def report_costs(
    costs: Sequence[Cost], csv_file: str | None = None, markdown_file: str | None = None
) -> None:
    """Print costs as a table, and write them into files where asked for.

    The CSV file holds the fields of `Cost` unrounded, in bytes and seconds (empty: not measured);
    the Markdown file what the terminal shows.
    """
    # A file or pipe has no width: there, wide enough for every column.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    console.print(cost_table(costs))
    console.print(cost_caption(costs[0]), markup=False, highlight=False)
    if csv_file:
        with _created(csv_file) as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Cost)])
            writer.writeheader()
            writer.writerows(asdict(cost) for cost in costs)
    if markdown_file:
        rule = ["---"] + ["---:"] * (len(COLUMNS) - 1)
        lines = [f"| {' | '.join(row)} |" for row in (list(COLUMNS), rule, *_rows(costs))]
        with _created(markdown_file) as file:
            file.write("\n".join([*lines, "", cost_caption(costs[0]), ""]))


def _rows(costs: Sequence[Cost]) -> list[list[str]]:
    return [[text(cost) for text in COLUMNS.values()] for cost in costs]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.1f}"


def _created(path: str) -> TextIO:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    return open(path, "w", encoding="utf-8", newline="")
