"""The metrics that hooks and schedulers of a config go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.registry import METRICS, MODELS

from ..errors import ConfigError
from ..evaluation import direction_of
from ..targets import DEPTH, SEMSEG, SEVERAL_TASKS
from ..utils import did_you_mean


def task_kinds(config: Config) -> set[str]:
    """Return the kinds of `DENSE_TARGETS` that the model predicts."""
    heads = config.model.get("decode_head", {}).get("task_heads", {})
    return {MODELS.get(head["type"]).target.kind for head in heads.values()}


def measured_names(config: Config) -> set[str]:
    """Return the names of the metrics that the validation measures; empty: not known.

    They are known where all metrics are this toolkit's, under the names that they bring.
    """
    kinds = task_kinds(config)
    if {SEMSEG.kind, DEPTH.kind} <= kinds:
        kinds.add(SEVERAL_TASKS)
    evaluator = config.get("val_evaluator") or []
    names: set[str] = set()
    for metric in [evaluator] if isinstance(evaluator, Mapping) else evaluator:
        own = getattr(METRICS.get(metric["type"]), "measures", ())
        if not own or "prefix" in metric:
            return set()
        names |= {measure.name for measure in own if measure.kind in kinds}
    return names


def check_metric_names(config: Config) -> None:
    """Raise a `ConfigError` where `save_best` or a `monitor` names no metric that is measured.

    Otherwise a run would end with it after its first validation, or go on and heed nothing.
    """
    known = measured_names(config)
    for key, name in _named_metrics(config):
        if known and name not in known:
            hint = did_you_mean(name, known)
            raise ConfigError(f"{key}={name!r}: the validation measures no such metric. {hint}")


def set_rules(config: Config) -> None:
    """Let `save_best` keep the lowest value of a metric that is an error.

    A `rule` that a config has inherited beside another metric would keep the worst checkpoint.
    """
    hook: Any = (config.get("default_hooks") or {}).get("checkpoint") or {}
    names = _as_list(hook.get("save_best"))
    if names and measured_names(config) >= {*names}:
        rules = ["less" if direction_of(name) == "lower" else "greater" for name in names]
        hook.rule = rules if isinstance(hook.save_best, list) else rules[0]


def _named_metrics(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the key and the name of every metric that a config goes by."""
    hooks = dict(config.get("default_hooks") or {})
    nodes = {f"default_hooks.{name}": hook for name, hook in hooks.items()}
    for section in ("custom_hooks", "param_scheduler"):
        entries = config.get(section) or []
        entries = [entries] if isinstance(entries, Mapping) else entries
        nodes |= {f"{section}.{index}": entry for index, entry in enumerate(entries)}
    for place, node in nodes.items():
        for key in ("save_best", "monitor") if isinstance(node, Mapping) else ():
            for name in _as_list(node.get(key)):
                if name != "auto":
                    yield f"{place}.{key}", name


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
