"""Explain faults of the machine in place of a traceback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...errors import MTLError


class FaultError(MTLError, RuntimeError):
    """Training failed for lack of memory, through a dead loader worker, or on a NaN gradient."""


@HOOKS.register_module()
class FaultHook(Hook):
    """Replace errors of the machine with the batch they occurred in and with advice.

    Explained are memory that runs out, on GPUs and on the machine; loader workers that die; and
    what `--detect-anomaly` finds. All other errors are left unchanged. In a config:
    `default_hooks = dict(faults=dict(type='FaultHook'))`.

    Raises:
        FaultError: from torch's error, if training or evaluation ended with one of these.
    """

    # Before all other hooks, so that the batch is known when one of them fails.
    priority = "HIGHEST"

    def __init__(self) -> None:
        self.split, self.batch = "train", None

    def _before_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, mode: str = "train"
    ) -> None:
        self.split, self.batch = mode, data_batch

    def after_failure(self, runner: Runner, error: Exception) -> None:
        """Raise a `FaultError` if the error is one of those above."""
        # Of these faults only memory of a GPU and of Python have a type of their own; torch raises
        # a plain RuntimeError for all others, so their messages have to be recognised.
        reason = f"{error} {error.__cause__ or ''}"
        loader = f"{self.split}_dataloader"
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in reason:
            raise FaultError(self._out_of_memory(runner, error, loader)) from error
        if "DataLoader worker (pid" in reason:
            raise FaultError(_worker_died(reason, runner.cfg.get(loader) or {}, loader)) from error
        if "returned nan values in its" in reason:
            raise FaultError(
                f"{error} The warning above shows the line of the forward pass that it belongs to. "
                f"Batch: {describe(self.batch)}"
            ) from error

    def _out_of_memory(self, runner: Runner, error: Exception, loader: str) -> str:
        on_gpu = isinstance(error, torch.OutOfMemoryError)
        size = (runner.cfg.get(loader) or {}).get("batch_size")
        less = [f"{loader}.batch_size={max(1, (size or 2) // 2)}"]
        if loader == "train_dataloader":
            less[0] += " with optim_wrapper.accumulative_counts=2 (as many images a step)"
            less = ["--amp", "model.backbone.with_cp=True (recomputes activations)", *less]
            less += ["smaller crops in the pipeline"]
        else:
            less += ["model.test_cfg.mode=slide with a crop_size"]
        if not on_gpu:
            less = [f"{loader}.num_workers=1", *less]
        # torch goes on with advice on its allocator.
        text = str(error).partition("If reserved but")[0].partition("\n")[0].strip(" .")
        return (
            f"{'The GPU' if on_gpu else 'The machine'} has not enough memory: "
            f"{text or type(error).__name__}. Batch: {describe(self.batch)} "
            f"To need less: {'; '.join(less)}."
        )


def describe(batch: Any) -> str:
    """Return the number of images in a batch, their sizes and their files.

    >>> describe(dict(inputs=[torch.zeros(3, 4, 8)] * 2))
    '2 images of 3x4x8.'
    """
    if not isinstance(batch, Mapping) or "inputs" not in batch:
        return "unknown, none was begun."
    sizes = {"x".join(str(side) for side in image.shape): None for image in batch["inputs"]}
    samples = batch.get("data_samples") or ()
    paths = [str(sample.metainfo.get("img_path")) for sample in samples]
    files = f": {', '.join(paths[:16])}" if paths else ""
    return f"{len(batch['inputs'])} images of {', '.join(sizes)}{files}."


def _worker_died(reason: str, loader: Mapping[str, Any], name: str) -> str:
    cause = reason.partition("killed by signal: ")[2].partition(".")[0].strip() or "unknown"
    workers = loader.get("num_workers") or 1
    fewer = f"{name}.num_workers={workers // 2}"
    advice = (
        "Its own message, if any, is above; with "
        f"{name}.num_workers=0 the fault shows where it happens."
    )
    if cause == "Killed":
        advice = (
            "The system kills processes if memory runs out (see `dmesg`). Each worker holds "
            f"batches in advance: {fewer}, {name}.prefetch_factor=1 or a smaller "
            f"{name}.batch_size need less, and so does packed data (--packed)."
        )
    elif cause == "Bus error":
        advice = f"Shared memory (/dev/shm) is full. Enlarge it (docker: --shm-size), or {fewer}."
    return (
        f"A worker of the {name} died (signal: {cause}). {advice} --resume goes on from the last "
        "checkpoint."
    )
