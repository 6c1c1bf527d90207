"""Gradients of the tasks: inner products, weighted sums, and sums over processes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Gradient = Sequence[Tensor | None]
"""A task's gradient with respect to several tensors; None for those that it does not depend on."""


def gramian(gradients: Sequence[Gradient]) -> Tensor:
    """Return the inner products of the tasks' gradients, T,T float32 on the gradients' device.

    Computed in float32 whatever the gradients' type, one pair and one tensor at a time, so that
    the Jacobian is never held as a whole.

    >>> gramian([[torch.tensor([3.0, 4.0])], [torch.tensor([1.0, 0.0])]])
    tensor([[25.,  3.],
            [ 3.,  1.]])
    """
    device = next(g.device for gradient in gradients for g in gradient if g is not None)
    size = len(gradients)
    products = torch.zeros(size, size, device=device)
    for parts in zip(*gradients, strict=True):
        flat = _flattened(parts)
        for i in range(size):
            for j in range(i, size):
                one, other = flat[i], flat[j]
                if one is not None and other is not None:
                    products[i, j] += torch.dot(one, other)
    return products.triu() + products.triu(1).T


def weighted_sum(parts: Sequence[Tensor | None], weights: Sequence[float]) -> Tensor | None:
    """Return the sum of the parts times their weights, in the parts' type; None if all are None.

    >>> weighted_sum([torch.tensor([1.0, 2.0]), None, torch.tensor([1.0, 0.0])], [2.0, 5.0, 3.0])
    tensor([5., 4.])
    """
    total = None
    for part, weight in zip(parts, weights, strict=True):
        if part is not None:
            total = part * weight if total is None else total.add_(part, alpha=weight)
    return total


def _flattened(parts: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return tensors of one shape as float32 vectors in one order of elements.

    Tensors that are all channels-last keep that order: another one would copy them.
    """
    shapes = [part for part in parts if part is not None]
    last = all(p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last) for p in shapes)
    return [
        None if part is None else (part.permute(0, 2, 3, 1) if last else part).reshape(-1).float()
        for part in parts
    ]


def num_ranks() -> int:
    """Return the number of processes, 1 without a process group."""
    running = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if running else 1


def sum_over_ranks(values: Tensor) -> Tensor:
    """Return the sum of all processes' values; the argument may be overwritten."""
    if num_ranks() > 1:
        torch.distributed.all_reduce(values)
    return values
