"""Losses of one task each."""

from .berhu import BerHuLoss
from .chamfer import BinsChamferLoss
from .cosine import CosineLoss
from .cross_entropy import MaskedCrossEntropyLoss
from .masked import MaskedL1Loss, MaskedL2Loss, MaskedLoss, masked_mean
from .silog import SILogLoss

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
