"""Gradients of the tasks: sums and products, and the autograd nodes that weigh them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Any

import torch
from torch import Tensor
from torch._functorch import config as functorch_config
from torch.autograd.function import once_differentiable

Gradient = Sequence[Tensor | None]
"""A task's gradient with respect to several tensors; None for those that it does not depend on."""

JOINED = 2**22
"""Number of elements of small tensors that are multiplied together."""


def gramian(gradients: Sequence[Gradient]) -> Tensor:
    """Return the inner products of the tasks' gradients, T,T float32 on the gradients' device.

    Computed in float32 whatever the gradients' type, some tensors at a time, so that the Jacobian
    is never held as a whole, and that many small ones need few calls.

    >>> gramian([[torch.tensor([3.0, 4.0])], [torch.tensor([1.0, 0.0])]])
    tensor([[25.,  3.],
            [ 3.,  1.]])
    """
    device = next(g.device for gradient in gradients for g in gradient if g is not None)
    size = len(gradients)
    products = torch.zeros(size, size, device=device)
    for parts in _joined(gradients):
        for i in range(size):
            for j in range(i, size):
                products[i, j] += torch.dot(parts[i], parts[j])
    return products.triu() + products.triu(1).T


def _joined(gradients: Sequence[Gradient]) -> Iterator[list[Tensor]]:
    """Yield the tasks' gradients as float32 vectors of about `JOINED` elements, 0 for None."""
    waiting: list[list[Tensor]] = []
    held = 0
    for parts in zip(*gradients, strict=True):
        flat = _flattened(parts)
        known = next((each for each in flat if each is not None), None)
        if known is None:
            continue
        waiting.append([torch.zeros_like(known) if each is None else each for each in flat])
        held += known.numel()
        if held >= JOINED:
            yield _cat(waiting)
            waiting, held = [], 0
    if waiting:
        yield _cat(waiting)


def _cat(tensors: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [each[0] if len(each) == 1 else torch.cat(each) for each in zip(*tensors, strict=True)]


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


Weigh = Callable[[Sequence[Gradient]], Sequence[float]]
"""From each task's gradient of the shared tensors to one weight per task."""


class _FeatureNode(torch.autograd.Function):
    """Give every task the maps; backward sends one weighted sum of the tasks' gradients down."""

    @staticmethod
    def forward(ctx: Any, weigh: Weigh, num_tasks: int, *maps: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.weigh, ctx.num_maps = weigh, len(maps)
        return tuple(each.view_as(each) for _ in range(num_tasks) for each in maps)

    @staticmethod
    @torch.compiler.disable
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

    The maps are the last features that all tasks share. `weigh` gets the gradients of those that
    need one and returns T weights; the encoder's backward pass runs once.

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
    outputs = iter(_FeatureNode.apply(weigh, len(tasks), *trained))
    return {
        task: tuple(next(outputs) if each.requires_grad else each for each in maps)
        for task in tasks
    }


class _Losses:
    """The tasks' losses with their graphs, hidden from autograd, which would run through them."""

    def __init__(self, losses: Sequence[Tensor]) -> None:
        self.losses = tuple(losses)


class _ParameterNode(torch.autograd.Function):
    """The sum of the losses as a function of the parameters."""

    @staticmethod
    def forward(ctx: Any, weigh: Weigh, losses: _Losses, *parameters: Tensor) -> Tensor:
        ctx.weigh, ctx.losses, ctx.parameters = weigh, losses, parameters
        return torch.stack([loss.detach() for loss in losses.losses]).sum()

    @staticmethod
    @torch.compiler.disable
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        losses = ctx.losses.losses
        gradients = [
            _gradient(loss, ctx.parameters, scale, retain_graph=index + 1 < len(losses))
            for index, loss in enumerate(losses)
        ]
        ctx.losses.losses = ()
        # Compiled graphs give zeros for tensors that a loss does not depend on.
        zero = scale.new_zeros((), dtype=torch.float32)
        filled = [[zero if g is None else g for g in each] for each in gradients]
        largest = torch.stack(
            [torch.stack(torch._foreach_norm(each, torch.inf)) for each in filled]
        )
        used = sum_over_ranks((largest != 0).float()).cpu() > 0
        shared = (used.sum(dim=0) > 1).tolist()
        own = weights = [1.0] * len(losses)
        if any(shared) or used.any(dim=1).sum() == 1:
            # A single task shares nothing in this step, but is weighed and logged all the same.
            chosen = shared if any(shared) else [True] * len(shared)
            weights = ctx.weigh([list(compress(gradient, chosen)) for gradient in gradients])
        parts = zip(zip(*gradients, strict=True), shared, strict=True)
        return None, None, *(weighted_sum(each, weights if both else own) for each, both in parts)


def _gradient(
    loss: Tensor, parameters: Sequence[Tensor], scale: Tensor, retain_graph: bool
) -> Gradient:
    """Return a loss's gradient, all None where nothing is trained by it."""
    if not loss.requires_grad:
        return [None] * len(parameters)
    return torch.autograd.grad(
        loss, parameters, scale, retain_graph=retain_graph, allow_unused=True
    )


@torch.compiler.disable
def share_parameters(weigh: Weigh, losses: Sequence[Tensor]) -> Tensor:
    """Return the sum of the losses; its backward weighs their gradients of shared parameters.

    A parameter is shared if more than one loss depends on it; the others get their own loss's
    gradient. The encoder's backward pass runs once for each loss.

    >>> shared, own = (torch.ones(1, requires_grad=True) for _ in range(2))
    >>> losses = [(2 * shared).sum(), (3 * shared * own).sum()]
    >>> total = share_parameters(lambda gradients: (0.5, 2.0), losses)
    >>> total.backward()
    >>> total.item(), shared.grad.item(), own.grad.item()
    (5.0, 7.0, 3.0)
    """
    # Several backward passes run through one compiled graph, which must keep its buffers.
    functorch_config.donated_buffer = False
    return _ParameterNode.apply(weigh, _Losses(losses), *_leaves(losses))


def _leaves(losses: Sequence[Tensor]) -> list[Tensor]:
    """Return the leaf tensors of the losses' graphs."""
    found: dict[Any, Tensor | None] = {}
    waiting = [loss.grad_fn for loss in losses]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found[node] = getattr(node, "variable", None)
            waiting.extend(source for source, _ in node.next_functions)
    return [leaf for leaf in found.values() if leaf is not None]
