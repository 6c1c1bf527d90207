"""Single-task baselines in a file, and Delta_m of a multi-task network against them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ConfigError
from ..targets import SEVERAL_TASKS
from ..utils import parse_json, read_text
from .measure import delta_m, direction_of, kind_of, main_measures

ONE_METRIC = "Delta_m, one metric a task (%)"
ALL_METRICS = "Delta_m, all metrics (%)"


@dataclass(frozen=True)
class Baseline:
    """Scores of a network with one task.

    Args:
        config: name of its config.
        seeds: number of runs.
        metrics: means over the runs by `<task>/<metric>`.
    """

    config: str
    seeds: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Baselines:
    """Baselines of several tasks, as written by `tools/ladder.py`.

    Args:
        settings: description of training and data.
        tasks: baseline of each task.
    """

    settings: str
    tasks: Mapping[str, Baseline]

    def write(self, path: str) -> None:
        """Write the baselines as JSON."""
        tasks = {task: vars(baseline) for task, baseline in self.tasks.items()}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dict(settings=self.settings, tasks=tasks), file, indent=1)

    @classmethod
    def read(cls, path: str) -> Baselines:
        """Read the baselines of a file.

        Raises:
            ConfigError: the file is missing or does not hold baselines.
        """
        try:
            content = parse_json(read_text(path))
            tasks = {task: Baseline(**found) for task, found in content["tasks"].items()}
            for task, found in tasks.items():
                if not all(math.isfinite(value) for value in found.metrics.values()):
                    raise ValueError(f"the metrics of {task} are not all finite numbers")
            return cls(str(content["settings"]), tasks)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{path} holds no single-task baselines ({type(error).__name__}: {error}). Make "
                "it: tools/ladder.py with a config for each single task writes baselines.json."
            ) from error

    def delta_m(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Compute Delta_m of a network's metrics in percent, positive where it is better.

        Returns:
            Delta_m of the targets' main metrics (`ONE_METRIC`), and of all metrics that network
            and baselines share and that have a better direction, with equal weights
            (`ALL_METRICS`).

        Raises:
            ConfigError: a task of the network has no baseline, or a baseline's main metric was
                not measured or is 0.

        >>> one = Baselines('', {'semseg': Baseline('a', 1, {'semseg/mIoU': 50.0})})
        >>> one.delta_m({'semseg/mIoU': 55.0, 'multitask/score': 5.0})[ONE_METRIC]
        10.0
        """
        tasks = {kind_of(name) for name in metrics} - {SEVERAL_TASKS}
        if missing := sorted(tasks - set(self.tasks)):
            raise ConfigError(
                f"There is no single-task baseline of {missing}, only of {sorted(self.tasks)}. Add "
                "a config of that task alone to the study that writes the baselines."
            )
        known = {k: v for t in sorted(tasks) for k, v in self.tasks[t].metrics.items()}
        main = {measure.name: known[measure.name] for measure in main_measures(known).values()}
        if lacking := sorted(set(main) - set(metrics)):
            raise ConfigError(
                f"{lacking} of the baselines was not measured; it was {list(metrics)}."
            )
        if not all(main.values()) or not main:
            raise ConfigError(
                f"The baselines' main metrics are {main}; expected one per task, none of them 0: "
                "differences are relative to it. Train the baselines again."
            )
        shared = {
            name: value
            for name, value in known.items()
            if name in metrics and value and direction_of(name)
        }
        return {
            ONE_METRIC: delta_m(metrics, main),
            ALL_METRICS: delta_m(metrics, shared, averaging="metric"),
        }
