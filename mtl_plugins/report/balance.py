"""Summarize what the balancer logged: task weights, gradient norms, gradient conflicts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from mmengine.logging import MessageHub
from rich.table import Table

from ..models.balancers import LOG_PREFIX


def balance_report(hub: MessageHub) -> dict[str, dict[str, float]]:
    """Return the mean weight and gradient norm of each task, and the mean cosine of each pair.

    Args:
        hub: the run's message hub, which holds the values of every step.

    Returns:
        `{task: {'weight', 'grad_norm'}, 'task | task': {'cosine', 'conflict'}}`; `conflict` is the
        percentage of steps in which the cosine of two gradients is negative. Means ignore steps in
        which a task is missing. Empty where the balancer logs nothing.
    """
    values = {
        key.removeprefix(f"train/{LOG_PREFIX}"): buffer.data[0][np.isfinite(buffer.data[0])]
        for key, buffer in hub.log_scalars.items()
        if key.startswith(f"train/{LOG_PREFIX}")
    }
    tasks = [key.removeprefix("weight_") for key in values if key.startswith("weight_")]
    report: dict[str, dict[str, float]] = {}
    for task in tasks:
        kinds = ("weight", "grad_norm")
        report[task] = {k: _mean(values[f"{k}_{task}"]) for k in kinds if f"{k}_{task}" in values}
    for first, second in combinations(tasks, 2):
        cosines = values.get(f"cosine_{first}_{second}")
        if cosines is not None:
            against = _mean((cosines < 0).astype(float))
            report[f"{first} | {second}"] = dict(cosine=_mean(cosines), conflict=100 * against)
    return report


def balance_table(report: dict[str, dict[str, float]]) -> Table:
    """Format the report as a table for the terminal."""
    table = Table(title="Balance of the tasks (means over all steps)")
    columns = dict(
        weight="weight", grad_norm="gradient norm", cosine="cosine", conflict="in conflict (%)"
    )
    table.add_column("task")
    for label in columns.values():
        table.add_column(label, justify="right")
    for name, row in report.items():
        table.add_row(name, *(_text(row.get(key)) for key in columns))
    return table


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
