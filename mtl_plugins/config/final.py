"""The config of a run: loaded, checked, adapted to its tasks and to the machine, made once.

`print_config` prints a `final_config`. A run uses it with the arguments of its command laid over
it, a `run_config`, and changes nothing in it but what resuming needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from inspect import signature
from os.path import basename, join, splitext
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import ConfigError
from ..utils import warn
from .building import building
from .channels import check_channels
from .contradictions import check_contradictions
from .loading import as_config
from .measured import complete_metrics
from .tasks import check_balanced, check_given, complete_tasks

PROTECTION: dict[str, dict[str, Any]] = dict(
    checkpoint=dict(type="DurableCheckpointHook", interval=1),
    safe_checkpoint=dict(type="SafeCheckpointHook"),
    class_check=dict(type="ClassCheckHook"),
    data_check=dict(type="DataCheckHook"),
    depth_check=dict(type="DepthCheckHook"),
    skipped_samples=dict(type="SkippedSamplesHook"),
    nonfinite=dict(type="NonFiniteHook"),
    interrupt=dict(type="InterruptHook"),
    faults=dict(type="FaultHook"),
    curves=dict(type="CurvesHook"),
)
"""The hooks that protect a run, by their names in `default_hooks`."""

SEEDS = 2**32
"""Number of seeds that NumPy takes."""

DDP, FSDP = "MMDistributedDataParallel", "MMFullyShardedDataParallel"


def final_config(
    config: Config | str | os.PathLike[str],
    options: Sequence[str] = (),
    safe: bool = False,
    training: bool = True,
) -> Config:
    """Load or copy a config, check it, and complete it for its tasks and for this machine.

    Args:
        config: a config file, or a config as from `load_config`, which is left unchanged.
        options, safe: as in `load_config`.
        training: check the training too; False for an evaluation, which must not fail for it.

    Raises:
        ConfigError: as `load_config`; values contradict each other; the config names a metric that
            is not measured; or it asks for a way of sharing a model that this toolkit does not
            support.
    """
    config = as_config(config, options, safe)
    _tidy(config)
    _protect(config)
    with building(config):
        _check(config, training)
        _complete(config)
        _check_data(config, training)
    return config


def _check(config: Config, training: bool) -> None:
    """Raise a `ConfigError` for what cannot be meant, and warn of what may be a mistake."""
    _check_sharing(config)
    if config.get("model"):
        check_contradictions(config, training)


def _tidy(config: Config) -> None:
    """Write sections as mmengine reads them: without None, and single entries as lists."""
    for name, parameter in signature(Runner.__init__).parameters.items():
        if name in config and config[name] is None and parameter.default is not None:
            config.pop(name)
    config.setdefault("default_scope", "mmseg")
    if config.get("log_level"):
        config.log_level = config.log_level.upper()
    for section, name in ((config, "custom_hooks"), (config.get("visualizer"), "vis_backends")):
        if section and isinstance(section.get(name), Mapping):
            section[name] = [section[name]]
    env = config.get("env_cfg") or {}
    for name in [name for name, value in env.items() if value is None]:
        env.pop(name)


def _check_data(config: Config, training: bool) -> None:
    """Raise a `ConfigError` for data without the truth that the run needs, or balanced by none."""
    for split in ("train", "val") if training else ("test",):
        check_balanced(config, split)
        if config.get("model") and config.get(f"{split}_dataloader"):
            check_given(config, split)
            check_channels(config, split)


def _complete(config: Config) -> None:
    """Set what follows from the tasks, from other values and from the machine."""
    if config.get("model"):
        if not config.model.get("data_preprocessor"):
            given = config.get("data_preprocessor")
            config.model.data_preprocessor = given or dict(type="MultiTaskDataPreprocessor")
        complete_tasks(config)
        complete_metrics(config)
    wrapper = config.get("optim_wrapper")
    if wrapper and not wrapper.get("constructor"):
        wrapper.constructor = "BalancedOptimWrapperConstructor"
    if config.get("randomness"):
        config.randomness.setdefault("seed", None)
    _follow_training(config.get("param_scheduler"))
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        loader = config.get(name)
        if loader and not torch.cuda.is_available():
            loader.pin_memory = False
        if loader and not loader.get("num_workers"):
            # torch refuses both without workers.
            if "persistent_workers" in loader:
                loader.persistent_workers = False
            loader.pop("prefetch_factor", None)


def _follow_training(node: Any) -> None:
    """Remove the lengths of schedules that are None, so that mmengine sets the training's."""
    if isinstance(node, dict):
        for key in ("end", "T_max", "total_steps"):
            if key in node and node[key] is None:
                node.pop(key)
    for part in node.values() if isinstance(node, Mapping) else node or ():
        if isinstance(part, (Mapping, list)):
            _follow_training(part)


def run_config(
    config: Config | str | os.PathLike[str],
    options: Sequence[str] = (),
    work_dir: str | None = None,
    launcher: str | None = None,
    amp: bool = False,
    seed: int | None = None,
    training: bool = True,
) -> Config:
    """Make the `final_config` of a run and lay the arguments of `train` or `evaluate` over it.

    Args:
        config, options, training: as in `final_config`.
        work_dir, launcher, amp, seed: as in `train`.

    Raises:
        ConfigError: as `final_config`; or `sync_bn` is set for several processes on CPUs; or `amp`
            contradicts the config's optimizer wrapper.
    """
    config = final_config(config, options, training=training)
    if not config.get("model"):
        raise ConfigError(f"{config.filename or 'The config'} has no model.")
    name = splitext(basename(config.filename or "run"))[0]
    config.work_dir = work_dir or config.get("work_dir") or join("work_dirs", name)
    config.launcher = launcher or config.get("launcher") or "none"
    if amp:
        _use_autocast(config)
    if seed is not None:
        config.randomness = dict(config.get("randomness") or {}, seed=seed)
    given = (config.get("randomness") or {}).get("seed")
    if given is not None and not (isinstance(given, int) and 0 <= given < SEEDS):
        raise ConfigError(f"seed={given!r}; expected a whole number from 0 to {SEEDS - 1}.")
    if config.launcher != "none" and not torch.cuda.is_available():
        _wrap_on_cpu(config)
    return config


def _use_autocast(config: Config) -> None:
    """Train in mixed precision unless the config has a wrapper of its own.

    Raises:
        ConfigError: it has one, which would be lost.
    """
    wrapper = config.optim_wrapper
    if wrapper.get("type", "OptimWrapper") not in ("OptimWrapper", "AutocastOptimWrapper"):
        raise ConfigError(
            f"--amp sets optim_wrapper.type='AutocastOptimWrapper', and the config has "
            f"{wrapper.get('type')!r}: leave --amp out, or set optim_wrapper.type='OptimWrapper'."
        )
    wrapper.type = "AutocastOptimWrapper"


def _protect(config: Config) -> None:
    """Add the hooks of `PROTECTION` that the config neither has nor switches off with None.

    One that the config gives without a type, to change an argument, gets its type.
    """
    if not config.get("model"):
        return
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


def _replace_sync_bn(node: Any) -> bool:
    """Replace SyncBN by BN in a config, at any depth; return whether there was any."""
    parts = node.values() if isinstance(node, Mapping) else node
    found = [_replace_sync_bn(part) for part in parts] if isinstance(node, (dict, list)) else []
    if isinstance(node, dict) and node.get("type") == "SyncBN":
        node["type"] = "BN"
        found.append(True)
    return any(found)


def _wrap_on_cpu(config: Config) -> None:
    """Give DDP the arguments that it needs on CPUs; mmengine would name a GPU."""
    if config.get("sync_bn"):
        raise ConfigError("sync_bn works on GPUs alone; on CPUs each process has its statistics.")
    if _replace_sync_bn(config.get("model")):
        warn("SyncBN works on GPUs alone: BN is used, with the statistics of each process.")
    wrapper = dict(config.get("model_wrapper_cfg") or {})
    if wrapper.setdefault("type", DDP) == DDP:
        # The first two are mmengine's on GPUs.
        unused = config.get("find_unused_parameters", False)
        wrapper = dict(broadcast_buffers=False, find_unused_parameters=unused) | wrapper
        wrapper["device_ids"] = None
    config.model_wrapper_cfg = wrapper
