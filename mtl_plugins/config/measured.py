"""The metrics of a config: what the validation measures, and which of it chooses checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmseg.registry import METRICS

from ..errors import ConfigError
from ..evaluation import Measure, direction_of, main_measures, measures_of
from ..targets import SCORED, SEVERAL_TASKS, Target
from ..utils import did_you_mean
from .foreign import check_foreign_metrics
from .tasks import given_targets, model_targets

FOLLOWING = ("EarlyStoppingHook", "ReduceOnPlateau")
"""How the types of mmengine's hook and schedulers begin that have a `rule` for their `monitor`."""


OF_IOU_METRIC = {
    "mIoU": ("aAcc", "mIoU", "mAcc"),
    "mDice": ("aAcc", "mDice", "mAcc"),
    "mFscore": ("aAcc", "mFscore", "mPrecision", "mRecall"),
}
"""What mmseg's `IoUMetric` returns for each of its `iou_metrics`."""


def complete_metrics(config: Config) -> None:
    """Check the metrics that a config names, and set what follows from the tasks of its model.

    Raises:
        ConfigError: a name that is not measured, or two metrics that measure the same.
    """
    check_foreign_metrics(config, [*model_targets(config).values()])
    _measure_once(config)
    _choose_best_metric(config)
    check_metric_names(config)
    _set_rules(config)
    _request_extras(config)


def _request_extras(config: Config) -> None:
    """Let the model predict what the metrics need besides predictions, such as probabilities."""
    kinds = [
        METRICS.get(metric["type"])
        for key in ("val_evaluator", "test_evaluator")
        for metric in _metrics(config, key)
    ]
    needed = dict.fromkeys(extra for kind in kinds for extra in getattr(kind, "extras", ()))
    given = (config.model.get("test_cfg") or {}).get("extras") or ()
    if {*needed} - {*given}:
        test_cfg = dict(config.model.get("test_cfg") or {})
        config.model.test_cfg = dict(test_cfg, extras=[*dict.fromkeys([*given, *needed])])


def _measure_once(config: Config) -> None:
    """Drop a `NormalsMetric` whose measures another metric of the same evaluator has, too."""
    for key in ("val_evaluator", "test_evaluator"):
        if isinstance(config.get(key), Sequence):
            config[key] = _metrics(config, key)


def _metrics(config: Config, key: str) -> list[Any]:
    """Return the metrics of an evaluator that `_measure_once` keeps."""
    evaluator = config.get(key) or []
    metrics = [evaluator] if isinstance(evaluator, Mapping) else [*evaluator]
    targets = [*model_targets(config).values()]
    names = [{each.name for each in _measures(metric, targets) or ()} for metric in metrics]
    return [
        metric
        for index, metric in enumerate(metrics)
        if len(metrics) == 1
        or metric["type"] != "NormalsMetric"
        or not names[index] <= set().union(*names[:index], *names[index + 1 :])
    ]


def _measures(metric: Mapping[str, Any], targets: Sequence[Target]) -> Sequence[Measure] | None:
    """Return the measures of a metric; None if they are unknown."""
    metric_class = METRICS.get(metric["type"])
    names_none = not getattr(metric_class, "measures", ()) and not getattr(
        metric_class, "chooses_measures", False
    )
    if names_none or "prefix" in metric:
        return None
    return metric_class.measures_for(targets, metric)


def _val_targets(config: Config) -> list[Target]:
    """Return the targets of the model's tasks that the validation data hold, as far as known."""
    given = given_targets(config, "val")
    targets = model_targets(config).values()
    return [target for target in targets if given is None or target.name in given]


def measured_names(config: Config) -> list[str]:
    """Return the names of the metrics that the validation measures.

    There are none if they are unknown: if a metric is not this toolkit's, or has a prefix.

    Raises:
        ConfigError: two metrics measure the same, or an option names an unknown target.
    """
    names: list[str] = []
    targets = _val_targets(config)
    for metric in _metrics(config, "val_evaluator"):
        if foreign := _names_of_mmseg(metric):
            names += foreign
            continue
        measures = _measures(metric, targets)
        if measures is None:
            return []
        if twice := [measure.name for measure in measures if measure.name in names]:
            raise ConfigError(
                f"val_evaluator measures {twice} twice, the second time by {metric['type']}. "
                "Remove one, restrict MultiTaskMetric to other targets (tasks=[...]), or name the "
                "second way to measure (variant='...')."
            )
        names += [measure.name for measure in measures]
    return names


def _names_of_mmseg(metric: Mapping[str, Any]) -> list[str]:
    """Return the names that mmseg's `IoUMetric` returns; none for another metric."""
    if metric["type"] != "IoUMetric":
        return []
    kinds = _as_list(metric.get("iou_metrics") or "mIoU")
    prefix = f"{metric['prefix']}/" if metric.get("prefix") else ""
    return [f"{prefix}{name}" for kind in kinds for name in OF_IOU_METRIC.get(str(kind), ())]


def check_metric_names(config: Config) -> None:
    """Raise a `ConfigError` if a `save_best` or `monitor` names a metric that is not measured.

    Without this check a run would fail after its first validation, or ignore the metric. Of another
    library's metrics the names are unknown, but they are not this toolkit's.
    """
    known = measured_names(config)
    metrics = _metrics(config, "val_evaluator")
    foreign = {name for metric in metrics for name in _names_of_mmseg(metric)}
    only_foreign = _only_foreign(config)
    for key, name in _named_metrics(config):
        is_ours = direction_of(name) is not None
        unknown = name not in known if known else only_foreign and is_ours
        if unknown:
            kinds = ", ".join(metric["type"] for metric in metrics)
            hint = did_you_mean(name, known) or f"Give a name that {kinds} reports, or None."
            raise ConfigError(f"{key}={name!r}: the validation measures no such metric. {hint}")
        if known and not is_ours and name not in foreign:
            raise ConfigError(f"{key}={name!r}: neither high nor low values of it are better.")


def _only_foreign(config: Config) -> bool:
    """Return whether the validation measures with other libraries' metrics alone."""
    metrics = _metrics(config, "val_evaluator")
    kinds = [METRICS.get(metric["type"]) for metric in metrics]
    named = any("prefix" in metric for metric in metrics)
    return bool(kinds) and not named and not any(hasattr(kind, "measures") for kind in kinds)


def _followers(config: Config) -> dict[str, Any]:
    """Return the config of every hook and scheduler by its key."""
    hooks = dict(config.get("default_hooks") or {})
    nodes = {f"default_hooks.{name}": hook for name, hook in hooks.items()}
    for section in ("custom_hooks", "param_scheduler"):
        entries = config.get(section) or []
        entries = [entries] if isinstance(entries, Mapping) else entries
        nodes |= {f"{section}.{index}": entry for index, entry in enumerate(entries)}
    return {place: node for place, node in nodes.items() if isinstance(node, Mapping)}


def _named_metrics(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the key and the name of every metric that a hook or scheduler follows."""
    for place, node in _followers(config).items():
        # mmengine's default is the name of a loss, which no validation of ours has.
        default = "val/loss" if str(node.get("type")).startswith("ReduceOnPlateau") else None
        for key in ("save_best", "monitor"):
            value = node.get(key, default if key == "monitor" else None)
            for name in _as_list(value):
                if not isinstance(name, str):
                    raise ConfigError(f"{place}.{key}={value!r}; expected the name of a metric.")
                if name != "auto":
                    yield f"{place}.{key}", name


def _choose_best_metric(config: Config) -> None:
    """Replace the multi-task score in `save_best` if the model lacks one of the score's targets."""
    hook = (config.get("default_hooks") or {}).get("checkpoint") or {}
    targets = _val_targets(config)
    scored = {target.name for target in targets} >= {*SCORED}
    if hook.get("save_best") != f"{SEVERAL_TASKS}/score" or scored:
        return
    names = measured_names(config) or [measure.name for measure in measures_of(targets)]
    for measure in main_measures(names).values():
        hook.update(save_best=measure.name, rule=_rule(measure.better))
        return


def _set_rules(config: Config) -> None:
    """Set the direction of every metric in `save_best`, and of one that mmengine's hooks follow.

    A config may inherit a `rule` that belongs to another metric and would keep the worst
    checkpoint. mmengine knows the direction of few metrics, and its schedulers take any for one
    of which low values are better.
    """
    hook: Any = (config.get("default_hooks") or {}).get("checkpoint") or {}
    names = _as_list(hook.get("save_best"))
    if names and {*measured_names(config)} >= {*names}:
        rules = [_rule(direction_of(name)) for name in names]
        hook.rule = rules if isinstance(hook.save_best, list) else rules[0]
    for node in _followers(config).values():
        direction = direction_of(str(node.get("monitor")))
        if direction and str(node.get("type")).startswith(FOLLOWING):
            node["rule"] = _rule(direction)


def _rule(direction: str | None) -> str:
    """Return mmengine's name of a metric's better direction."""
    return "less" if direction == "lower" else "greater"


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return [*value] if isinstance(value, (list, tuple)) else [value]
