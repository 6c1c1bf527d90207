"""TorchJD's balancing algorithms by name: the only package that imports torchjd.

TorchJD implements the formulas. This package adds what a training run needs: state in buffers of
fixed shape, so that checkpoints, EMA and DDP include it; any subset of the tasks, because a batch
may lack some; and the same random numbers on every rank.
"""

from .rules import chosen
from .scalarizers import SCALARIZERS, Scalarizer, scalarizer
from .weightings import WEIGHTINGS, Weighting, weighting

__all__ = [
    "SCALARIZERS",
    "WEIGHTINGS",
    "Scalarizer",
    "Weighting",
    "chosen",
    "scalarizer",
    "weighting",
]
