"""Bare training steps and the batches for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mtl_plugins.costs import LiveMemory, peak_memory, random_batch
from mtl_plugins.models.segmentors import MultiTaskSegmentor


def build_network(model: Mapping[str, Any], device: torch.device) -> MultiTaskSegmentor:
    """Return the network of a model's config with the same random weights every time."""
    init_default_scope("mmseg")
    torch.manual_seed(0)
    return MODELS.build(dict(model)).to(device)


class TrainingStep:
    """A model's training step on one random batch: preprocessing, forward, backward, update.

    Args:
        config: with `model` and `optim_wrapper`.
        size: (height, width) of the images.
        batch: number of images.
        device: where to train.
    """

    def __init__(
        self, config: Config, size: tuple[int, int], batch: int, device: torch.device
    ) -> None:
        self.device = device
        self.network = build_network(config.model, device).train()
        # The constructor of our runs.
        wrapper = dict(config.optim_wrapper, constructor="BalancedOptimWrapperConstructor")
        self.wrapper: OptimWrapper = build_optim_wrapper(self.network, wrapper)
        self.batch = random_batch(self.network, size, batch)
        self()  # the optimizer makes its state in the first step

    def __call__(self) -> Any:
        """Train."""
        return self.network.train_step(self.batch, self.wrapper)

    def bare(self) -> Callable[[], None]:
        """Return the same forward, backward and update of a batch that is on the device."""
        data = self.network.data_preprocessor(self.batch, True)
        optimizer = self.wrapper.optimizer

        def step() -> None:
            total, _ = self.network.parse_losses(self.network(**data, mode="loss"))
            total.backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    def memory(self) -> int:
        """Return the peak bytes of a step above weights and optimizer state, see `peak_memory`."""
        held = [*self.network.parameters(), *self.network.buffers(), self.wrapper.state_dict()]
        before = LiveMemory(held).now
        if self.device.type == "cuda":
            before = torch.cuda.memory_allocated(self.device)
        return peak_memory(self, held, self.device) - before
