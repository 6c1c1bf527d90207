"""Measure the cost of balancing: time and memory of a training step, relative to fixed weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from mtl_plugins.utils import ProgressLine, TextTable, machine_name, wide_console, write_text

MEASURE_ONLY = ("Mean", "Sum")
COLUMNS = ("config", "tasks", "balancer", "time ratio", "quartiles", "memory ratio")
WORDS = ("config", "balancer")
CAPTION = (
    "Ratios to fixed weights of a training step at batch size {batch} and {height}x{width} pixels "
    "(height x width): median of {repeats} pairs of steps, the two of a pair one after the other, "
    "and peak memory. Random weights and data. Measured on {machine}."
)


@dataclass(frozen=True)
class BalancerCost:
    """The cost of one balancer in one model.

    Args:
        config: name of the config.
        tasks: number of tasks.
        balancer: its name and, if it has one, its level.
        time: step time divided by that with fixed weights; the median over pairs of steps.
        low, high: quartiles of these ratios.
        memory: peak memory of a step divided by that with fixed weights.
    """

    config: str
    tasks: int
    balancer: str
    time: float
    low: float
    high: float
    memory: float


def all_balancers() -> dict[str, dict[str, Any]]:
    """Return the config of every balancer by name; gradient balancers at both levels."""
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
    """Measure each balancer in the model of a config, with random weights and data.

    A step with fixed weights and one with the balancer alternate, so that other load on the
    machine affects both.

    Args:
        config: as from `load_config`; its own balancer is replaced.
        name: name of the config in the results.
        balancers: configs by name, as from `all_balancers`.
        size: (height, width) of the images, in pixels.
        batch_size: images of a step.
        device: "cpu" or "cuda".
        repeats: number of timed pairs of steps.
        on_balancer: called with the name of each balancer before it is measured.

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


def measure_all_balancers(
    configs: Mapping[str, Config], balancers: Mapping[str, dict[str, Any]], **options: Any
) -> list[BalancerCost]:
    """Measure balancers in several configs by name, with progress on the terminal.

    `options` are arguments of `measure_balancers`.
    """
    costs: list[BalancerCost] = []
    with ProgressLine("fixed weights", len(configs) * len(balancers)) as line:
        for name, config in configs.items():

            def show(balancer: str, name: str = name) -> None:
                line.update(description=f"{name}: {balancer}")

            for cost in measure_balancers(config, name, balancers, on_balancer=show, **options):
                costs.append(cost)
                line.update(done=len(costs))
    return costs


def report_balancer_costs(
    costs: Sequence[BalancerCost],
    size: tuple[int, int],
    batch_size: int,
    repeats: int,
    device: str,
    markdown_file: str | None = None,
) -> None:
    """Print costs as a table; write it as Markdown if asked to."""
    caption = CAPTION.format(
        batch=batch_size, height=size[0], width=size[1], repeats=repeats,
        machine=machine_name(device),
    )  # fmt: skip
    table = TextTable(COLUMNS, [_row(cost) for cost in costs], WORDS, "Cost of balancing")
    console = wide_console()
    console.print(table)
    console.print(caption, markup=False, highlight=False)
    if markdown_file:
        write_text(markdown_file, f"{table.markdown()}\n\n{caption}\n")


def _row(cost: BalancerCost) -> list[str]:
    return [
        os.path.splitext(os.path.basename(cost.config))[0],
        str(cost.tasks),
        cost.balancer,
        f"{cost.time:.3f}",
        f"{cost.low:.3f} - {cost.high:.3f}",
        f"{cost.memory:.3f}",
    ]


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
        for _ in range(2):  # the first makes the optimizer's state, the second FAMO's
            self()

    def __call__(self, batch: dict[str, Any] | None = None) -> Any:
        return self.network.train_step(self.batch if batch is None else batch, self.wrapper)

    def memory(self) -> int:
        held = [*self.network.parameters(), *self.network.buffers(), self.wrapper.state_dict()]
        return peak_memory(self, held, self.device)

    def seconds(self) -> float:
        return seconds_of(self, self.batch, self.device)
