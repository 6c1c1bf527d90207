"""Bare training steps, and trainings through mmengine's runner that are timed from the middle."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mtl_plugins.costs import LiveMemory, peak_memory, random_batch
from mtl_plugins.models.segmentors import MultiTaskSegmentor

_number = itertools.count()


def build_network(model: Mapping[str, Any], device: torch.device) -> MultiTaskSegmentor:
    """Build the network of a model's config, with the same random weights every time."""
    init_default_scope("mmseg")
    torch.manual_seed(0)
    return MODELS.build(dict(model)).to(device)


class TrainingStep:
    """A model's training step on one random batch: preprocessing, forward, backward, update.

    Args:
        config: config with `model` and `optim_wrapper`.
        size: (height, width) of the images.
        batch: number of images.
        device: device to train on.
    """

    def __init__(
        self, config: Config, size: tuple[int, int], batch: int, device: torch.device
    ) -> None:
        self.device = device
        # As our runs do.
        torch.backends.cudnn.benchmark = bool(config.env_cfg.get("cudnn_benchmark"))
        self.network = build_network(config.model, device).train()
        wrapper = dict(config.optim_wrapper, constructor="BalancedOptimWrapperConstructor")
        self.wrapper: OptimWrapper = build_optim_wrapper(self.network, wrapper)
        self.batch = random_batch(self.network, size, batch)
        self()  # the optimizer makes its state in the first step

    def __call__(self) -> Any:
        """Do one step."""
        return self.network.train_step(self.batch, self.wrapper)

    def bare(self) -> Callable[[], None]:
        """Return a call of forward, backward and update alone, with the data on the device."""
        data = self.network.data_preprocessor(self.batch, True)
        optimizer = self.wrapper.optimizer

        def step() -> None:
            total, _ = self.network.parse_losses(self.network(**data, mode="loss"))
            total.backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    def memory(self) -> int:
        """Return the peak bytes of a step above weights and optimizer state (`peak_memory`)."""
        held = [*self.network.parameters(), *self.network.buffers(), self.wrapper.state_dict()]
        before = LiveMemory(held).now
        if self.device.type == "cuda":
            before = torch.cuda.memory_allocated(self.device)
        return peak_memory(self, held, self.device) - before


class Iterations(NamedTuple):
    """Total seconds of the timed iterations, and the part spent waiting for data."""

    seconds: float
    waiting: float


class _Stopwatch(Hook):
    """Time all iterations but the first ones, including the work of all other hooks."""

    priority = "LOWEST"

    def __init__(self, first: int) -> None:
        self.first = first
        self.waiting = 0.0

    def before_train_epoch(self, runner: Runner) -> None:
        """Start to wait for the first batch."""
        self._asked = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Add the time that the batch was waited for."""
        if batch_idx >= self.first:
            self.waiting += time.perf_counter() - self._asked

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Start or stop the clock; only then wait for the device."""
        if batch_idx in (self.first - 1, runner.max_iters - 1):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            now = time.perf_counter()
            if batch_idx == self.first - 1:
                self._begin = now
            self.seconds = now - self._begin
        self._asked = time.perf_counter()


def timed_training(first: int, **runner: Any) -> Iterations:
    """Train one epoch and time all of its iterations but the first ones.

    Args:
        first: number of untimed iterations, in which workers start and libraries tune themselves.
        **runner: arguments of mmengine's `Runner`.
    """
    stopwatch = _Stopwatch(first)
    hooks = [*(runner.pop("custom_hooks", None) or []), stopwatch]
    built = Runner(
        **runner, custom_hooks=hooks, log_level="ERROR", experiment_name=f"bench_{next(_number)}"
    )
    built.train()
    # Ends its workers; see `MultiTaskRunner`.
    built.train_dataloader._iterator = None
    return Iterations(stopwatch.seconds, stopwatch.waiting)
