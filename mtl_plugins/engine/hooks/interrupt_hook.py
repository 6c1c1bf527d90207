"""Save a checkpoint and end a run on SIGTERM and SIGINT."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...checkpoints import INTERRUPTED, point_at
from ...errors import ConfigError
from ...utils import warn
from .nonfinite_hook import LateFlag

EXIT_CODE = 75
"""Exit code of an interrupted run: EX_TEMPFAIL of sysexits.h, "try again"."""

PATIENCE = 5.0
"""Seconds after which a second signal ends the run at once; launchers send one signal twice."""


class Interrupted(SystemExit):
    """A run has saved a checkpoint after a signal; ends the process with `EXIT_CODE`."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


@HOOKS.register_module()
class InterruptHook(Hook):
    """Save a checkpoint and end the run on a signal, for example when a cluster takes a node back.

    The hook finishes the current iteration, saves `interrupted.pth` in the work dir and ends the
    process with exit code 75. `--resume` continues exactly there, also in the middle of an epoch
    or of its validation. A second signal after `PATIENCE` seconds has the effect that it has
    without this hook.

    Several processes all end after the same iteration, whichever of them got the signal; on GPUs
    one iteration later, so that the host does not wait for the device. Their validation is not
    interrupted, because they may have different numbers of batches.

    Args:
        signals: names of signals.

    Raises:
        ConfigError: a signal does not exist.

    In a config: `default_hooks = dict(interrupt=dict(type='InterruptHook'))`.
    """

    # After all other hooks, so that the checkpoint holds what they did in the iteration.
    priority = "LOWEST"

    def __init__(self, signals: Sequence[str] = ("SIGTERM", "SIGINT")) -> None:
        unknown = [name for name in signals if not hasattr(signal, name)]
        if unknown:
            raise ConfigError(f"InterruptHook: there is no signal {unknown[0]!r}.")
        self.signals = [signal.Signals[name] for name in signals]
        self.received: str | None = None
        self._since = 0.0
        self._ending = False
        self._before: dict[int, Any] = {}
        self._flag = LateFlag()

    def before_train(self, runner: Runner) -> None:
        """Start listening for the signals."""
        # Python allows this only in the main thread.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in self.signals}

    def after_train_iter(self, runner: Runner, batch_idx: int, *_: Any, **__: Any) -> None:
        """End here if any process got a signal."""
        self._ending = self._ending or self._requested(runner)
        # Accumulated gradients differ between processes, and a checkpoint holds those of one.
        if self._ending and (runner.world_size == 1 or runner.optim_wrapper.should_update()):
            self._end(runner, runner.iter + 1)

    def after_val_iter(self, runner: Runner, batch_idx: int, *_: Any, **__: Any) -> None:
        """End here if this is the only process."""
        if self.received and runner.world_size == 1:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    hook.after_val_epoch(runner)  # swaps the trained weights back in
            self._end(runner, runner.iter)

    def after_stop(self, runner: Runner) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        self._before = {}

    def _receive(self, number: int, frame: Any) -> None:
        if self.received and time.monotonic() - self._since > PATIENCE:
            signal.signal(number, self._before[number] or signal.SIG_DFL)
            signal.raise_signal(number)
        if self.received is None:
            self.received, self._since = signal.Signals(number).name, time.monotonic()
            text = f"{self.received}: saving a checkpoint; once more in {PATIENCE:.0f} s: no saving"
            os.write(2, f"{text}\n".encode())  # the signal may have interrupted the logger

    def _requested(self, runner: Runner) -> bool:
        if runner.world_size == 1:
            return self.received is not None
        device = next(runner.model.parameters()).device
        flag = torch.tensor(float(self.received is not None)).to(device, non_blocking=True)
        all_reduce(flag, "max")
        return any(requested for requested, _ in self._flag(flag > 0))

    def _end(self, runner: Runner, iteration: int) -> None:
        meta = dict(epoch=runner.epoch, iter=iteration)
        runner.save_checkpoint(runner.work_dir, INTERRUPTED, meta=meta, by_epoch=False)
        path = os.path.join(runner.work_dir, INTERRUPTED)
        if is_main_process():
            point_at(path, runner.work_dir)
        barrier()  # launchers end all other processes as soon as one has ended
        warn(
            f"Interrupted by {self.received or 'another process'} after iteration {iteration}; "
            f"--resume goes on from {path}."
        )
        raise Interrupted
