"""Losses, each of one task."""

from .class_losses import (
    BalancedCrossEntropyLoss,
    BinaryCrossEntropyLoss,
    MaskedCrossEntropyLoss,
    class_weights,
)
from .gradient_losses import GradientL1Loss, GradientMatchingLoss
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
from .vector_losses import CosineLoss, DirectionL1Loss, EndPointLoss

__all__ = [
    "BalancedCrossEntropyLoss",
    "BerHuLoss",
    "BinaryCrossEntropyLoss",
    "BinsChamferLoss",
    "CosineLoss",
    "DirectionL1Loss",
    "EndPointLoss",
    "GradientL1Loss",
    "GradientMatchingLoss",
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
