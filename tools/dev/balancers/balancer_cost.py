"""What balancing costs: time and memory of a training step, as ratios to fixed weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mtl_plugins.checkpoints import build_network
from mtl_plugins.costs import check_measurable, peak_memory, random_batch, seconds_of
from mtl_plugins.models.balancers.torchjd_adapter import SCALARIZERS, WEIGHTINGS

MEASURE_ONLY = ("Mean", "Sum")


@dataclass(frozen=True)
class BalancerCost:
    """What one balancer costs in one model.

    Args:
        config: name of the config.
        tasks: number of tasks.
        balancer: its name and, where it has one, its level.
        time: step time over that with fixed weights; the median over pairs of steps.
        low, high: the quartiles of these ratios.
        memory: peak memory of a step over that with fixed weights.
    """

    config: str
    tasks: int
    balancer: str
    time: float
    low: float
    high: float
    memory: float


def all_balancers() -> dict[str, dict[str, Any]]:
    """Return the config of every balancer by a name for tables, gradient balancers twice."""
    found: dict[str, dict[str, Any]] = {
        name: dict(type="LossBalancer", scalarizer=name) for name in SCALARIZERS
    }
    for level in ("features", "parameters"):
        for name in WEIGHTINGS:
            if name not in MEASURE_ONLY:
                config = dict(type="GradientBalancer", weighting=name, level=level)
                found[f"{name}, {level}"] = config
    return found


def measure_balancers(
    config: Config,
    name: str,
    balancers: Mapping[str, dict[str, Any]],
    size: tuple[int, int] = (128, 256),
    batch_size: int = 4,
    device: str = "cpu",
    repeats: int = 9,
    on_balancer: Callable[[str], None] = lambda name: None,
) -> Iterable[BalancerCost]:
    """Yield what each balancer costs in the model of a config, with random weights and data.

    A step with fixed weights and one with the balancer alternate, so that whatever else the
    machine does meets both.

    Args:
        config: as from `load_config`; its own balancer is replaced.
        name: what to call it.
        balancers: configs by name, as from `all_balancers`.
        size: (height, width) of the images, in pixels.
        batch_size: images of a step.
        device: "cpu" or "cuda".
        repeats: pairs of steps that are timed.
        on_balancer: called with each name as its turn comes.

    Raises:
        ConfigError: as in `measure_cost`.
    """
    check_measurable(config, size, batch_size, device)
    init_default_scope(config.get("default_scope", "mmseg"))
    place = torch.device(device)
    fixed = _Step(config, dict(type="FixedWeights"), size, batch_size, place)
    fixed_memory = fixed.memory()
    for title, balancer in balancers.items():
        on_balancer(title)
        step = _Step(config, balancer, size, batch_size, place)
        memory = step.memory() / fixed_memory
        pairs = [(fixed.seconds(), step.seconds()) for _ in range(repeats)]
        low, middle, high = np.quantile([b / a for a, b in pairs], [0.25, 0.5, 0.75])
        yield BalancerCost(
            name, step.num_tasks, title, float(middle), float(low), float(high), memory
        )


class _Step:
    """A training step of a model with a balancer, on its own random batch."""

    def __init__(
        self,
        config: Config,
        balancer: dict[str, Any],
        size: tuple[int, int],
        batch_size: int,
        device: torch.device,
    ) -> None:
        model = dict(config.model.to_dict(), balancer=balancer)
        torch.manual_seed(0)
        self.network = build_network(model, "the config").to(device).train()
        self.num_tasks = len(self.network.decode_head.tasks())
        self.wrapper = build_optim_wrapper(self.network, config.optim_wrapper)
        self.batch = random_batch(self.network, size, batch_size)
        self.device = device
        for _ in range(2):  # the first step makes the optimizer's state, the second FAMO's
            self()

    def __call__(self, batch: dict[str, Any] | None = None) -> Any:
        return self.network.train_step(self.batch if batch is None else batch, self.wrapper)

    def memory(self) -> int:
        held = [*self.network.parameters(), *self.network.buffers(), self.wrapper.state_dict()]
        return peak_memory(self, held, self.device)

    def seconds(self) -> float:
        return seconds_of(self, self.batch, self.device)
