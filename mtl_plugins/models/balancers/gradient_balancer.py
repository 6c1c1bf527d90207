"""Balancing by the tasks' gradients of shared features or parameters."""

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from . import torchjd_adapter
from .balancer import LOG_PREFIX, Balancer
from .gradients import (
    Gradient,
    gramian,
    num_ranks,
    share_features,
    share_parameters,
    sum_over_ranks,
)

LEVELS = ("features", "parameters")


@MODELS.register_module()
class GradientBalancer(Balancer):
    """Weigh the tasks' gradients of shared features or parameters by a weighting of TorchJD.

    Parameters that only one task uses get the unweighted gradient of its loss. A step leaves out
    a task without a gradient, such as one without a target in the batch; a single remaining task
    has weight 1.

    Args:
        weighting: `MGDA`, `PCGrad`, `GradVac`, `CAGrad`, `IMTLG`, `NashMTL`, `AlignedMTL`,
            `UPGrad`, `DualProj`, `ConFIG`, `FairGrad`, or `Mean` and `Sum`, which only measure;
            case, "-" and "_" do not matter.
        level: `features`: gradients of the last shared feature maps, one encoder backward;
            `parameters`: the exact gradients of the shared parameters, one encoder backward for
            each task.
        **options: arguments of TorchJD's class, say `c` of CAGrad; a list has one number per task.

    Logs `balance/weight_<task>`, `balance/grad_norm_<task>` (of the unscaled loss) and
    `balance/cosine_<task>_<task>`; for a task that is left out the norm is 0, the others nan.

    Raises:
        ConfigError: TorchJD is missing, a name is unknown, the options do not fit, or (in the
            first step) the tasks share nothing.

    Under DDP the inner products are those of the global batch, so that all ranks use the same
    weights.

    Source: https://torchjd.org, which names each method's paper; for the features, Sener and
    Koltun, 2018.

    >>> balancer = GradientBalancer('MGDA', tasks=('a', 'b'))
    >>> x = torch.ones(2, requires_grad=True)
    >>> views = balancer.share([x])
    >>> total, log = balancer(dict(a=3 * views['a'][0][0], b=4 * views['b'][0][1]))
    >>> total.backward()
    >>> x.grad, log['balance/grad_norm_b'].item()
    (tensor([1.9200, 1.4400]), 4.0)
    """

    def __init__(
        self,
        weighting: str,
        level: str = "features",
        tasks: Sequence[str] = (),
        init_cfg: dict | None = None,
        **options: Any,
    ) -> None:
        super().__init__(tasks, init_cfg)
        if level not in LEVELS:
            raise ConfigError(f"GradientBalancer: level={level!r}; choose one of {LEVELS}.")
        self.level = level
        self.weighting = torchjd_adapter.weighting(weighting, len(tasks), options)
        self.log = self._empty_log()
        self.scale: Tensor | float = 1.0
        self.shared = False

    def share(self, maps: Sequence[Tensor]) -> dict[str, Sequence[Tensor]]:
        """Return each task's own view of the maps; backward weighs the views' gradients."""
        self.shared = True
        if self.level == "parameters":
            return super().share(maps)
        return share_features(self._weigh, self.tasks, maps)

    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of the losses; its backward pass weighs, and fills in the log."""
        if not self.shared:
            raise ConfigError(
                "GradientBalancer: the tasks share no features, so there is nothing to balance. "
                "Use FixedWeights, or one encoder for all tasks."
            )
        losses = [task_losses[task] for task in self.tasks]
        self.log, self.scale = self._empty_log(), 1.0
        if self.level == "parameters" and torch.is_grad_enabled():
            total = share_parameters(self._weigh, losses)
        else:
            total = torch.stack(losses).sum()
        if total.requires_grad:
            total.register_hook(self._remember_scale)
        return total, self.log

    def _remember_scale(self, gradient: Tensor) -> None:
        """Remember the loss's factor, from a gradient scaler or gradient accumulation."""
        self.scale = gradient.detach()

    @torch.compiler.disable
    def _weigh(self, gradients: Sequence[Gradient]) -> list[float]:
        """Return the tasks' weights for their gradients, and log them."""
        products, *state = _to_host(self._global_gramian(gradients), *self.weighting.buffers())
        norms = products.diagonal().sqrt()
        weights = torch.full_like(norms, torch.nan)
        if not products.isfinite().all():
            # Nothing can be balanced; the gradient scaler and the non-finite check must see it.
            self._fill_log(norms, weights, products)
            return [1.0] * len(self.tasks)
        present = norms.nonzero().flatten().tolist()
        if len(present) > 1:
            weights[present] = self._solve(products[present][:, present], present, state)
        else:
            weights[present] = 1.0
        self._fill_log(norms, weights, products / norms[:, None] / norms)
        return weights.nan_to_num(0.0).tolist()

    def _global_gramian(self, gradients: Sequence[Gradient]) -> Tensor:
        """Return the inner products for the loss of the global batch, T,T float64.

        Features of different ranks belong to different images, so their products are added.
        Parameters are the same on every rank, so their gradients are added.
        """
        ranks = num_ranks()
        if self.level == "parameters" and ranks > 1:
            gradients = [
                [None if g is None else sum_over_ranks(g.float().clone()) / ranks for g in each]
                for each in gradients
            ]
            products = gramian(gradients).double()
        else:
            products = sum_over_ranks(gramian(gradients).double()) / ranks**2
        return products / self.scale**2

    def _solve(self, products: Tensor, present: Sequence[int], state: Sequence[Tensor]) -> Tensor:
        try:
            weights = self.weighting(products, present, *state).double()
            if weights.isfinite().all():
                return weights
            reason: Any = f"weights {weights.tolist()}"
        except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
            reason = error
        print_log(
            f"GradientBalancer: no solution for the Gramian {products.tolist()} ({reason}); this "
            "step uses equal weights.",
            logger="current",
            level=logging.WARNING,
        )
        return torch.full((len(present),), 1 / len(present), dtype=torch.float64)

    def _empty_log(self) -> dict[str, Tensor]:
        """Return a scalar on the CPU for every logged value, nan until it is known."""
        keys = [f"{kind}_{task}" for kind in ("weight", "grad_norm") for task in self.tasks]
        keys += [f"cosine_{first}_{second}" for first, second in combinations(self.tasks, 2)]
        return {LOG_PREFIX + key: torch.tensor(torch.nan) for key in keys}

    def _fill_log(self, norms: Tensor, weights: Tensor, cosines: Tensor) -> None:
        pairs = [cosines[i, j] for i, j in combinations(range(len(self.tasks)), 2)]
        for value, known in zip(self.log.values(), [*weights, *norms, *pairs], strict=True):
            value.copy_(known)


def _to_host(*values: Tensor) -> list[Tensor]:
    """Copy float64 tensors to the CPU together: each copy waits for the device."""
    flat = torch.cat([each.flatten() for each in values]).cpu()
    parts = flat.split([each.numel() for each in values])
    return [part.view(each.shape) for part, each in zip(parts, values, strict=True)]
