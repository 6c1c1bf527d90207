"""The base of all balancers, and balancing by fixed weights or by the tasks' losses."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...utils import did_you_mean
from . import torchjd_adapter

LOG_PREFIX = "balance/"
"""Prefix of every value that a balancer logs: `balance/weight_<task>`, ..."""


class Balancer(BaseModule, ABC):
    """Combine the tasks' losses, or their gradients, into what is trained.

    Args:
        tasks: names of the model's tasks, in order (filled in by the model).
    """

    def __init__(self, tasks: Sequence[str] = (), init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.tasks = tuple(tasks)

    def share(self, maps: Sequence[Tensor]) -> dict[str, Sequence[Tensor]]:
        """Return each task's view of the last features that all tasks share.

        Multi-task heads call it once, with all maps. Here every task gets the maps themselves.
        """
        return dict.fromkeys(self.tasks, maps)

    @abstractmethod
    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar to run backward from, and further values to log.

        Args:
            task_losses: each task's loss, a scalar with a graph; 0 where a batch has no target
                of the task.

        The logged tensors may be filled in during the backward pass.
        """


@MODELS.register_module()
class FixedWeights(Balancer):
    """Weigh each task's loss by a constant.

    Args:
        weights: weight of each task by name, >= 0; None: 1 for every task.
        tasks: names of the model's tasks (filled in by the model).

    Raises:
        ConfigError: a weight is negative or no number, or the tasks are not those of `weights`.

    >>> balancer = FixedWeights(dict(semseg=0.67, depth=0.33), tasks=('semseg', 'depth'))
    >>> total, log = balancer({'semseg': torch.tensor(1.0), 'depth': torch.tensor(2.0)})
    >>> round(total.item(), 2)
    1.33
    """

    def __init__(
        self,
        weights: Mapping[str, float] | None = None,
        tasks: Sequence[str] = (),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, init_cfg)
        wrong = {
            task: weight
            for task, weight in (weights or {}).items()
            if not (isinstance(weight, (int, float)) and weight >= 0)
        }
        if wrong:
            raise ConfigError(f"FixedWeights: weights {wrong}; expected numbers, each >= 0.")
        self.weights = dict.fromkeys(tasks, 1.0) if weights is None else dict(weights)
        if set(self.weights) != set(tasks):
            missing = sorted(set(tasks) - set(self.weights))
            unknown = sorted(set(self.weights) - set(tasks))
            hints = [f" {task}: {did_you_mean(task, tasks)}" for task in unknown]
            lacking = ", ".join(f"{task}=1.0" for task in missing)
            example = f", such as balancer=dict(weights=dict({lacking}))" if missing else ""
            raise ConfigError(
                f"FixedWeights: weights are given for {sorted(self.weights)}, but the model's "
                f"tasks are {sorted(tasks)}. Give one weight for each task{example}."
                f"{''.join(hints)}"
            )

    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return sum(self.weights[task] * loss for task, loss in task_losses.items()), {}  # type: ignore[return-value]


@MODELS.register_module()
class LossBalancer(Balancer):
    """Weigh the tasks' losses by a scalarizer of TorchJD.

    A step leaves out a task whose loss is exactly 0, such as one without a target in the batch.

    Args:
        scalarizer: `UW` (uncertainty), `DWA`, `Random`, `GeometricMean`, `IMTLL`, `FAMO` or
            `STCH`; case, "-" and "_" do not matter.
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
        values = torch.stack([task_losses[task].float() for task in self.tasks])
        has_loss = values.detach() != 0
        # The step's only copy to the host, which waits for the device.
        read = torch.cat([each.double() for each in (has_loss, *self.scalarizer.read())]).tolist()
        known: Sequence[float] = read[len(self.tasks) :]
        if torch.is_grad_enabled():
            with torch.no_grad():
                known = self.scalarizer.observe(values, has_loss & values.isfinite(), known)
        present = [task for task in range(len(self.tasks)) if read[task]]
        total = values.sum()
        if present:
            total = self.scalarizer(torchjd_adapter.chosen(values, present), present, known)
        weights = torch.zeros_like(values)
        if values.requires_grad:
            weights = torch.autograd.grad(total, values, retain_graph=True)[0]
        return total, {
            f"{LOG_PREFIX}weight_{task}": weight
            for task, weight in zip(self.tasks, weights, strict=True)
        }
