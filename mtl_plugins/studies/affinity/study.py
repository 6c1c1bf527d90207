"""Train one epoch of a config and report which of its tasks help and hurt each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os.path import basename, join, splitext

from mmengine.config import Config

from ...config import load_config
from ...engine import train
from .measurement import STEP

LEFT_OUT = ("checkpoint", "panels", "summary", "report", "interrupt")
"""Hooks of a training that would save, validate or draw."""


def study_affinity(
    config: Config | str | os.PathLike[str],
    work_dir: str | None = None,
    every: int = 10,
    step: float = STEP,
    seed: int | None = None,
    options: Sequence[str] = (),
) -> None:
    """Train the first epoch of a config, with its own schedule and balancer, without validation.

    Args:
        config: a config file, or a config as from `load_config`.
        work_dir: folder of the log and the report; default: `work_dirs/affinity/<config name>`.
        every, step: as in `AffinityHook`.
        seed: seed of all random numbers.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Raises:
        ConfigError: as `train` and `AffinityHook`.
    """
    loaded = load_config(config, options)
    hooks = {**(loaded.get("default_hooks") or {}), **dict.fromkeys(LEFT_OUT)}
    hooks["affinity"] = dict(type="AffinityHook", every=every, step=step, one_epoch=True)
    loaded.default_hooks = hooks
    loaded.val_dataloader = loaded.val_cfg = loaded.val_evaluator = None
    name = splitext(basename(loaded.filename or "run"))[0]
    train(loaded, work_dir or join("work_dirs", "affinity", name), seed=seed)
