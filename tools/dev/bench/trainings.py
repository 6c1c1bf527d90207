"""Trainings through mmengine's runner, timed from the middle."""

from __future__ import annotations

import itertools
import time
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

_number = itertools.count()


class Iterations(NamedTuple):
    """Seconds of the timed iterations together, and of them those spent waiting for data."""

    seconds: float
    waiting: float


class _Stopwatch(Hook):
    """Time the iterations behind the first ones, the work of all other hooks included."""

    priority = "LOWEST"

    def __init__(self, first: int) -> None:
        self.first = first
        self.waiting = 0.0

    def before_train_epoch(self, runner: Runner) -> None:
        """Start waiting for the first batch."""
        self._asked = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note how long the batch was waited for."""
        if batch_idx >= self.first:
            self.waiting += time.perf_counter() - self._asked

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Begin, or end: only then the device is waited for."""
        if batch_idx in (self.first - 1, runner.max_iters - 1):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            now = time.perf_counter()
            if batch_idx == self.first - 1:
                self._begin = now
            self.seconds = now - self._begin
        self._asked = time.perf_counter()


def timed_training(first: int, **runner: Any) -> Iterations:
    """Train one epoch and return what its iterations took, but for the first ones.

    Args:
        first: iterations that are not timed: workers start, libraries choose their algorithms.
        **runner: arguments of mmengine's `Runner`.
    """
    stopwatch = _Stopwatch(first)
    hooks = [*(runner.pop("custom_hooks", None) or []), stopwatch]
    built = Runner(
        **runner, custom_hooks=hooks, log_level="ERROR", experiment_name=f"bench_{next(_number)}"
    )
    built.train()
    return Iterations(stopwatch.seconds, stopwatch.waiting)
