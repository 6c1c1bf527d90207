"""The node behind the last shared features: one encoder backward, whatever the weighting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .gramian import Gradient, weighted_sum

Weigh = Callable[[Sequence[Gradient]], Sequence[float]]
"""From each task's gradient of the shared tensors to the tasks' weights."""


class _Node(torch.autograd.Function):
    """Identity for every task; backward sends one weighted sum of the tasks' gradients down."""

    @staticmethod
    def forward(ctx: Any, weigh: Weigh, num_tasks: int, *maps: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.weigh, ctx.num_maps = weigh, len(maps)
        return tuple(each.view_as(each) for _ in range(num_tasks) for each in maps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        step = ctx.num_maps
        gradients = [grads[start : start + step] for start in range(0, len(grads), step)]
        weights = ctx.weigh(gradients)
        return None, None, *(weighted_sum(parts, weights) for parts in zip(*gradients, strict=True))


@torch.compiler.disable
def share_features(
    weigh: Weigh, tasks: Sequence[str], maps: Sequence[Tensor]
) -> dict[str, Sequence[Tensor]]:
    """Return each task's own view of the maps; backward joins the tasks' gradients by `weigh`.

    Args:
        weigh: gets each task's gradient of the maps (those that need one), returns T weights.
        tasks: the tasks' names.
        maps: the last features that all tasks share. Those that need no gradient are passed on.

    Source: the shared representation of Sener and Koltun, *Multi-Task Learning as
    Multi-Objective Optimization*, 2018 (MGDA-UB), for any weighting.

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> views = share_features(lambda gradients: (0.5, 2.0), ('a', 'b'), [x])
    >>> (views['a'][0].sum() + 10 * views['b'][0].sum()).backward()
    >>> x.grad
    tensor([20.5000, 20.5000])
    """
    trained = [each for each in maps if each.requires_grad]
    if not trained or not torch.is_grad_enabled():
        return dict.fromkeys(tasks, maps)
    outputs = iter(_Node.apply(weigh, len(tasks), *trained))
    return {
        task: tuple(next(outputs) if each.requires_grad else each for each in maps)
        for task in tasks
    }
