"""Everything a config can name under `model`."""

from . import balancers, decoders, encoders, heads, losses, segmentors
from .data_preprocessor import MultiTaskDataPreprocessor

__all__ = [
    "MultiTaskDataPreprocessor",
    "balancers",
    "decoders",
    "encoders",
    "heads",
    "losses",
    "segmentors",
]
