"""Runner and training loop."""

from .runner import MultiTaskRunner, SaveError
from .train_loop import SeededTrainLoop

__all__ = ["MultiTaskRunner", "SaveError", "SeededTrainLoop"]
