"""Losses, each of one task."""

from .losses import (
    BerHuLoss,
    BinsChamferLoss,
    CosineLoss,
    MaskedCrossEntropyLoss,
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
