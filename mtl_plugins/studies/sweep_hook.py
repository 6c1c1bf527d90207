"""A training as a run of a sweep's trial."""

from __future__ import annotations

import json
import os
import os.path as osp
import sys
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from ..costs import process_peak_bytes

PRUNED = 90
"""Exit code of a training that the study ended early."""
USAGE = "usage.json"
STEP_TIME = "train/time"


@HOOKS.register_module()
class SweepHook(Hook):
    """Report every validation to the study, and end the training where the study prunes the trial.

    Also writes time and memory into `usage.json` of the work dir, and ends the training when the
    worker that started it is gone: by then another one repeats the trial. `tools/sweep.py` adds
    the hook to the trainings that it starts.

    Raises:
        ConfigError: the validation does not have the metric that the study is about.
        SystemExit: with the code `PRUNED`, or with a message where the trial is not this
            worker's any more.
    """

    priority = "LOWEST"  # behind what logs the validation and keeps checkpoints

    def __init__(self) -> None:
        # Imported late: they need Optuna, which nothing else here does.
        from .sweep import Reporter, TrialLink

        self.link = TrialLink.from_environment()
        self.reporter = Reporter(self.link)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Check on the worker."""
        self._check_worker()

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Check on the worker."""
        self._check_worker()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the usage, report the score, and ask whether to go on."""
        self._write_usage(runner)
        by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
        step = runner.iter if by_iter else runner.epoch
        hopeless = self.reporter.is_hopeless(runner.cfg, step, metrics or {})
        # At the end there is nothing to save any more, and the score is known.
        if hopeless and runner.iter < runner.train_loop.max_iters:
            runner.logger.info(f"Trial {self.link.trial} is pruned after step {step}.")
            sys.exit(PRUNED)

    def _check_worker(self) -> None:
        if os.getppid() != self.link.worker:
            sys.exit(f"error: the worker of trial {self.link.trial} has ended.")

    def _write_usage(self, runner: Runner) -> None:
        histories = runner.message_hub.log_scalars
        peak, memory = process_peak_bytes()
        usage = dict(
            batch_size=getattr(runner.train_dataloader.batch_sampler, "batch_size", None),
            peak_bytes=peak,
            memory=memory,
            step_seconds=None,
        )
        if STEP_TIME in histories:
            # The median: the first steps also prepare.
            usage["step_seconds"] = float(np.median(histories[STEP_TIME].data[0]))
        with open(osp.join(runner.work_dir, USAGE), "w", encoding="utf-8") as file:
            json.dump(usage, file, indent=1)
