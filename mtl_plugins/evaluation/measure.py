"""Names, labels and directions of the numbers that metrics return; scores of several tasks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError
from ..targets import DENSE_TARGETS, SEVERAL_TASKS

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Measure:
    """One number that a `StreamingMetric` returns.

    Args:
        name: "<task>/<metric>", its name in logs, `save_best` and `monitor`.
        better: whether higher or lower values are better.
        label: its name in tables; "": it is left out of tables, but not of logs and reports.
        main: use it where one number represents the kind: in Delta_m, in the first curves of a
            report, for the best checkpoint. At most one measure of a kind is main.
        kind: the kind of target that it measures; default: the first part of its name.

    Raises:
        ConfigError: `name` or `better` is malformed.

    >>> Measure("edges/f1", "higher").kind
    'edges'
    """

    name: str
    better: Direction
    label: str = ""
    main: bool = False
    kind: str = ""

    def __post_init__(self) -> None:
        task, _, metric = self.name.partition("/")
        if not task or not metric or self.better not in ("higher", "lower"):
            raise ConfigError(
                f"Measure(name={self.name!r}, better={self.better!r}); expected a name "
                "'<task>/<metric>', and 'higher' or 'lower'."
            )
        object.__setattr__(self, "kind", self.kind or task)


_DECLARED: dict[str, Measure] = {}


def declare_measures(measures: tuple[Measure, ...], owner: str) -> None:
    """Register the measures of a metric class; `StreamingMetric` calls this for its subclasses.

    Raises:
        ConfigError: another measure has the same name, or is the main one of the kind already.
    """
    for measure in measures:
        for other in _DECLARED.values():
            both_main = measure.main and other.main and measure.kind == other.kind
            if other != measure and (other.name == measure.name or both_main):
                raise ConfigError(
                    f"{owner} declares {measure}, but there is {other} already. Give yours another "
                    "name, and main=True only where its kind has no main measure yet."
                )
    _DECLARED.update({measure.name: measure for measure in measures})


def declared_measures() -> list[Measure]:
    """Return the measures of all metric classes of this process, in the order of tables.

    Kinds are in the order of `DENSE_TARGETS`, measures of several tasks last. Within a kind,
    measures named after it come before others (such as those of a protocol).
    """
    order = {kind: place for place, kind in enumerate((*DENSE_TARGETS, SEVERAL_TASKS))}

    def place(measure: Measure) -> tuple[int, bool]:
        own = measure.name.startswith(f"{measure.kind}/")
        return order.get(measure.kind, len(order)), not own

    return sorted(_DECLARED.values(), key=place)


def main_measures() -> dict[str, Measure]:
    """Return the main measure of each kind that has one."""
    return {measure.kind: measure for measure in declared_measures() if measure.main}


def table_labels() -> dict[str, str]:
    """Map the names of the measures that tables show, in their order, to their labels."""
    return {measure.name: measure.label for measure in declared_measures() if measure.label}


def direction_of(name: str) -> Direction | None:
    """Return which values of a metric are better; None for an undeclared metric.

    >>> direction_of("depth/rmse"), direction_of("somebody/else")
    ('lower', None)
    """
    measure = _DECLARED.get(name)
    return None if measure is None else measure.better


def kind_of(name: str) -> str:
    """Return the kind of target that a metric measures; it need not be declared.

    >>> kind_of("mtan/abs_err"), kind_of("edges/images_without_edges")
    ('depth', 'edges')
    """
    measure = _DECLARED.get(name)
    return name.split("/")[0] if measure is None else measure.kind


def multitask_score(miou: float, si_log_rmse: float) -> float:
    """Compute max(mIoU - 50, 0) + max(50 - SI-logRMSE, 0), one number for two tasks, 0..100.

    The mIoU is in percent; SI-logRMSE has lambda 1 and scale 100. Higher is better; nan where an
    input is nan.

    >>> round(multitask_score(84.83, 17.85), 2)
    66.98
    """
    # max() keeps a nan only as its first argument.
    return max(miou - 50.0, 0.0) + max(50.0 - si_log_rmse, 0.0)


def delta_m(
    results: Mapping[str, float],
    baselines: Mapping[str, float],
    lower_is_better: Collection[str] | None = None,
    sign: Literal["gain", "drop"] = "gain",
    averaging: Literal["task", "metric"] = "task",
) -> float:
    """Compute Delta_m, the mean relative difference to single-task baselines, in percent.

    Delta_m is the mean of s * (M - B) / B with result M, baseline B, and s = -1 where lower is
    better and +1 elsewhere (Maninis et al. 2019, https://arxiv.org/abs/1904.08918). Publications
    differ in two points:

    - `sign`: `gain` is positive where the multi-task network is better (Maninis et al.), `drop`
      is its negative (https://arxiv.org/abs/2110.14048 and papers that follow it);
    - `averaging`: `task` averages the metrics of each task, then the tasks; `metric` averages all
      metrics. With one metric per task they are the same.

    Args:
        results: `{'<task>/<metric>': value}` of the multi-task network; metrics that are not in
            `baselines` are ignored.
        baselines: `{'<task>/<metric>': value}` of the single-task networks.
        lower_is_better: names of the metrics that are errors; default: as declared.
        sign: `gain` or `drop`.
        averaging: `task` or `metric`.

    Raises:
        ValueError: no baseline, a baseline of 0, a metric that `results` lacks, or an unknown
            `sign` or `averaging`.

    >>> delta_m({"semseg/mIoU": 55, "depth/rmse": 6}, {"semseg/mIoU": 50, "depth/rmse": 5})
    -5.0
    """
    if sign not in ("gain", "drop"):
        raise ValueError(f"sign={sign!r}: expected 'gain' or 'drop'.")
    if averaging not in ("task", "metric"):
        raise ValueError(f"averaging={averaging!r}: expected 'task' or 'metric'.")
    missing = sorted(set(baselines) - set(results))
    if missing or not baselines:
        raise ValueError(
            f"results lack {missing} of the baselines {sorted(baselines)}: expected at least one "
            "baseline, and a result for each."
        )
    if lower_is_better is None:
        lower_is_better = {m.name for m in declared_measures() if m.better == "lower"}
    groups: dict[str, list[float]] = {}
    for name, baseline in baselines.items():
        if baseline == 0:
            raise ValueError(f"The baseline of {name!r} is 0: nothing is relative to it, drop it.")
        gain = (results[name] - baseline) / baseline * (-1 if name in lower_is_better else 1)
        groups.setdefault(name.split("/")[0] if averaging == "task" else name, []).append(gain)
    means = [sum(group) / len(group) for group in groups.values()]
    return (100 if sign == "gain" else -100) * sum(means) / len(means)
