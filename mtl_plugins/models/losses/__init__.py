"""Losses, each of one task."""

from .cosine import CosineLoss
from .cross_entropy import MaskedCrossEntropyLoss
from .depth import (
    BerHuLoss,
    BinsChamferLoss,
    MaskedL1Loss,
    MaskedL2Loss,
    MaskedLoss,
    SILogLoss,
    masked_mean,
)

__all__ = [
    "BerHuLoss",
    "BinsChamferLoss",
    "CosineLoss",
    "MaskedCrossEntropyLoss",
    "MaskedL1Loss",
    "MaskedL2Loss",
    "MaskedLoss",
    "SILogLoss",
    "masked_mean",
]
