"""The single-task steps of a ladder, as baselines of the others."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ConfigError
from ...evaluation import kind_of
from ...evaluation.baselines import Baseline, Baselines
from ...targets import SEVERAL_TASKS
from .step import Step


def single_task_baselines(steps: Sequence[Step], settings: str) -> Baselines | None:
    """Return the baselines that the steps of one task alone give; None: there is none.

    Raises:
        ConfigError: two steps train the same task alone.
    """
    found: dict[str, Baseline] = {}
    for step in steps:
        names = {name for metrics in step.metrics.values() for name in metrics}
        tasks = {kind_of(name) for name in names} - {SEVERAL_TASKS}
        if len(tasks) != 1:
            continue
        (task,) = tasks
        if task in found:
            raise ConfigError(
                f"{found[task].config} and {step.name} both train {task} alone; the baseline of a "
                "task is one config. Leave one of them out."
            )
        means = {name: step.spread(name).mean for name in sorted(names)}
        metrics = {name: mean for name, mean in means.items() if mean is not None}
        found[task] = Baseline(step.name, len(step.metrics), metrics)
    return Baselines(settings, found) if found else None
