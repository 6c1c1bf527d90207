"""One measurement: the tasks' gradients of a batch, and a step along each of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets import seed_all, seeded
from ...errors import ConfigError
from ...models.balancers import LOG_PREFIX, GradientBalancer
from ...models.segmentors import sum_by_task

Pair = tuple[str, str]
"""Names of two tasks; for a gain, first the one whose gradient is followed."""

Gradients = Mapping[str, Sequence[Tensor | None]]
"""Each task's gradients of the parameters; None for one that it does not depend on."""


STEP = 3e-5
"""Default length of a step, relative to that of the shared weights. In measurements gains were
proportional to the length up to about this; ten times as far, curvature hides who helps whom."""


@dataclass(frozen=True)
class Measurement:
    """Store how the tasks act on each other in one iteration; nan where a task has no truth.

    Args:
        iteration: number of training steps before it.
        cosines: cosine of the gradients of two tasks at the last features that all tasks share.
        gains: `(source, other)` -> percent by which the loss of `other` falls by a step along the
            gradient of `source` alone (below 0: it rises); also of a task on itself.
    """

    iteration: int
    cosines: Mapping[Pair, float]
    gains: Mapping[Pair, float]


def measure_affinity(
    model: nn.Module, batch: Mapping[str, Any], step: float = STEP, iteration: int = 0
) -> Measurement:
    r"""Measure how the tasks of a model act on each other in a batch; the model is not changed.

    For the weights $\theta$ that several tasks share and the gradient $g_i$ of task i, the gain of
    task j is $(L_j(\theta) - L_j(\theta - s \, |\theta| \, g_i / |g_i|)) / |L_j(\theta)|$ on the
    same batch, with the same random numbers, in float32. The paper steps by the learning rate times
    $g_i$; here all tasks step equally far, so that neither the optimizer nor the scale of a loss
    matters.

    Source: Fifty et al., *Efficiently Identifying Task Groupings for Multi-Task Learning*, 2021
    (inter-task affinity).

    Args:
        model: a `MultiTaskSegmentor`, in training mode.
        batch: one batch of its loader.
        step: length s of a step, relative to that of the shared weights.
        iteration: number of training steps before it, which also seeds the random numbers.

    Raises:
        ConfigError: the tasks share no features, or no weights that are trained.
    """
    # Of a copy, so that no weight, running statistic or balancer of the run can change.
    copy: Any = deepcopy(model)
    tasks = copy.balancer.tasks
    weights = [each for each in copy.parameters() if each.requires_grad]
    copy.balancer = GradientBalancer("Sum", tasks=tasks)
    with _same_randomness(weights[0].device, iteration):
        data = copy.data_preprocessor(deepcopy(batch), True)

    def losses() -> dict[str, Tensor]:
        with _same_randomness(weights[0].device, iteration):
            return sum_by_task(copy(**data, mode="loss"))

    before = losses()
    if not copy.balancer.shared:
        raise ConfigError(
            "The tasks of this config share no features, so that none can help or hurt another. "
            "Use one encoder for all tasks."
        )
    gradients = _gradients(before, weights)
    total, log = copy.balancer(before)
    total.backward()
    cosines = {
        pair: log[f"{LOG_PREFIX}cosine_{pair[0]}_{pair[1]}"].item()
        for pair in combinations(tasks, 2)
    }
    shared = [
        index
        for index in range(len(weights))
        if sum(each[index] is not None for each in gradients.values()) > 1
    ]
    if not shared:
        raise ConfigError(
            "The tasks of this config share no weights that are trained, so that none can help or "
            "hurt another. Train the encoder, too."
        )
    gains: dict[Pair, float] = {}
    with torch.no_grad():
        moved = [weights[index] for index in shared]
        for source in tasks:
            directions = [gradients[source][index] for index in shared]
            with _stepped(moved, directions, step) as there:
                after = losses() if there else {}
            for other in tasks:
                known = other in after and bool(before[other])
                fall = (before[other] - after[other]) / before[other].abs() if known else None
                gains[source, other] = torch.nan if fall is None else 100 * fall.item()
    return Measurement(iteration, cosines, gains)


def _gradients(losses: Mapping[str, Tensor], weights: Sequence[Tensor]) -> Gradients:
    """Return each task's gradient of the weights; the graph stays."""
    found: dict[str, list[Tensor | None]] = {}
    for task, loss in losses.items():
        for weight in weights:
            weight.grad = None
        # Not autograd.grad, which activation checkpointing does not support.
        if loss.requires_grad:
            loss.backward(retain_graph=True)
        found[task] = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    return found


@contextmanager
def _stepped(
    weights: Sequence[Tensor], gradients: Sequence[Tensor | None], step: float
) -> Iterator[bool]:
    """Move weights against a gradient by a share of their length within the block.

    Yields whether there is a gradient to follow.
    """
    length = _norm([each for each in gradients if each is not None])
    there = bool(length.isfinite() and length > 0)
    before = [each.clone() for each in weights]
    factor = -step * (_norm(weights) / length).item() if there else 0.0
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is not None and there:
            weight.add_(gradient, alpha=factor)
    try:
        yield there
    finally:
        for weight, kept in zip(weights, before, strict=True):
            weight.copy_(kept)


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    if not tensors:
        return torch.zeros(())
    return torch.nn.utils.get_total_norm(tensors)


@contextmanager
def _same_randomness(device: torch.device, iteration: int) -> Iterator[None]:
    """Seed all generators by the iteration within the block, and restore them afterwards."""
    devices = [] if device.type == "cpu" else [device]
    with seeded(iteration), torch.random.fork_rng(devices, device_type=device.type):
        seed_all(iteration)
        yield
