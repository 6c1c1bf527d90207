"""Choose the curves of a report: training, task balance, errors over the distance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..evaluation import main_measures
from ..models.balancers import LOG_PREFIX
from .echarts import LineChart
from .run_record import Entry, RunRecord

NOT_LOSSES = ("lr", "base_lr", "momentum", "time", "data_time", "memory", "epoch", "iter", "step")


def training_chart(runs: Sequence[RunRecord]) -> LineChart:
    """Return the losses and, below them, the metrics of the validations."""
    found = {name for run in runs for entry in run.history.validation for name in entry.values}
    main = {measure.name for measure in main_measures(sorted(found)).values()}
    chart = LineChart(_time_unit(runs), ("loss", "metric"))
    for index, run in enumerate(runs):
        for name, points in _curves(runs, run, run.history.training):
            if name not in NOT_LOSSES and not name.startswith(LOG_PREFIX):
                chart.add(index, name, 0, points, shown=name == "loss")
        for name, points in _curves(runs, run, run.history.validation):
            if "/" in name:
                chart.add(index, name, 1, points, shown=name in main, markers=True)
    return chart


def balance_chart(runs: Sequence[RunRecord]) -> LineChart:
    """Return the task weights, the cosines between gradients and the gradient norms."""
    panes = {
        "weight_": "weight",
        "cosine_": "gradient cosine (below 0: conflict)",
        "grad_norm_": "gradient norm",
    }
    chart = LineChart(_time_unit(runs), list(panes.values()))
    for index, run in enumerate(runs):
        for name, points in _curves(runs, run, run.history.training):
            quantity = name.removeprefix(LOG_PREFIX)
            for pane, prefix in enumerate(panes):
                if name.startswith(LOG_PREFIX) and quantity.startswith(prefix):
                    chart.add(index, quantity.replace("_", " "), pane, points)
        logged = run.history.training
        times = [e.iteration / _time_scale(runs, run) for e in (*logged[:1], *logged[-1:])]
        for task, weight in _fixed_weights(run.config).items():
            chart.add(index, f"weight {task}", 0, [(time, weight) for time in times])
    return chart


def distance_chart(runs: Sequence[RunRecord], target: str) -> LineChart:
    """Return the errors of a target over its true distance, and the share of pixels there."""
    quantities = {
        "abs_rel": ("relative error", 0, True),
        "rmse_log": ("RMSE of the logarithm", 1, True),
        "log_bias": ("mean of log(prediction / truth)", 1, False),
        "share": ("share of the pixels (%)", 2, True),
    }
    panes = ("|prediction - truth| / truth", "log(prediction / truth)", "% of pixels")
    chart = LineChart("", panes, log_x=True)
    for index, run in enumerate(runs):
        if not run.details or target not in run.details.distance_errors:
            continue
        found = run.details.distance_errors[target]
        chart.x_label = f"true distance ({run.details.described[target].unit})"
        middles = [math.sqrt(n * f) for n, f in zip(found["near"], found["far"], strict=True)]
        share = [100 * n / sum(found["pixels"]) for n in found["pixels"]]
        columns = {**found, "share": share}
        for key, (name, pane, shown) in quantities.items():
            points = zip(middles, columns[key], strict=True)
            chart.add(index, name, pane, points, shown, markers=True)
    return chart


def _fixed_weights(config: Mapping[str, str]) -> dict[str, float]:
    """Return the weights of `FixedWeights`, which does not log them."""
    prefix = "model.balancer.weights."
    if config.get("model.balancer.type") != "'FixedWeights'":
        return {}
    found = {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}
    weights = {}
    for task, text in found.items():
        with suppress(ValueError):  # no number
            weights[task] = float(text)
    return weights


def _time_unit(runs: Sequence[RunRecord]) -> str:
    """Return "epoch" if all runs count epochs, which may differ in length, else "iteration"."""
    return "epoch" if all(run.history.per_epoch for run in runs) else "iteration"


def _time_scale(runs: Sequence[RunRecord], run: RunRecord) -> float:
    """Return the number of iterations in the unit of time."""
    return (run.history.per_epoch or 1) if _time_unit(runs) == "epoch" else 1


def _curves(
    runs: Sequence[RunRecord], run: RunRecord, entries: Sequence[Entry]
) -> Iterator[tuple[str, list[tuple[float, Any]]]]:
    """Yield name and points of each logged quantity."""
    scale = _time_scale(runs, run)
    for name in dict.fromkeys(name for entry in entries for name in entry.values):
        yield name, [(e.iteration / scale, e.values[name]) for e in entries if name in e.values]
