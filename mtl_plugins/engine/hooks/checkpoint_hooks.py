"""Write checkpoints that load without pickle, and always keep a complete one."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from copy import copy
from inspect import isroutine
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

# Importing these also makes mmengine read checkpoints without unpickling.
from ...checkpoints import INTERRUPTED, from_plain, point_at, to_plain
from ...errors import ConfigError
from ...utils import UNFINISHED, unwrapped, warn
from ..runner import SaveError

SUPERSEDED = "superseded_ckpts"
"""Key of a checkpoint's message hub: files to remove once this checkpoint is on the disk."""

BEST = "best_of"
"""Key of the message hub, and so of checkpoints, for the metrics of the best checkpoint."""

GRADIENTS = "accumulated_gradients"
"""Key of a checkpoint for gradients accumulated since the last step of the optimizer."""


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Make every checkpoint of a run loadable with `torch.load(weights_only=True)`.

    mmengine pickles its history buffers and NumPy scalars into checkpoints, which torch 2.6 and
    later refuse to load. On saving, this hook replaces them with plain tensors and numbers; on
    loading, it turns them back before the runner gives them to the message hub, so that training
    continues with the same histories and best scores. Accumulated gradients are saved too, except
    with several processes, each of which has its own. In a config:
    `default_hooks=dict(safe_checkpoint=dict(type='SafeCheckpointHook'))`.

    It runs after all other hooks and therefore converts what they store. Hooks of yours should
    store tensors, not arrays, because on loading they run before this one.

    Raises:
        TypeError: on saving, something in the checkpoint has no plain form.
    """

    priority = "LOWEST"

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Replace what needs pickle in place, because the runner saves this dictionary."""
        if "param_schedulers" in checkpoint:
            checkpoint["param_schedulers"] = _without_functions(checkpoint["param_schedulers"])
        if "optimizer" in checkpoint and runner.world_size == 1:
            checkpoint[GRADIENTS] = _accumulated(runner)
        for key, value in checkpoint.items():
            checkpoint[key] = to_plain(value, where=f"checkpoint[{key!r}]")

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Turn plain values back in place, because the runner resumes from this dictionary."""
        for key, value in checkpoint.items():
            checkpoint[key] = from_plain(value)
        gradients = checkpoint.pop(GRADIENTS, {})
        if runner._resume:
            for name, parameter in unwrapped(runner.model).named_parameters():
                if name in gradients:
                    parameter.grad = gradients[name].to(parameter.device)
        # mmengine executes a "config" found here on resume; its own checkpoints have none.
        checkpoint.get("meta", {}).pop("config", None)


@HOOKS.register_module()
class DurableCheckpointHook(CheckpointHook):
    """Save checkpoints like mmengine's `CheckpointHook`, but remove old files after saving.

    mmengine removes the outdated and the best checkpoint before it writes their successors, so a
    run that ends in between, or whose disk is full, has lost them. This hook removes a file only
    when its successor is on the disk, which briefly needs room for `max_keep_ckpts + 1` files.
    Files that a killed run did not remove are removed when it resumes.

    Args:
        on_save_error: reaction to a full disk: "continue" logs the error and tries again at the
            next checkpoint (the last one must succeed), "stop" ends the training.
        **kwargs: arguments of mmengine's hook.

    Raises:
        ConfigError: `on_save_error` is neither.
        SaveError: a checkpoint could not be saved, with "stop" or at the end of the training.

    In a config: `default_hooks = dict(checkpoint=dict(type='DurableCheckpointHook', interval=1))`.
    """

    # mmengine sets them without declaring types.
    best_ckpt_path: Any
    file_backend: Any
    keep_ckpt_ids: Any

    def __init__(self, *args: Any, on_save_error: str = "continue", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if on_save_error not in ("continue", "stop"):
            raise ConfigError(
                f"DurableCheckpointHook: on_save_error={on_save_error!r}; expected 'continue' or "
                "'stop'."
            )
        self.on_save_error = on_save_error
        self.failed: SaveError | None = None
        self.superseded: list[str] = []

    def before_train(self, runner: Runner) -> None:
        """Find the files of a resumed run, whose folder may have moved, and remove leftovers."""
        info = runner.message_hub.runtime_info
        if self.save_best:
            self._forget_another_best(runner)
        super().before_train(runner)
        if "last_ckpt" in info:
            self.last_ckpt = self._here(info["last_ckpt"])
        if self.save_best and len(self.key_indicators) == 1:
            self.best_ckpt_path = self.best_ckpt_path and self._here(self.best_ckpt_path)
        elif self.save_best:
            paths = self.best_ckpt_path_dict
            paths.update({key: path and self._here(path) for key, path in paths.items()})
        self.file_backend = _Deferring(self.file_backend, self.superseded)
        if is_main_process():
            for name in info.get(SUPERSEDED, ()):
                self._remove(self._here(name))
            for path in Path(self.out_dir).glob("*.pth" + UNFINISHED):
                path.unlink()

    def _forget_another_best(self, runner: Runner) -> None:
        """Drop the best score of a resumed run that was of another metric than the config's."""
        now = [f"{key} ({rule})" for key, rule in zip(self.key_indicators, self.rules, strict=True)]
        info = runner.message_hub.runtime_info
        before = info.get(BEST, now)
        runner.message_hub.update_info(BEST, now)
        if before != now:
            for key in [key for key in info if key.startswith(("best_score", "best_ckpt"))]:
                del info[key]
            warn(
                f"The best checkpoint is now that of {', '.join(now)}, and was that of "
                f"{', '.join(before)}: the best score begins anew, and the former file is kept."
            )

    def after_train(self, runner: Runner) -> None:
        """Raise the error of the last checkpoint if it could not be saved."""
        super().after_train(runner)
        if self.failed is not None:
            raise self.failed

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        """Save, point `last_checkpoint` at the file, then remove the files it supersedes."""
        info = runner.message_hub.runtime_info
        before = dict(info)
        path = self._here(self.filename_tmpl.format(step))
        superseded = list(self.superseded)
        if self.max_keep_ckpts > 0:
            kept = [*(other for other in self.keep_ckpt_ids if other != step), step]
            outdated, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            superseded += [self._here(self.filename_tmpl.format(other)) for other in outdated]
            runner.message_hub.update_info("keep_ckpt_ids", kept)
        runner.message_hub.update_info("last_ckpt", path)
        runner.message_hub.update_info(SUPERSEDED, superseded)
        try:
            runner.save_checkpoint(
                self.out_dir,
                os.path.basename(path),
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
        except SaveError as error:
            _restore(info, before)
            return self._handle(error)
        self.failed, self.last_ckpt = None, path
        self.superseded.clear()
        if self.max_keep_ckpts > 0:
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
        if is_main_process():
            point_at(path, runner.work_dir)
            for old in [*superseded, os.path.join(runner.work_dir, INTERRUPTED)]:
                self._remove(old)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best weights; keep the previous best score if they could not be saved."""
        info = runner.message_hub.runtime_info
        before, waiting = dict(info), list(self.superseded)
        names = ("best_ckpt_path", "best_ckpt_path_dict")
        paths = {name: copy(getattr(self, name)) for name in names if hasattr(self, name)}
        try:
            super()._save_best_checkpoint(runner, metrics)
        except SaveError as error:
            if error is self.failed:  # the best weights were saved, the checkpoint after them not
                raise
            _restore(info, before)
            self.superseded[:] = waiting
            self.__dict__.update(paths)
            self._handle(error)

    def _handle(self, error: SaveError) -> None:
        self.failed = error
        if self.on_save_error == "stop":
            raise error
        print_log(f"{error} The training goes on.", logger="current", level=logging.ERROR)

    def _here(self, path: str) -> str:
        """Return the present path of a checkpoint of this run, whose folder may have moved."""
        return self.file_backend.join_path(self.out_dir, os.path.basename(path))

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.file_backend.remove_now(path)


class _Deferring:
    """Wrap a file backend and collect the files to remove instead of removing them."""

    def __init__(self, backend: Any, superseded: list[str]) -> None:
        self.remove_now = backend.remove
        self.remove = superseded.append
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def _restore(info: MutableMapping[str, Any], before: dict[str, Any]) -> None:
    info.clear()
    info.update(before)


def _accumulated(runner: Runner) -> dict[str, Tensor]:
    """Return the gradients of an unfinished accumulation (`accumulative_counts`) by name."""
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict) or wrapper.should_update():
        return {}
    named = unwrapped(runner.model).named_parameters()
    return {name: p.grad.cpu() for name, p in named if p.grad is not None}


def _without_functions(state: Any) -> Any:
    # mmengine's one-cycle schedulers keep their annealing function in their state. A scheduler
    # built from the config has it anyway, and loading a state keeps what the state lacks.
    if isinstance(state, dict):
        return {k: _without_functions(v) for k, v in state.items() if not isroutine(v)}
    return [_without_functions(item) for item in state] if isinstance(state, list) else state
