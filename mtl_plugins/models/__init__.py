"""Networks: every part that a config can name under `model`."""

from typing import Any

from ..install import moved_attribute
from . import (
    balancers,
    decoders,
    encoders,
    interactions,
    layers,
    losses,
    multi_task_heads,
    segmentors,
    task_heads,
)
from .preprocessing import MultiTaskDataPreprocessor

__all__ = [
    "MultiTaskDataPreprocessor",
    "balancers",
    "decoders",
    "encoders",
    "interactions",
    "layers",
    "losses",
    "multi_task_heads",
    "segmentors",
    "task_heads",
]


def __getattr__(name: str) -> Any:
    """Return a name that moved elsewhere after version 0.1."""
    return moved_attribute(__name__, name)
