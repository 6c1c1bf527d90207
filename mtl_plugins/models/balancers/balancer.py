"""What every balancer is: from the tasks' losses to the one scalar that is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor

LOG_PREFIX = "balance/"
"""Prefix of everything that a balancer logs: `balance/weight_<task>`, ..."""


class Balancer(BaseModule, ABC):
    """Weigh the tasks against each other; subclasses weigh their losses or their gradients.

    Args:
        tasks: names of the model's tasks, in order (filled in by the model).
    """

    def __init__(self, tasks: Sequence[str] = (), init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.tasks = tuple(tasks)

    def share(self, maps: Sequence[Tensor]) -> dict[str, Sequence[Tensor]]:
        """Return each task's view of the last features that all tasks share.

        Multi-task heads call it with all maps at once. Here every task gets the maps themselves.
        """
        return dict.fromkeys(self.tasks, maps)

    @abstractmethod
    def forward(self, task_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar to run backward from, and what to log beside it.

        Args:
            task_losses: each task's loss, a scalar with a graph; 0 where a batch has no target
                of the task.

        The logged values may be filled in during the backward pass.
        """
