"""Compare the costs of several configs: on the terminal, as CSV, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mmengine.config import Config

from ..utils import ProgressLine, TextTable, wide_console, write_csv, write_text
from .cost import Cost, measure_cost

MIB = 2**20
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
"""Columns of the table and the text of each for a cost."""

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
    """Measure several configs by name, with progress on the terminal.

    `options` are arguments of `measure_cost`.
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
    """Return the units, conventions and machine of a table, given one of its rows."""
    return CONVENTION.format(**asdict(cost), memory=MEMORY[cost.device])


def cost_table(costs: Sequence[Cost]) -> TextTable:
    """Return a table with one row a config; `cost_caption` explains its units."""
    rows = [[text(cost) for text in COLUMNS.values()] for cost in costs]
    return TextTable([*COLUMNS], rows, title="Cost")


def report_costs(
    costs: Sequence[Cost], csv_file: str | None = None, markdown_file: str | None = None
) -> None:
    """Print costs as a table, and write files if asked to.

    The CSV file holds the fields of `Cost` unrounded, in bytes and seconds (empty if not
    measured); the Markdown file holds what the terminal shows.
    """
    table, caption = cost_table(costs), cost_caption(costs[0])
    console = wide_console()
    console.print(table)
    console.print(caption, markup=False, highlight=False)
    if csv_file:
        write_csv(csv_file, [asdict(cost) for cost in costs])
    if markdown_file:
        write_text(markdown_file, f"{table.markdown()}\n\n{caption}\n")


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.1f}"
