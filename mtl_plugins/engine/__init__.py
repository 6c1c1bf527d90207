"""One training run: train, evaluate, runner, loop, optimizer wrapper; the hooks are in `hooks`."""

from typing import Any

from ..install import moved_attribute
from . import hooks
from .optim import AutocastOptimWrapper, BalancedOptimWrapperConstructor
from .processes import LostProcessError
from .run import evaluate, set_tf32, set_up_process, train
from .runner import MultiTaskRunner, SaveError
from .sharded_model import ShardedModel
from .train_loop import SeededTrainLoop

__all__ = [
    "AutocastOptimWrapper",
    "BalancedOptimWrapperConstructor",
    "LostProcessError",
    "MultiTaskRunner",
    "SaveError",
    "SeededTrainLoop",
    "ShardedModel",
    "evaluate",
    "hooks",
    "set_tf32",
    "set_up_process",
    "train",
]


def __getattr__(name: str) -> Any:
    """Return a name that moved elsewhere after version 0.1."""
    return moved_attribute(__name__, name)
