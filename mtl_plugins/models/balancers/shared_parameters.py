"""Exact gradients of the shared parameters, for reference: one encoder backward for each task."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import torch
from torch import Tensor
from torch._functorch import config as functorch_config
from torch.autograd.function import once_differentiable

from .gramian import Gradient, weighted_sum
from .ranks import sum_over_ranks
from .shared_features import Weigh


class _Losses:
    """The tasks' losses with their graphs, kept from autograd, which would run through them."""

    def __init__(self, losses: Sequence[Tensor]) -> None:
        self.losses = tuple(losses)


class _Node(torch.autograd.Function):
    """The sum of the losses as a function of the parameters."""

    @staticmethod
    def forward(ctx: Any, weigh: Weigh, losses: _Losses, *parameters: Tensor) -> Tensor:
        ctx.weigh, ctx.losses, ctx.parameters = weigh, losses, parameters
        return torch.stack([loss.detach() for loss in losses.losses]).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        losses = ctx.losses.losses
        gradients = [
            _gradient(loss, ctx.parameters, scale, retain_graph=index + 1 < len(losses))
            for index, loss in enumerate(losses)
        ]
        ctx.losses.losses = ()
        nonzero = [_nonzero(gradient, scale.device) for gradient in gradients]
        used = sum_over_ranks(torch.stack(nonzero)).cpu() > 0
        shared = (used.sum(dim=0) > 1).tolist()
        own = weights = [1.0] * len(losses)
        if any(shared) or used.any(dim=1).sum() == 1:
            # A task that is alone shares nothing in this step; it is weighed, and logged, all the
            # same.
            chosen = shared if any(shared) else [True] * len(shared)
            weights = ctx.weigh([list(compress(gradient, chosen)) for gradient in gradients])
        return (
            None,
            None,
            *(
                weighted_sum(parts, weights if is_shared else own)
                for parts, is_shared in zip(zip(*gradients, strict=True), shared, strict=True)
            ),
        )


def _gradient(
    loss: Tensor, parameters: Sequence[Tensor], scale: Tensor, retain_graph: bool
) -> Gradient:
    """Return a loss's gradient; a task of which nothing is trained has none."""
    if not loss.requires_grad:
        return [None] * len(parameters)
    return torch.autograd.grad(
        loss, parameters, scale, retain_graph=retain_graph, allow_unused=True
    )


def _nonzero(gradient: Gradient, device: torch.device) -> Tensor:
    """Return for each tensor 1 where it has a gradient other than 0, else 0.

    Compiled graphs give zeros for what a loss does not depend on.
    """
    zero = torch.zeros((), device=device)
    return torch.stack([zero if g is None else (g != 0).any().float() for g in gradient])


@torch.compiler.disable
def share_parameters(weigh: Weigh, losses: Sequence[Tensor]) -> Tensor:
    """Return the sum of the losses; its backward weighs their gradients of shared parameters.

    Shared is what more than one loss depends on; the others get their own loss's gradient.

    Args:
        weigh: gets each loss's gradient of the shared parameters, returns T weights.
        losses: scalars with their graphs.

    >>> shared, own = (torch.ones(1, requires_grad=True) for _ in range(2))
    >>> losses = [(2 * shared).sum(), (3 * shared * own).sum()]
    >>> total = share_parameters(lambda gradients: (0.5, 2.0), losses)
    >>> total.backward()
    >>> total.item(), shared.grad.item(), own.grad.item()
    (5.0, 7.0, 3.0)
    """
    # Several backward passes through one compiled graph: it must not give its buffers away.
    functorch_config.donated_buffer = False
    return _Node.apply(weigh, _Losses(losses), *_leaves(losses))


def _leaves(losses: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors that gradients of the losses end in."""
    found: dict[Any, Tensor | None] = {}
    waiting = [loss.grad_fn for loss in losses]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found[node] = getattr(node, "variable", None)
            waiting.extend(source for source, _ in node.next_functions)
    return [leaf for leaf in found.values() if leaf is not None]
