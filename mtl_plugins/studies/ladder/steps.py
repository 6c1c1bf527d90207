"""The steps of a ladder: metrics over seeds, differences between steps, single-task baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...config import complete_tasks, load_config
from ...costs import Cost, measure_costs
from ...evaluation import Baseline, Baselines, Measure, declared_measures, kind_of, measures_of
from ...targets import PREDEFINED, SCORED, SEVERAL_TASKS
from .runs import Ladder

RULE = "|difference| > 2 * sqrt(s1^2/n1 + s2^2/n2)"
"""Condition for calling a difference of two means larger than the spread of the seeds."""


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of a metric over seeds.

    Args:
        mean: None if there are no values.
        std: of the sample (divided by n - 1); None for fewer than two values.
        n: number of values.
    """

    mean: float | None
    std: float | None
    n: int

    def __str__(self) -> str:
        if self.mean is None:
            return "-"
        std = "" if self.std is None else f" ± {self.std:.2f}"
        return f"{self.mean:.2f}{std} (n={self.n})"


def spread_of(values: Sequence[float]) -> Spread:
    """Compute mean and sample standard deviation of values.

    >>> str(spread_of([1, 2, 3])), str(spread_of([1])), str(spread_of([]))
    ('2.00 ± 1.00 (n=3)', '1.00 (n=1)', '-')
    """
    n = len(values)
    mean = float(np.mean(values)) if n else None
    return Spread(mean, float(np.std(values, ddof=1)) if n > 1 else None, n)


def difference(before: Spread, after: Spread) -> float | None:
    """Return the growth of the mean; None if one of the two has no values."""
    if before.mean is None or after.mean is None:
        return None
    return after.mean - before.mean


def is_larger(before: Spread, after: Spread) -> bool | None:
    """Return whether the difference is larger than the spread, by `RULE`.

    None if that is unknown: with fewer than two seeds, or if a value is not finite.

    >>> is_larger(Spread(1.0, 1.0, 4), Spread(2.5, 1.0, 4)) # 1.5 > 2 * sqrt(1/4 + 1/4) = 1.414
    True
    """
    change = difference(before, after)
    if change is None or before.std is None or after.std is None or not math.isfinite(change):
        return None
    return abs(change) > 2 * math.sqrt(before.std**2 / before.n + after.std**2 / after.n)


@dataclass(frozen=True)
class Step:
    """A config and the runs of it that have ended.

    Args:
        name: name of the config's file.
        metrics: metrics of the last validation, by seed.
        image_blind: metrics of the image-blind predictor.
        missing: seeds whose runs have not ended.
        cost: cost of the model; None if no run has ended.
        schedule: length of a run, such as "2 epochs"; None if no run has ended.
    """

    name: str
    metrics: Mapping[int, Mapping[str, float]]
    image_blind: Mapping[str, float]
    missing: tuple[int, ...]
    cost: Cost | None = None
    schedule: str | None = None

    def values(self, metric: str) -> dict[int, float]:
        """Return the values of a metric by seed."""
        return {seed: found[metric] for seed, found in self.metrics.items() if metric in found}

    def spread(self, metric: str) -> Spread:
        """Return mean and standard deviation of a metric."""
        return spread_of(list(self.values(metric).values()))


def read_steps(ladder: Ladder, size: tuple[int, int]) -> list[Step]:
    """Read the results of the runs; measure the cost of every step with a run that has ended.

    `size` is the (height, width) of the image that GMACs are counted for, in pixels.
    """
    return [_read_step(ladder, config, size) for config in ladder.configs]


def _read_step(ladder: Ladder, path: str, size: tuple[int, int]) -> Step:
    found = {run.seed: run.summary() for run in ladder.runs() if run.config == path}
    ended = {seed: summary for seed, summary in found.items() if summary is not None}
    name, cost, schedule = Path(path).stem, None, None
    if ended:
        config = load_config(path, ladder.options)
        complete_tasks(config)
        # Two images: batch normalisation of pooled features cannot train on one.
        cost = measure_costs({name: config}, size=size, batch_size=2, repeats=0)[0]
        unit = "epochs" if "max_epochs" in config.train_cfg else "iters"
        schedule = f"{config.train_cfg[f'max_{unit}']} {unit}"
    return Step(
        name,
        {seed: summary["metrics"] for seed, summary in ended.items()},
        next((summary["image_blind"] for summary in ended.values()), {}),
        tuple(seed for seed in found if seed not in ended),
        cost,
        schedule,
    )


def reported_measures(steps: Sequence[Step]) -> list[Measure]:
    """Return the main measures of the targets that a step measured, and those of several tasks.

    Before any run has ended, these are the measures of the multi-task score.
    """
    found = dict.fromkeys(n for step in steps for metrics in step.metrics.values() for n in metrics)
    scored = measures_of(PREDEFINED[name] for name in SCORED)
    measures = declared_measures(found) if found else scored
    return [measure for measure in measures if measure.main or measure.kind == SEVERAL_TASKS]


def single_task_baselines(steps: Sequence[Step], settings: str) -> Baselines | None:
    """Return the baselines given by the first step of each task that trains it alone, or None."""
    found: dict[str, Baseline] = {}
    for step in steps:
        names = {name for metrics in step.metrics.values() for name in metrics}
        tasks = {kind_of(name) for name in names} - {SEVERAL_TASKS}
        if len(tasks) != 1:
            continue
        (task,) = tasks
        if task in found:
            continue  # another way to train it, not what others are compared with
        means = {name: step.spread(name).mean for name in sorted(names)}
        metrics = {name: mean for name, mean in means.items() if mean is not None}
        found[task] = Baseline(step.name, len(step.metrics), metrics)
    return Baselines(settings, found) if found else None
