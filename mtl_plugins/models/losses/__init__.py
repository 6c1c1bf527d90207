"""Losses, each of one task."""

from .class_losses import BinaryCrossEntropyLoss, MaskedCrossEntropyLoss, class_weights
from .region_losses import MaskedDiceLoss, MaskedFocalLoss, MaskedLovaszLoss, MaskedOHEMLoss
from .scalar_losses import (
    BerHuLoss,
    BinsChamferLoss,
    MaskedL1Loss,
    MaskedL2Loss,
    MaskedLoss,
    SILogLoss,
    masked_mean,
)
from .vector_losses import CosineLoss, EndPointLoss

__all__ = [
    "BerHuLoss",
    "BinaryCrossEntropyLoss",
    "BinsChamferLoss",
    "CosineLoss",
    "EndPointLoss",
    "MaskedCrossEntropyLoss",
    "MaskedDiceLoss",
    "MaskedFocalLoss",
    "MaskedL1Loss",
    "MaskedL2Loss",
    "MaskedLoss",
    "MaskedLovaszLoss",
    "MaskedOHEMLoss",
    "SILogLoss",
    "class_weights",
    "masked_mean",
]
