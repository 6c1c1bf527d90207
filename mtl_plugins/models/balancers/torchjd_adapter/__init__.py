"""TorchJD's balancing algorithms by name: the only place that imports torchjd.

TorchJD has the formulas. Here every algorithm gets what a training run needs besides: its state in
buffers of fixed shape, so that checkpoints, EMA and DDP treat it like any other; any subset of the
tasks, so that it sees only those that a batch has; the same random numbers on every rank.
"""

from .scalarizers import SCALARIZERS, Scalarizer, scalarizer
from .weightings import WEIGHTINGS, Weighting, weighting

__all__ = ["SCALARIZERS", "WEIGHTINGS", "Scalarizer", "Weighting", "scalarizer", "weighting"]
