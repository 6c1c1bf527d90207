"""The schedules of a config, their lengths, and the learning rate that they give.

mmengine lets a schedule without `end` end with the training, whatever its class.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from mmengine.optim.scheduler import (
    ConstantParamScheduler,
    CosineAnnealingParamScheduler,
    LinearParamScheduler,
    OneCycleParamScheduler,
    PolyParamScheduler,
    ReduceOnPlateauParamScheduler,
)
from mmengine.optim.scheduler.param_scheduler import CosineRestartParamScheduler
from mmseg.registry import PARAM_SCHEDULERS

SHAPED = (
    ConstantParamScheduler,
    CosineAnnealingParamScheduler,
    LinearParamScheduler,
    OneCycleParamScheduler,
    PolyParamScheduler,
)
"""Schedules whose values depend on where they end."""

PER_EPOCH = 10
"""Iterations of an epoch in the simulation, while the number of images is unknown."""

FEW = 0.01
"""Share of a training in iterations that may have the rate 0 at its end."""


@dataclass(frozen=True)
class Schedule:
    """An entry of `param_scheduler`.

    Attributes:
        key: its dotted key in the config.
        node: its arguments.
        kind: its class.
        total: length of the training in its unit; None if it is unknown.
        judged: whether it is checked now, or only has its part in the learning rate.
    """

    key: str
    node: dict[str, Any]
    kind: type
    total: int | None
    judged: bool = True

    @property
    def name(self) -> str:
        """Name the schedule in messages."""
        return f"{self.key} ({self.kind.__name__})"

    @property
    def by_epoch(self) -> bool:
        """Say whether its numbers count epochs."""
        return bool(self.node.get("by_epoch", True))

    @property
    def unit(self) -> str:
        """Name what its numbers count."""
        return "epochs" if self.by_epoch else "iterations"

    @property
    def begin(self) -> int:
        """Return its first step."""
        return self.node.get("begin") or 0

    @property
    def end(self) -> int | None:
        """Return the step before which it ends; None if it follows an unknown length."""
        return self.total if self.node.get("end") is None else self.node["end"]

    @property
    def steps(self) -> int | None:
        """Return its number of steps; None if it follows an unknown length."""
        return None if self.end is None else self.end - self.begin

    @property
    def inner(self) -> tuple[str, int] | None:
        """Return the name and value of an argument that is a length of its own."""
        for kind, name in (
            (CosineAnnealingParamScheduler, "T_max"),
            (OneCycleParamScheduler, "total_steps"),
            (CosineRestartParamScheduler, "periods"),
        ):
            value = self.node.get(name)
            if issubclass(self.kind, kind) and value is not None:
                return name, sum(value) if name == "periods" else value
        return None

    @property
    def converted(self) -> bool:
        """Say whether mmengine converts its epochs to iterations."""
        return bool(self.node.get("convert_to_iter_based"))

    @property
    def loses_an_epoch(self) -> bool:
        """Say whether it may reach its last value before the last epoch, not within it."""
        falls = issubclass(self.kind, (PolyParamScheduler, LinearParamScheduler))
        return falls and self.by_epoch and not self.converted

    @property
    def last(self) -> int | None:
        """Return the step from which it changes nothing any more; None if that is unknown."""
        if self.inner is None or self.end is None or issubclass(self.kind, SHAPED):
            return self.end
        return min(self.end, self.begin + self.inner[1])


@dataclass(frozen=True)
class Plan:
    """The schedules of one optimizer and the length of the training.

    Attributes:
        schedules: in the order of the config.
        rate: the optimizer's learning rate.
        epochs: length of a training in epochs; None: in iterations.
        iterations: its length in iterations; None: unknown.
    """

    schedules: tuple[Schedule, ...]
    rate: float
    epochs: int | None
    iterations: int | None

    @property
    def judged(self) -> Iterator[Schedule]:
        """Yield the schedules that are checked now."""
        return (each for each in self.schedules if each.judged)

    @property
    def of_rate(self) -> list[Schedule]:
        """List the schedules of the learning rate that do not follow a metric."""
        return [
            each
            for each in self.schedules
            if each.kind.__name__.endswith("LR")
            and not issubclass(each.kind, ReduceOnPlateauParamScheduler)
        ]

    @property
    def length(self) -> int:
        """Return the length of the training in its own unit."""
        return self.epochs or self.iterations or 0

    @property
    def unit(self) -> str:
        """Name the unit of the training."""
        return "epoch" if self.epochs else "iteration"

    @property
    def per_epoch(self) -> int:
        """Return the simulated iterations of an epoch, or of a training without epochs."""
        if self.iterations is not None:
            return self.iterations // (self.epochs or 1)
        return PER_EPOCH if any(each.converted for each in self.schedules) else 1

    def built(self, schedule: Schedule, optimizer: Any = None) -> Any:
        """Build a schedule as mmengine does, for a parameter that nothing trains."""
        node = {key: value for key, value in schedule.node.items() if value is not None}
        if schedule.end is not None:
            node["end"] = schedule.end
        optimizer = optimizer or self._optimizer()
        extra = dict(optimizer=optimizer, epoch_length=self.per_epoch)
        return PARAM_SCHEDULERS.build(node, default_args=extra)

    def _optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.rate)

    @cached_property
    def rates(self) -> list[float]:
        """Return the learning rate of every simulated iteration."""
        optimizer = self._optimizer()
        known = [each for each in self.of_rate if each.total is not None]
        built = [self.built(each, optimizer) for each in known]
        rates = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no step of the optimizer comes in between
            for step in range(1, (self.epochs or 1) * self.per_epoch + 1):
                rates.append(float(optimizer.param_groups[0]["lr"]))
                for each in built:
                    if not each.by_epoch or (self.epochs and step % self.per_epoch == 0):
                        each.step()
        return rates

    @cached_property
    def rest(self) -> Rest | None:
        """Return what remains of the training when its rate has been lowered for good.

        None if the rate changes up to the end, is as high as ever, or is low because schedules
        end with the training.
        """
        judged = [each for each in self.of_rate if each.judged and each.total is not None]
        early = [each for each in judged if (each.last or 0) < (each.total or 0)]
        if not early and not any(each.loses_an_epoch for each in judged):
            return None
        rates, size = self.rates, self.per_epoch if self.epochs else 1
        start = len(rates)
        while start and rates[start - 1] == rates[-1]:
            start -= 1
        first = -(-start // size)
        least = 1 if self.epochs else max(2, FEW * len(rates))
        is_lowered = rates[-1] < max(rates) * (1 - 1e-9)
        if len(rates) / size - first < least or not is_lowered or (rates[-1] and not early):
            return None
        return Rest(max(early or judged, key=lambda each: each.last or 0), first, rates[-1])


class Rest(NamedTuple):
    """The end of a training, with one learning rate.

    Attributes:
        schedule: the schedule that lowered the rate last.
        first: epoch or iteration, counted from 0, with which it begins.
        rate: its learning rate.
    """

    schedule: Schedule
    first: int
    rate: float


def make_plans(
    config: Mapping[str, Any], epochs: int | None, iterations: int | None
) -> Iterator[Plan]:
    """Yield the plan of each optimizer.

    Args:
        config: values of a config.
        epochs: length of the training in epochs; None if it counts iterations.
        iterations: its length in iterations. With `epochs`, only schedules are judged that count
            iterations, because the others need no knowledge of the data.
    """
    found: Any = config.get("param_scheduler") or []
    wrapper = config.get("optim_wrapper") or {}
    named = isinstance(found, dict) and "type" not in found
    for name, nodes in found.items() if named else [("", found)]:
        nodes = [nodes] if isinstance(nodes, Mapping) else nodes
        prefix = f"param_scheduler.{name}." if name else "param_scheduler."
        optimizer = (wrapper.get(name) or {} if name else wrapper).get("optimizer") or {}
        schedules = [
            _schedule(f"{prefix}{index}", node, epochs, iterations)
            for index, node in enumerate(nodes)
            if isinstance(node, Mapping)
        ]
        rate = optimizer.get("lr")
        yield Plan(
            tuple(each for each in schedules if each is not None),
            rate if isinstance(rate, (int, float)) else 1e-3,
            epochs,
            iterations,
        )


def _schedule(
    key: str, node: Mapping[str, Any], epochs: int | None, iterations: int | None
) -> Schedule | None:
    kind = node.get("type")
    kind = PARAM_SCHEDULERS.get(kind) if isinstance(kind, str) else kind
    if not isinstance(kind, type):
        return None
    by_epoch = node.get("by_epoch", True)
    judged = not (epochs and iterations and by_epoch)
    return Schedule(key, dict(node), kind, epochs if by_epoch else iterations, judged)
