"""Reporting a training's validations to the sweep that started it."""

from __future__ import annotations

import json
import os
import os.path as osp
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from ..costs import process_peak_bytes
from ..errors import ConfigError

WORKER = "MTL_SWEEP_WORKER"
"""Environment variable with the process id of the sweep that started a training."""
VALIDATIONS = "validations.jsonl"
STEP_TIME = "train/time"


@dataclass(frozen=True)
class Validation:
    """Store a validation and the resources used up to it: a line of `validations.jsonl`.

    Args:
        step: trained epochs, or iterations in an iteration-based loop.
        is_last: whether training ends here.
        metrics: value of each metric by name.
        batch_size: images per training step; None: the sampler has no batch size.
        step_seconds: median time of a training step, loading included.
        peak_bytes: peak memory of the process; None: unknown.
        memory: the memory that was measured, such as "CUDA allocator".
    """

    step: int
    is_last: bool
    metrics: Mapping[str, float]
    batch_size: int | None = None
    step_seconds: float | None = None
    peak_bytes: int | None = None
    memory: str | None = None


@HOOKS.register_module()
class SweepHook(Hook):
    """Append every validation to `validations.jsonl` in the work dir, where the sweep reads it.

    Ends the training when the sweep's process has ended, because another worker repeats the
    trial then. `tools/sweep.py` adds the hook to the trainings that it starts.

    Raises:
        ConfigError: `tools/sweep.py` did not start this training.
        SystemExit: the sweep's process has ended.
    """

    priority = "LOWEST"  # after the hooks that log the validation and save checkpoints

    def __init__(self) -> None:
        if WORKER not in os.environ:
            raise ConfigError(
                f"SweepHook: {WORKER} is not set. tools/sweep.py sets it and adds the hook "
                "itself; remove the hook from the config."
            )
        self.worker = int(os.environ[WORKER])

    def _before_iter(self, *args: Any, **kwargs: Any) -> None:
        """End the training if the sweep's process has ended; called in training and validation."""
        if os.getppid() != self.worker:
            sys.exit("error: the sweep that started this training has ended.")

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Append the validation to the file."""
        by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
        times = runner.message_hub.log_scalars.get(STEP_TIME)
        peak, memory = process_peak_bytes()
        validation = Validation(
            step=runner.iter if by_iter else runner.epoch,
            is_last=runner.iter >= runner.train_loop.max_iters,
            metrics={name: float(value) for name, value in (metrics or {}).items()},
            batch_size=getattr(runner.train_dataloader.batch_sampler, "batch_size", None),
            # The median, because the first steps include preparations.
            step_seconds=float(np.median(times.data[0])) if times else None,
            peak_bytes=peak,
            memory=memory,
        )
        with open(osp.join(runner.work_dir, VALIDATIONS), "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(validation)) + "\n")
