"""The line charts of a report: training, balance of the tasks, depth errors over the distance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..evaluation import main_measures
from ..models.balancers import LOG_PREFIX
from .chart import Chart
from .history import Entry
from .resolved_config import flat_texts
from .run_record import RunRecord

BESIDE_LOSSES = (
    *("lr", "base_lr", "momentum", "time", "data_time", "memory"),
    *("epoch", "iter", "step"),
)
"""What training logs that is no loss."""


def training_chart(runs: Sequence[RunRecord]) -> Chart:
    """Return losses and, below them, metrics of the validations."""
    main = {measure.name for measure in main_measures().values()}
    chart = Chart(_axis(runs), ("loss", "metric"))
    for index, run in enumerate(runs):
        losses = dict.fromkeys(
            key
            for entry in run.history.training
            for key in entry.values
            if key not in BESIDE_LOSSES and not key.startswith(LOG_PREFIX)
        )
        for name in losses:
            points = _points(runs, run, run.history.training, name)
            chart.add(index, name, 0, points, shown=name == "loss")
        metrics = dict.fromkeys(
            key for entry in run.history.validation for key in entry.values if "/" in key
        )
        for name in metrics:
            points = _points(runs, run, run.history.validation, name)
            chart.add(index, name, 1, points, shown=name in main, markers=True)
    return chart


def balance_chart(runs: Sequence[RunRecord]) -> Chart:
    """Return the tasks' weights, the cosines of their gradients and the gradients' norms."""
    panes = {
        "weight_": "weight",
        "cosine_": "cosine of the gradients (below 0: conflict)",
        "grad_norm_": "norm of the gradient",
    }
    chart = Chart(_axis(runs), list(panes.values()))
    for index, run in enumerate(runs):
        names = dict.fromkeys(k for entry in run.history.training for k in entry.values)
        for name in names:
            quantity = name.removeprefix(LOG_PREFIX)
            for pane, prefix in enumerate(panes):
                if name.startswith(LOG_PREFIX) and quantity.startswith(prefix):
                    label = quantity.replace("_", " ")
                    chart.add(index, label, pane, _points(runs, run, run.history.training, name))
        for task, weight in _fixed_weights(run).items():
            entries = [Entry(e.iteration, {task: weight}) for e in run.history.training]
            ends = _points(runs, run, entries, task)[:: max(1, len(entries) - 1)]
            chart.add(index, f"weight {task}", 0, ends)
    return chart


def _fixed_weights(run: RunRecord) -> dict[str, float]:
    """Return the weights of a run whose balancer has constants, which it does not log."""
    key = "model.balancer.weights."
    flat = flat_texts(run.config)
    if flat.get("model.balancer.type") != "'FixedWeights'":
        return {}
    return {k.removeprefix(key): _number(v) for k, v in flat.items() if k.startswith(key)}


def _number(text: str) -> float:
    """Return a number of a config, nan where it is none: charts leave that out."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def distance_chart(runs: Sequence[RunRecord], unit: str) -> Chart:
    """Return the depth errors over the true distance, and how many pixels lie there."""
    quantities = {
        "abs_rel": ("relative error", 0, True),
        "rmse_log": ("RMSE of the logarithm", 1, True),
        "log_bias": ("mean of log(prediction / truth)", 1, False),
        "share": ("share of the pixels (%)", 2, True),
    }
    panes = ("|prediction - truth| / truth", "log(prediction / truth)", "% of pixels")
    chart = Chart(f"true distance ({unit})", panes, log_x=True)
    for index, run in enumerate(runs):
        errors = run.details and run.details.distance_errors
        if not errors:
            continue
        # The middle of a bin, where ratios count.
        middles = [math.sqrt(n * f) for n, f in zip(errors["near"], errors["far"], strict=True)]
        share = [100 * n / sum(errors["pixels"]) for n in errors["pixels"]]
        for key, (name, pane, shown) in quantities.items():
            values = dict(errors, share=share)[key]
            chart.add(index, name, pane, zip(middles, values, strict=True), shown, markers=True)
    return chart


def _axis(runs: Sequence[RunRecord]) -> str:
    """Return "epoch" where all runs count epochs: their lengths may differ."""
    return "epoch" if all(run.history.per_epoch for run in runs) else "iteration"


def _points(
    runs: Sequence[RunRecord], run: RunRecord, entries: Sequence[Entry], name: str
) -> list[tuple[float, float]]:
    scale = (run.history.per_epoch or 1) if _axis(runs) == "epoch" else 1
    return [(e.iteration / scale, e.values[name]) for e in entries if name in e.values]
