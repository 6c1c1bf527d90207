"""Log scalars without waiting for the device, and keep their files consistent after a resume."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook, LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..train_loop import VALIDATED

CURVES = "curves"
"""Key of a checkpoint's `meta`: the lengths of the log files in bytes, by path."""


@HOOKS.register_module()
class ScalarsHook(RuntimeInfoHook):
    """Log like mmengine's `RuntimeInfoHook`, but fetch values from the device only when needed.

    mmengine calls `.item()` for every logged value of every iteration. Each call waits until a GPU
    has finished its queue, so the GPU is idle while the next step is prepared. This hook keeps the
    values on the device and moves them together: when the `LoggerHook` reads them, at the end of
    an epoch, and before a checkpoint is written. The curves are the same.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[list[str], torch.Tensor]] = []
        self._interval = 1

    def before_train(self, runner: Runner) -> None:
        """Find out how often the values are read."""
        super().before_train(runner)
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = min([hook.interval for hook in loggers], default=1)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the values of an iteration on the device, or move all kept values."""
        if outputs:
            values = [torch.as_tensor(value).detach().reshape(()) for value in outputs.values()]
            device = max(values, key=lambda value: value.device.type != "cpu").device
            moved = [value.to(device, torch.float32, non_blocking=True) for value in values]
            self._kept.append(([*outputs], torch.stack(moved)))
        last = self.end_of_epoch(runner.train_dataloader, batch_idx)
        if last or self.every_n_inner_iters(batch_idx, self._interval):
            self.fetch(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log the metrics, and record that this epoch is validated."""
        super().after_val_epoch(runner, metrics)
        runner.message_hub.update_info(VALIDATED, runner.epoch)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Complete the histories in a checkpoint."""
        if self._kept:
            self.fetch(runner)
            checkpoint["message_hub"] = runner.message_hub.state_dict()

    def fetch(self, runner: Runner) -> None:
        """Move the kept values into the message hub, in one copy."""
        if not self._kept:
            return
        names = [name for names, _ in self._kept for name in names]
        numbers = torch.cat([values for _, values in self._kept]).tolist()
        for name, number in zip(names, numbers, strict=True):
            runner.message_hub.update_scalar(f"train/{name}", number)
        self._kept = []


@HOOKS.register_module()
class CurvesHook(Hook):
    """Cut the logged curves to the checkpoint from which a run resumes.

    A resumed run repeats the iterations since its last checkpoint and would log them twice. Each
    checkpoint therefore stores the lengths of the files of scalars (JSON and TensorBoard, in
    `<time>/vis_data`); on resuming they are cut to those lengths, and files that were begun later
    are removed. Together the files of a run then hold every point of its curves exactly once,
    however often it was stopped. `train` does the same if it resumes before the first checkpoint.
    The text log (`<time>.log`) is not cut.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Store the lengths of the files."""
        for backend in runner.visualizer._vis_backends.values():
            # TensorBoard's writer buffers points for minutes.
            writer = vars(backend).get("_tensorboard")
            if writer is not None:
                writer.flush()
        checkpoint["meta"][CURVES] = {
            str(path.relative_to(runner.work_dir)): path.stat().st_size
            for path in curve_files(runner.work_dir)
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Cut the files of earlier runs if this one resumes from one of them."""
        lengths = checkpoint.get("meta", {}).get(CURVES)
        if runner._resume and lengths is not None and is_main_process():
            # A checkpoint of another folder says nothing about the files in this one.
            folder = Path(runner.work_dir).resolve()
            origin = Path(runner._load_from or folder / "any").resolve().parent
            if origin == folder or any((folder / name).exists() for name in lengths):
                cut_curves(runner.work_dir, lengths, runner.timestamp)


def cut_curves(work_dir: str, lengths: Mapping[str, int], own: str | None = None) -> None:
    """Cut the files of scalars in a work dir to lengths in bytes, and remove all others.

    Shorter files, and those in the folder `own`, stay unchanged.
    """
    for path in curve_files(work_dir):
        name = path.relative_to(work_dir)
        if own in name.parts:
            continue
        length = lengths.get(str(name))
        if length is None:
            path.unlink(missing_ok=True)
        elif length < path.stat().st_size:
            os.truncate(path, length)


def curve_files(work_dir: str) -> list[Path]:
    """List the files of scalars of all training runs in a work dir, oldest first."""
    return sorted(
        path
        for scalars in Path(work_dir).glob("*/vis_data/scalars.json")
        for path in scalars.parent.iterdir()
        if path.suffix == ".json" or ".tfevents." in path.name
    )
