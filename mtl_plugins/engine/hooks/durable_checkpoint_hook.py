"""Checkpoints of which there is always a good one."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...checkpoints import INTERRUPTED, point_at
from ...errors import ConfigError
from ...utils import UNFINISHED
from ..loop.runner import SaveError

SUPERSEDED = "superseded_ckpts"
"""Where a checkpoint lists the files that go as soon as it is there."""


@HOOKS.register_module()
class DurableCheckpointHook(CheckpointHook):
    """mmengine's `CheckpointHook`, which removes old files when the new one is there, not before.

    mmengine removes the outdated checkpoint, and the best one, and then writes their successors: a
    run that ends between the two has lost them, and so has one whose disk is full. Here nothing
    is removed until what supersedes it is on the disk, so that `max_keep_ckpts + 1` of them need
    room for a moment. What a killed run did not get to remove is removed when it goes on.

    Args:
        on_save_error: what a full disk does to the training: "continue" (the checkpoint that could
            not be saved is told, the next one is tried; the last one must succeed) or "stop".
        **kwargs: as of mmengine's hook.

    Raises:
        ConfigError: `on_save_error` is neither.
        SaveError: a checkpoint could not be saved, and the training shall stop or has ended.

    In a config: `default_hooks = dict(checkpoint=dict(type='DurableCheckpointHook', interval=1))`.
    """

    # mmengine sets them without saying of what type.
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
        """Find the files of a run that goes on, wherever its folder is now, and tidy up."""
        super().before_train(runner)
        info = runner.message_hub.runtime_info
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

    def after_train(self, runner: Runner) -> None:
        """End with an error where the last checkpoint is not there."""
        super().after_train(runner)
        if self.failed is not None:
            raise self.failed

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        """Save, then point `last_checkpoint` at the file, then remove what it supersedes."""
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
            return self._bear(error)
        self.failed, self.last_ckpt = None, path
        self.superseded.clear()
        if self.max_keep_ckpts > 0:
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
        if is_main_process():
            point_at(path, runner.work_dir)
            for old in [*superseded, os.path.join(runner.work_dir, INTERRUPTED)]:
                self._remove(old)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best weights, or know of none better where they could not be saved."""
        info = runner.message_hub.runtime_info
        before, waiting = dict(info), list(self.superseded)
        names = ("best_ckpt_path", "best_ckpt_path_dict")
        paths = {name: copy(getattr(self, name)) for name in names if hasattr(self, name)}
        try:
            super()._save_best_checkpoint(runner, metrics)
        except SaveError as error:
            if error is self.failed:  # the best weights are there, what follows them is not
                raise
            _restore(info, before)
            self.superseded[:] = waiting
            self.__dict__.update(paths)
            self._bear(error)

    def _bear(self, error: SaveError) -> None:
        self.failed = error
        if self.on_save_error == "stop":
            raise error
        print_log(f"{error} The training goes on.", logger="current", level=logging.ERROR)

    def _here(self, path: str) -> str:
        """Return where a checkpoint of this run is, though its folder may have been moved."""
        return self.file_backend.join_path(self.out_dir, os.path.basename(path))

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.file_backend.remove_now(path)


class _Deferring:
    """A file backend that takes down what to remove, in place of removing it."""

    def __init__(self, backend: Any, superseded: list[str]) -> None:
        self.remove_now = backend.remove
        self.remove = superseded.append
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def _restore(info: MutableMapping[str, Any], before: dict[str, Any]) -> None:
    info.clear()
    info.update(before)
