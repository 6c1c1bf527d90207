"""One number for several tasks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from .measure import declared_measures


def multitask_score(miou: float, si_log_rmse: float) -> float:
    """How far both tasks are above a floor: max(mIoU - 50, 0) + max(50 - SI-logRMSE, 0).

    Args:
        miou: percent, 0..100.
        si_log_rmse: with lambda 1 and scale 100, 0 or more.

    Returns:
        0..100, more is better; nan where an input is nan.

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
    """Mean relative difference to single-task baselines, in percent.

    The mean of s * (M - B) / B, with s = -1 where lower is better and +1 elsewhere (Maninis et
    al. 2019, https://arxiv.org/abs/1904.08918). Sources disagree on two points:

    - `sign`: `gain` is positive where the multi-task network is better (Maninis et al.), `drop`
      is the negative of it (https://arxiv.org/abs/2110.14048 and the papers that follow it);
    - `averaging`: `task` takes the mean of each task's metrics first, then of the tasks;
      `metric` weighs every metric alike. With one metric a task they are the same.

    Args:
        results: `{'<task>/<metric>': value}` of the multi-task network; other metrics than those
            of `baselines` are not looked at.
        baselines: `{'<task>/<metric>': value}` of one network a task; they choose the metrics.
        lower_is_better: names of the metrics that are errors; default: what metrics declare.
        sign: `gain` or `drop`.
        averaging: `task` or `metric`.

    Returns:
        Percent.

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
