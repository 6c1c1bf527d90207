"""Train one epoch of a config and report which of its tasks help and hurt each other."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from os.path import basename, join, splitext

from mmengine.config import Config

from ...config import load_config
from ...engine import train
from ...errors import ConfigError
from .hook import AffinityHook, check_tasks
from .measurement import STEP

LEFT_OUT = ("checkpoint", "panels", "summary", "report", "interrupt")
"""Hooks of a training that would save, validate or draw."""

OWN = re.compile(r"affinity\.\w+|\d{8}_\d{6}")
"""Names of what a study leaves in its folder: the report, and the logs of a time."""


def study_affinity(
    config: Config | str | os.PathLike[str],
    work_dir: str | None = None,
    every: int | None = None,
    step: float = STEP,
    seed: int | None = None,
    options: Sequence[str] = (),
) -> None:
    """Train the first epoch of a config, with its own schedule and balancer, without validation.

    Args:
        config: a config file, or a config as from `load_config`.
        work_dir: folder of the log and the report; default: the config's, or
            `work_dirs/affinity/<config name>`.
        every, step: as in `AffinityHook`.
        seed: seed of all random numbers.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Raises:
        ConfigError: as `train` and `AffinityHook`, or the folder holds something else.
    """
    loaded = load_config(config, options)
    if (loaded.get("launcher") or "none") != "none" or int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise ConfigError(
            "Which tasks help each other is measured in one process: start the command without a "
            "launcher (torchrun, launcher=...)."
        )
    AffinityHook(every, step)  # checks its arguments
    # Before the data is read; an arrangement of another kind shows its tasks when it is built.
    if heads := (loaded.model.get("decode_head") or {}).get("task_heads"):
        check_tasks([task for task, head in heads.items() if head is not None])
    file = basename(loaded.filename or "run")
    folder = work_dir or loaded.get("work_dir") or join("work_dirs", "affinity", splitext(file)[0])
    _check_folder(folder, file)
    hooks = {**(loaded.get("default_hooks") or {}), **dict.fromkeys(LEFT_OUT)}
    hooks["affinity"] = dict(type="AffinityHook", every=every, step=step, one_epoch=True)
    loaded.default_hooks = hooks
    loaded.val_dataloader = loaded.val_cfg = loaded.val_evaluator = None
    # A resumed run would have no first epoch; a `load_from` is still loaded.
    loaded.resume = False
    # The hook shows the progress.
    loaded.log_level = "WARNING"
    train(loaded, folder, seed=seed)


def _check_folder(folder: str, config: str) -> None:
    """Refuse a folder that holds more than an earlier study of a config file of this name."""
    if not os.path.isdir(folder):
        return
    others = [name for name in os.listdir(folder) if name != config and not OWN.fullmatch(name)]
    if others:
        raise ConfigError(
            f"{folder} holds other things than a report of affinity, such as {min(others)}. Give "
            "a new or an empty folder (--work-dir)."
        )
