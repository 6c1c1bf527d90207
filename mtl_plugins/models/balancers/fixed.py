"""Fixed task weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...utils import did_you_mean
from .balancer import Balancer


@MODELS.register_module()
class FixedWeights(Balancer):
    """Weigh each task's loss by a constant.

    Args:
        weights: weight of each task by name, >= 0; None: 1 for every task.
        tasks: names of the model's tasks (filled in by the model).

    Raises:
        ConfigError: a weight is negative, or the tasks are not those of `weights`.

    >>> import torch
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
        negative = {task: weight for task, weight in (weights or {}).items() if weight < 0}
        if negative:
            raise ConfigError(f"FixedWeights: weights {negative} are negative; expected >= 0.")
        self.weights = dict.fromkeys(tasks, 1.0) if weights is None else dict(weights)
        if set(self.weights) != set(tasks):
            unknown = sorted(set(self.weights) - set(tasks))
            hints = [f" {task}: {did_you_mean(task, tasks)}" for task in unknown]
            raise ConfigError(
                f"FixedWeights: weights are given for {sorted(self.weights)}, but the model's "
                f"tasks are {sorted(tasks)}. Give one weight for each task.{''.join(hints)}"
            )

    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum of the tasks' losses; there is nothing to log."""
        return sum(self.weights[task] * loss for task, loss in task_losses.items()), {}  # type: ignore[return-value]
