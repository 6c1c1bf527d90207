"""Everything a config can name under `model`."""

from . import (
    balancers,
    decoders,
    encoders,
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
    "layers",
    "losses",
    "multi_task_heads",
    "segmentors",
    "task_heads",
]
