"""Metrics and task balance of one run: as tables on the terminal, and as results in a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub
from rich.console import Console

from ..evaluation import StreamingMetric, direction_of, table_labels
from ..models.balancers import LOG_PREFIX
from ..targets import PREDEFINED
from ..utils import TextTable, write_csv

BALANCE_COLUMNS = dict(
    weight="weight", grad_norm="gradient norm", cosine="cosine", conflict="in conflict (%)"
)


def metrics_table(
    name: str, metrics: Mapping[str, float], blind: Mapping[str, float] | None = None
) -> TextTable:
    """Return a table of metrics, optionally compared with those of the image-blind predictor.

    Args:
        name: heading of the column.
        metrics: values by name; only metrics with a label in `table_labels` are shown.
        blind: metrics of the image-blind predictor, shown with the ratio to them.
    """
    blind = blind or {}
    rows = []
    for key, label in table_labels(metrics).items():
        row = [label, f"{metrics[key]:.3f}"]
        if key in blind:
            # A bias may have either sign.
            compared = blind[key] and direction_of(key)
            ratio = f"{metrics[key] / blind[key]:.2f}" if compared else "-"
            row += [f"{blind[key]:.3f}", ratio]
        elif blind:
            row += ["", ""]
        rows.append(row)
    columns = ["metric", name, *(("image-blind", "ratio") if blind else ())]
    return TextTable(columns, rows, title="Metrics")


@master_only
def show_metrics(name: str, metrics: Mapping[str, float]) -> None:
    """Print the metrics under the heading `name`."""
    Console().print(metrics_table(name, metrics))


def balance_report(hub: MessageHub) -> dict[str, dict[str, float]]:
    """Return the mean weight and gradient norm of each task, and the mean cosine of each pair.

    Args:
        hub: the run's message hub, which holds the values that the balancer logged in every step.

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
            against = 100 * _mean((cosines < 0).astype(float))
            report[f"{first} | {second}"] = dict(cosine=_mean(cosines), conflict=against)
    return report


def balance_table(report: dict[str, dict[str, float]]) -> TextTable:
    """Format the report as a table for the terminal."""
    rows = [
        [name, *(f"{row[k]:.4g}" if k in row else "" for k in BALANCE_COLUMNS)]
        for name, row in report.items()
    ]
    title = "Balance of the tasks (means over all steps)"
    return TextTable(["task", *BALANCE_COLUMNS.values()], rows, title=title)


def write_results(
    path: str, metrics: Mapping[str, float], evaluators: Sequence[BaseMetric], checkpoint: str
) -> None:
    """Write the metrics of an evaluation as JSON; nan and infinity become null.

    The file holds `checkpoint` and `metrics` (by name). If classes were measured, it also holds
    `classes` (name, iou, accuracy, pixels; all in percent) and `confusion` (pixel counts, rows are
    the truth) of the predefined target, and `targets` with the same two of each other target.
    """
    found: dict[str, Any] = dict(checkpoint=checkpoint, metrics=dict(metrics))
    for evaluator in evaluators:
        for name, counts in getattr(evaluator, "confusions", {}).items():
            scores = [score._asdict() for score in evaluator.classes[name]]
            details = dict(classes=scores, confusion=counts.tolist())
            if name in PREDEFINED:
                found.update(details)
            else:
                found.setdefault("targets", {})[name] = details
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(_plain(found), file, indent=1)


def write_image_scores(path: str, evaluators: Sequence[StreamingMetric]) -> None:
    """Write the metrics of every image as CSV, a row an image, in the order of the data set.

    The first column is the image's path. A metric of which an image has no truth is empty.
    """
    rows: list[dict[str, Any]] = []
    for images in zip(*(evaluator.image_scores for evaluator in evaluators), strict=True):
        scores = {name: value for _, found in images for name, value in found.items()}
        finite = {name: value for name, value in scores.items() if math.isfinite(value)}
        rows.append({"image": images[0][0], **finite})
    columns = dict.fromkeys(name for row in rows for name in row)
    write_csv(path, [{name: row.get(name) for name in columns} for row in rows])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _plain(value: object) -> object:
    """Replace numbers that are not valid JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
