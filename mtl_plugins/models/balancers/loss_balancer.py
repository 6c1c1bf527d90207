"""Balancing by the tasks' losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from . import torchjd_adapter
from .balancer import LOG_PREFIX, Balancer


@MODELS.register_module()
class LossBalancer(Balancer):
    """Weigh the tasks' losses by a scalarizer of TorchJD.

    A step leaves out a task whose loss is exactly 0, such as one without a target in the batch.

    Args:
        scalarizer: `UW` (uncertainty), `DWA`, `Random`, `GeometricMean`, `IMTLL`, `FAMO` or
            `STCH`; case, "-" and "_" do not matter.
        tasks: names of the model's tasks (filled in by the model).
        **options: arguments of TorchJD's class, say `temperature` of DWA; a list has one number
            per task. DWA's `period` is the number of steps that make an epoch, for loops that count
            steps.

    Logs `balance/weight_<task>`: the derivative of the step's scalar by the task's loss.

    Raises:
        ConfigError: TorchJD is missing, the name is unknown, or the options do not fit.

    Source: https://torchjd.org, which names each method's paper. FAMO's losses after a step are
    those of the next batch.

    >>> balancer = LossBalancer('uncertainty', tasks=('semseg', 'depth'))
    >>> losses = torch.tensor([1.0, 3.0], requires_grad=True)
    >>> total, log = balancer(dict(semseg=losses[0], depth=losses[1]))
    >>> total.item(), log['balance/weight_depth'].item()
    (2.0, 0.5)
    """

    def __init__(
        self,
        scalarizer: str,
        tasks: Sequence[str] = (),
        init_cfg: dict | None = None,
        **options: Any,
    ) -> None:
        super().__init__(tasks, init_cfg)
        self.scalarizer = torchjd_adapter.scalarizer(scalarizer, len(tasks), options)

    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalarized losses, and each task's weight in it."""
        values = torch.stack([task_losses[task].float() for task in self.tasks])
        has_loss = values.detach() != 0
        if torch.is_grad_enabled():
            with torch.no_grad():
                self.scalarizer.observe(values, has_loss & values.isfinite())
        present = has_loss.nonzero().flatten().tolist()
        total = self.scalarizer(values[present], present) if present else values.sum()
        weights = torch.zeros_like(values)
        if values.requires_grad:
            weights = torch.autograd.grad(total, values, retain_graph=True)[0]
        return total, {
            f"{LOG_PREFIX}weight_{task}": weight
            for task, weight in zip(self.tasks, weights, strict=True)
        }
