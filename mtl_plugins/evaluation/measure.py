"""Names, labels and directions of the numbers that metrics return; scores of several tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import ConfigError
from ..targets import PREDEFINED, SCORED, SEVERAL_TASKS, Target

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Measure:
    """One number that a `StreamingMetric` returns.

    Args:
        name: "<target>/<metric>", its name in logs, `save_best` and `monitor`.
        better: whether higher or lower values are better; None: neither (a bias).
        label: its name in tables; "": it is left out of tables, but not of logs and reports.
        main: use it where one number represents the target: in Delta_m, in the first curves of a
            report, for the best checkpoint. At most one measure of a target is main.
        kind: name of the target that it measures; default: the first part of its name.

    Raises:
        ConfigError: `name` or `better` is malformed.

    >>> Measure("edges/f1", "higher").kind
    'edges'
    """

    name: str
    better: Direction | None
    label: str = ""
    main: bool = False
    kind: str = ""

    def __post_init__(self) -> None:
        target, _, metric = self.name.partition("/")
        if not target or not metric or self.better not in ("higher", "lower", None):
            raise ConfigError(
                f"Measure(name={self.name!r}, better={self.better!r}); expected a name "
                "'<target>/<metric>', and 'higher', 'lower' or None."
            )
        object.__setattr__(self, "kind", self.kind or target)

    @property
    def metric(self) -> str:
        """Return the last part of the name."""
        return self.name.partition("/")[2]

    def of(self, target: str, variant: str = "") -> Measure:
        """Return this measure of another target, whose name comes before the label.

        A variant is no main measure, and its name comes between target and metric.
        """
        label = self.label and ("" if target in SCORED else target) + self.label
        parts = [target, variant, self.metric] if variant else [target, self.metric]
        return replace(
            self,
            name="/".join(parts),
            label=(f"{label}, {variant}" if label and variant else label).lstrip(", "),
            main=self.main and not variant,
            kind=target,
        )


MEASURES: dict[str, tuple[Measure, ...]] = dict(
    classes=(
        Measure("*/mIoU", "higher", " mIoU (%)", main=True),
        Measure("*/mAcc", "higher", " mean accuracy (%)"),
        Measure("*/aAcc", "higher", " pixel accuracy (%)"),
        *(Measure(f"*/{name}", "higher") for name in ("mF1", "mPrecision")),
    ),
    binary=(
        Measure("*/f1", "higher", " F1 (%)", main=True),
        Measure("*/iou", "higher", " IoU (%)"),
        Measure("*/precision", "higher", " precision (%)"),
        Measure("*/recall", "higher", " recall (%)"),
        Measure("*/accuracy", "higher", " accuracy (%)"),
    ),
    distance=(
        Measure("*/si_log_rmse", "lower", " SI-logRMSE", main=True),
        Measure("*/rmse", "lower", " RMSE"),
        Measure("*/abs_rel", "lower", " relative error"),
        *(Measure(f"*/{name}", "lower") for name in ("sq_rel", "rmse_log", "log10")),
        Measure("*/delta1", "higher", " delta < 1.25"),
        *(Measure(f"*/{name}", "higher") for name in ("delta2", "delta3")),
    ),
    scalar=(
        Measure("*/mae", "lower", " mean absolute error", main=True),
        Measure("*/rmse", "lower", " RMSE"),
        Measure("*/bias", None, " bias"),
    ),
    direction=(
        Measure("*/mean_angle", "lower", ", mean angle (deg)", main=True),
        Measure("*/median_angle", "lower", ", median angle (deg)"),
        Measure("*/within_11.25", "higher", " within 11.25 deg (%)"),
        *(Measure(f"*/within_{degrees}", "higher") for degrees in ("22.5", "30")),
        Measure("*/rmse_angle", "lower"),
    ),
    offset=(
        Measure("*/epe", "lower", " end-point error (px)", main=True),
        Measure("*/within_1px", "higher", " within 1 px (%)"),
        Measure("*/within_3px", "higher", " within 3 px (%)"),
    ),
)
"""What is measured of a target, by its type; `*` is its name."""

SCORE = Measure(f"{SEVERAL_TASKS}/score", "higher", "multitask score")

OF_CURVES = tuple(Measure(f"*/{n}", "higher", f" {n} (%)") for n in ("maxF", "odsF", "oisF", "AP"))
"""What `SaliencyMetric` and `EdgeMetric` measure of a mask."""

_BY_METRIC = {
    measure.metric: measure for group in (*MEASURES.values(), OF_CURVES) for measure in group
}
"""Types that share a metric agree on its direction and its label."""

_DECLARED: dict[str, Measure] = {}


def measures_of(targets: Iterable[Target], variant: str = "") -> list[Measure]:
    """Return the measures of some targets, and of several tasks, in the order of tables.

    Those of a variant of the metric (see `MultiTaskMetric`) are of the targets alone.

    >>> [measure.label for measure in measures_of([Target("height", "scalar")])]
    ['height mean absolute error', 'height RMSE', 'height bias']
    """
    targets = [*targets]
    found = [each.of(target.name, variant) for target in targets for each in MEASURES[target.form]]
    scored = {target.name for target in targets} >= {*SCORED} and not variant
    return _in_order([*found, *([SCORE] if scored else ())])


def declare_measures(measures: tuple[Measure, ...], owner: str) -> None:
    """Register the measures of a metric class; `StreamingMetric` calls this for its subclasses.

    Raises:
        ConfigError: another measure has the same name, or is the main one of the target already.
    """
    for measure in measures:
        for other in _DECLARED.values():
            both_main = measure.main and other.main and measure.kind == other.kind
            if other != measure and (other.name == measure.name or both_main):
                raise ConfigError(
                    f"{owner} declares {measure}, but there is {other} already. Give yours another "
                    "name, and main=True only where its target has no main measure yet."
                )
    _DECLARED.update({measure.name: measure for measure in measures})


def measure_of(name: str) -> Measure | None:
    """Return the measure of a name: as a metric class declares it, or by the type of its target.

    >>> measure_of("lanes/mIoU").label, measure_of("somebody/else")
    ('lanes mIoU (%)', None)
    >>> measure_of("depth/near/rmse").label
    'RMSE, near'
    """
    target, *variant = name.split("/")
    metric = variant.pop() if variant else ""
    if name in _DECLARED or metric not in _BY_METRIC or len(variant) > 1:
        return _DECLARED.get(name)
    return _BY_METRIC[metric].of(target, *variant)


def declared_measures(names: Iterable[str] | None = None) -> list[Measure]:
    """Return the measures of some names in the order of tables.

    The predefined targets come first, measures of several tasks last. The main measure of a
    target comes first, those of a protocol last.

    Args:
        names: unknown ones are left out; default: all that metric classes declare.
    """
    found = (measure_of(name) for name in (_DECLARED if names is None else names))
    return _in_order([measure for measure in found if measure is not None])


def _in_order(measures: list[Measure]) -> list[Measure]:
    kinds = dict.fromkeys([*PREDEFINED, *(each.kind for each in measures)])
    places = {kind: place for place, kind in enumerate((*kinds, SEVERAL_TASKS))}
    metrics = {metric: place for place, metric in enumerate(_BY_METRIC)}

    def place(measure: Measure) -> tuple[int, bool, bool, int]:
        own = measure.name.startswith(f"{measure.kind}/")
        last = metrics.get(measure.metric, len(metrics))
        return places[measure.kind], not own, not measure.main, last

    return sorted(measures, key=place)


def main_measures(names: Iterable[str] | None = None) -> dict[str, Measure]:
    """Return the main measure of each target that has one; for `names` see `declared_measures`."""
    return {measure.kind: measure for measure in declared_measures(names) if measure.main}


def table_labels(names: Iterable[str] | None = None) -> dict[str, str]:
    """Map the names of the measures that tables show, in their order, to their labels.

    For `names` see `declared_measures`.
    """
    return {each.name: each.label for each in declared_measures(names) if each.label}


def direction_of(name: str) -> Direction | None:
    """Return which values of a metric are better; None if that is unknown, or neither.

    >>> direction_of("depth/rmse"), direction_of("lanes/mIoU"), direction_of("somebody/else")
    ('lower', 'higher', None)
    """
    measure = measure_of(name)
    return None if measure is None else measure.better


def kind_of(name: str) -> str:
    """Return the name of the target that a metric measures; it need not be declared.

    >>> kind_of("mtan/abs_err"), kind_of("edges/images_without_edges")
    ('depth', 'edges')
    """
    measure = measure_of(name)
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
        lower_is_better = {name for name in baselines if direction_of(name) == "lower"}
    groups: dict[str, list[float]] = {}
    for name, baseline in baselines.items():
        if baseline == 0:
            raise ValueError(f"The baseline of {name!r} is 0: nothing is relative to it, drop it.")
        gain = (results[name] - baseline) / baseline * (-1 if name in lower_is_better else 1)
        groups.setdefault(name.split("/")[0] if averaging == "task" else name, []).append(gain)
    means = [sum(group) / len(group) for group in groups.values()]
    return (100 if sign == "gain" else -100) * sum(means) / len(means)
