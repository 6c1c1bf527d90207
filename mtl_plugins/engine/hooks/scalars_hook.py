"""Losses that are logged without making the device wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..loop.train_loop import VALIDATED


@HOOKS.register_module()
class ScalarsHook(RuntimeInfoHook):
    """mmengine's `RuntimeInfoHook`, which fetches what is logged from the device when it is logged.

    mmengine calls `.item()` for every logged value of every iteration. Each call waits until a GPU
    has done all that was queued, so that it stands idle while the next step is prepared. Here the
    values wait on the device and are moved together: where the `LoggerHook` reads them, at the end
    of an epoch, and before a checkpoint is written. The curves are the same.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[list[str], torch.Tensor]] = []
        self._interval = 1

    def before_train(self, runner: Runner) -> None:
        """Find out when values are read."""
        super().before_train(runner)
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = min([hook.interval for hook in loggers], default=1)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the values of an iteration where they are, or move all that were kept."""
        if outputs:
            values = [torch.as_tensor(value).detach().reshape(()) for value in outputs.values()]
            device = max(values, key=lambda value: value.device.type != "cpu").device
            moved = [value.to(device, torch.float32, non_blocking=True) for value in values]
            self._kept.append(([*outputs], torch.stack(moved)))
        if self.every_n_inner_iters(batch_idx, self._interval) or self.end_of_epoch(
            runner.train_dataloader, batch_idx
        ):
            self.fetch(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log the metrics, and that they are there."""
        super().after_val_epoch(runner, metrics)
        runner.message_hub.update_info(VALIDATED, runner.epoch)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Complete the histories that a checkpoint holds."""
        if self._kept:
            self.fetch(runner)
            checkpoint["message_hub"] = runner.message_hub.state_dict()

    def fetch(self, runner: Runner) -> None:
        """Move what was kept into the message hub, in one copy."""
        if not self._kept:
            return
        numbers = iter(torch.cat([values for _, values in self._kept]).tolist())
        for names, _ in self._kept:
            for name in names:
                runner.message_hub.update_scalar(f"train/{name}", next(numbers))
        self._kept = []
