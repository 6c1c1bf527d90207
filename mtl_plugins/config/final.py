"""The config of a run: loaded, checked, adapted to its tasks and to the machine, made once.

`print_config` prints a `final_config`. A run uses it with the arguments of its command laid over
it, a `run_config`, and changes nothing in it but what resuming needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from os.path import basename, join, splitext
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import METRICS

from ..errors import ConfigError
from ..evaluation import Measure, direction_of, main_measures, measures_of
from ..targets import SCORED, SEVERAL_TASKS, Target
from ..utils import did_you_mean
from .loading import as_config
from .tasks import complete_tasks, model_targets

PROTECTION: dict[str, dict[str, Any]] = dict(
    checkpoint=dict(type="DurableCheckpointHook", interval=1),
    safe_checkpoint=dict(type="SafeCheckpointHook"),
    class_check=dict(type="ClassCheckHook"),
    depth_check=dict(type="DepthCheckHook"),
    skipped_samples=dict(type="SkippedSamplesHook"),
    nonfinite=dict(type="NonFiniteHook"),
    interrupt=dict(type="InterruptHook"),
    faults=dict(type="FaultHook"),
    curves=dict(type="CurvesHook"),
)
"""The hooks that protect a run, by their names in `default_hooks`."""

DDP, FSDP = "MMDistributedDataParallel", "MMFullyShardedDataParallel"


def final_config(
    config: Config | str | os.PathLike[str], options: Sequence[str] = (), safe: bool = False
) -> Config:
    """Load or copy a config, check it, and adapt it to its tasks and to this machine.

    Args:
        config: a config file, or a config as from `load_config`, which is left unchanged.
        options, safe: as in `load_config`.

    Raises:
        ConfigError: as `load_config`; the config names a metric that is not measured; or it asks
            for a way of sharing a model that this toolkit does not support.
    """
    config = as_config(config, options, safe)
    _check_sharing(config)
    if config.get("model"):
        complete_tasks(config)
        _protect(config)
        _measure_once(config)
        _choose_best_metric(config)
        check_metric_names(config)
        _set_rules(config)
    if config.get("optim_wrapper"):
        config.optim_wrapper.setdefault("constructor", "BalancedOptimWrapperConstructor")
    if not torch.cuda.is_available():
        for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
            if config.get(loader):
                config[loader].pin_memory = False
    return config


def run_config(
    config: Config | str | os.PathLike[str],
    options: Sequence[str] = (),
    work_dir: str | None = None,
    launcher: str = "none",
    amp: bool = False,
    seed: int | None = None,
) -> Config:
    """Make the `final_config` of a run and lay the arguments of `train` or `evaluate` over it.

    Args:
        config, options: as in `final_config`.
        work_dir, launcher, amp, seed: as in `train`.

    Raises:
        ConfigError: as `final_config`; or `sync_bn` is set for several processes on CPUs.
    """
    config = final_config(config, options)
    name = splitext(basename(config.filename or "run"))[0]
    config.work_dir = work_dir or config.get("work_dir") or join("work_dirs", name)
    config.launcher = launcher
    if amp:
        config.optim_wrapper.type = "AutocastOptimWrapper"
    if seed is not None:
        config.randomness = dict(config.get("randomness") or {}, seed=seed)
    if launcher != "none" and not torch.cuda.is_available():
        _wrap_on_cpu(config)
    return config


def _protect(config: Config) -> None:
    """Add the hooks of `PROTECTION` that the config neither has nor switches off with None.

    One that the config gives without a type, to change an argument, gets its type.
    """
    hooks = dict(config.get("default_hooks") or {})
    listed = [*hooks.values(), *(config.get("custom_hooks") or [])]
    types = {hook.get("type") for hook in listed if isinstance(hook, Mapping)}
    for name, hook in PROTECTION.items():
        given = hooks.get(name, {})
        if isinstance(given, Mapping) and "type" not in given and hook["type"] not in types:
            hooks[name] = {**hook, **given}
    config.default_hooks = hooks


def _check_sharing(config: Config) -> None:
    """Refuse ways of sharing a model that `MultiTaskRunner` would ignore or fail with."""
    wrapper = (config.get("model_wrapper_cfg") or {}).get("type")
    for key, value in (("strategy", config.get("strategy")), ("model_wrapper_cfg", wrapper)):
        if value and (key == "strategy" or value == FSDP):
            raise ConfigError(
                f"{key}={value!r}: not supported, see docs/distributed.md. To shard a model over "
                "processes set model_wrapper_cfg=dict(type='ShardedModel')."
            )


def _wrap_on_cpu(config: Config) -> None:
    """Give DDP the arguments that it needs on CPUs; mmengine would name a GPU."""
    if config.get("sync_bn"):
        raise ConfigError("sync_bn works on GPUs alone; on CPUs each process has its statistics.")
    wrapper = dict(config.get("model_wrapper_cfg") or {})
    if wrapper.setdefault("type", DDP) == DDP:
        # The first two are mmengine's on GPUs.
        unused = config.get("find_unused_parameters", False)
        wrapper = dict(broadcast_buffers=False, find_unused_parameters=unused) | wrapper
        wrapper["device_ids"] = None
    config.model_wrapper_cfg = wrapper


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
    if not getattr(metric_class, "measures", ()) or "prefix" in metric:
        return None
    return metric_class.measures_for(targets, metric)


def measured_names(config: Config) -> list[str]:
    """Return the names of the metrics that the validation measures.

    There are none if they are unknown: if a metric is not this toolkit's, or has a prefix.

    Raises:
        ConfigError: two metrics measure the same, or an option names an unknown target.
    """
    names: list[str] = []
    targets = [*model_targets(config).values()]
    for metric in _metrics(config, "val_evaluator"):
        measures = _measures(metric, targets)
        if measures is None:
            return []
        if twice := [measure.name for measure in measures if measure.name in names]:
            raise ConfigError(
                f"val_evaluator measures {twice} twice, the second time by {metric['type']}. "
                "Remove one, or restrict MultiTaskMetric to other targets: tasks=[...]."
            )
        names += [measure.name for measure in measures]
    return names


def check_metric_names(config: Config) -> None:
    """Raise a `ConfigError` if a `save_best` or `monitor` names a metric that is not measured.

    Without this check a run would fail after its first validation, or ignore the metric.
    """
    known = measured_names(config)
    for key, name in _named_metrics(config):
        if known and name not in known:
            hint = did_you_mean(name, known)
            raise ConfigError(f"{key}={name!r}: the validation measures no such metric. {hint}")
        if known and direction_of(name) is None:
            raise ConfigError(f"{key}={name!r}: neither high nor low values of it are better.")


def _named_metrics(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the key and the name of every metric that a hook or scheduler follows."""
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


def _choose_best_metric(config: Config) -> None:
    """Replace the multi-task score in `save_best` if the model lacks one of the score's targets."""
    hook = (config.get("default_hooks") or {}).get("checkpoint") or {}
    targets = [*model_targets(config).values()]
    scored = {target.name for target in targets} >= {*SCORED}
    if hook.get("save_best") != f"{SEVERAL_TASKS}/score" or scored:
        return
    names = measured_names(config) or [measure.name for measure in measures_of(targets)]
    for measure in main_measures(names).values():
        hook.update(save_best=measure.name, rule=_rule(measure.better))
        return


def _set_rules(config: Config) -> None:
    """Set the direction of every metric in `save_best`.

    A config may inherit a `rule` that belongs to another metric and would keep the worst
    checkpoint.
    """
    hook: Any = (config.get("default_hooks") or {}).get("checkpoint") or {}
    names = _as_list(hook.get("save_best"))
    if names and {*measured_names(config)} >= {*names}:
        rules = [_rule(direction_of(name)) for name in names]
        hook.rule = rules if isinstance(hook.save_best, list) else rules[0]


def _rule(direction: str | None) -> str:
    """Return mmengine's name of a metric's better direction."""
    return "less" if direction == "lower" else "greater"


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
