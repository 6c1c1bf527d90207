"""Fixed task weights."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError


@MODELS.register_module()
class FixedWeights(BaseModule):
    """Weigh each task's loss by a constant.

    Args:
        weights: weight of each task by name, >= 0; None: 1 for every task.

    Raises:
        ConfigError: a weight is negative, or the tasks of a batch are not those of `weights`.

    >>> import torch
    >>> balancer = FixedWeights(dict(semseg=0.67, depth=0.33))
    >>> total, log = balancer({'semseg': torch.tensor(1.0), 'depth': torch.tensor(2.0)})
    >>> round(total.item(), 2)
    1.33
    """

    def __init__(
        self, weights: Mapping[str, float] | None = None, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        negative = {task: weight for task, weight in (weights or {}).items() if weight < 0}
        if negative:
            raise ConfigError(f"FixedWeights: weights {negative} are negative; expected >= 0.")
        self.weights = None if weights is None else dict(weights)

    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum of the tasks' losses, and what to log beside it."""
        if self.weights is None:
            return sum(task_losses.values()), {}  # type: ignore[return-value]
        if set(self.weights) != set(task_losses):
            raise ConfigError(
                f"FixedWeights: weights are given for {sorted(self.weights)}, but the model's "
                f"tasks are {sorted(task_losses)}. Give one weight for each task."
            )
        total = sum(self.weights[task] * loss for task, loss in task_losses.items())
        return total, {}  # type: ignore[return-value]
