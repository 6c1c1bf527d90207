"""Regression losses over the valid pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError


def masked_mean(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return each image's mean over its valid pixels, and whether it has any (as float).

    Shapes: `values` N,C,H,W, `valid` the same, bool -> N, N. An image without valid pixels has
    mean 0, with a gradient of 0.

    >>> masked_mean(torch.tensor([[[[1.0, 9.0]]]]), torch.tensor([[[[True, False]]]]))
    (tensor([1.]), tensor([1.]))
    """
    count = valid.sum(dim=(1, 2, 3))
    total = values.where(valid, values.new_zeros(())).sum(dim=(1, 2, 3))
    return total / count.clamp(min=1), (count > 0).float()


class MaskedLoss(nn.Module, ABC):
    """A pixel-wise penalty of prediction - target, averaged over all valid pixels of a batch.

    Args:
        space: "depth" compares metres, "raw" what the network regresses (see the codecs): with a
            log-normalised codec an L1 loss in raw space is an L1 loss of the log depth.
        loss_weight: factor on the loss.

    Shapes: `prediction` and `target` N,1,H,W, `valid` N,1,H,W bool -> scalar; 0 with a gradient
    of 0 where nothing is valid.
    """

    def __init__(self, space: str = "depth", loss_weight: float = 1.0) -> None:
        super().__init__()
        if space not in ("depth", "raw"):
            raise ConfigError(f"{type(self).__name__}: space={space!r}; choose 'depth' or 'raw'.")
        self.space = space
        self.loss_weight = loss_weight

    @abstractmethod
    def penalty(self, error: Tensor) -> Tensor:
        """Return the penalty of each pixel's error."""

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the mean penalty over the valid pixels."""
        zero = torch.zeros((), device=prediction.device)
        # Masked before the penalty, so that an invalid pixel cannot send inf or NaN back.
        error = (prediction.float() - target.float()).where(valid, zero)
        penalty = self.penalty(error).where(valid, zero)
        return self.loss_weight * penalty.sum() / valid.sum().clamp(min=1)


@MODELS.register_module()
class MaskedL1Loss(MaskedLoss):
    """Mean absolute error over the valid pixels.

    >>> target = torch.tensor([[[[2.0, 0.0]]]])
    >>> MaskedL1Loss()(target + 3, target, target > 0).item()
    3.0
    """

    loss_name = "loss_l1"

    def penalty(self, error: Tensor) -> Tensor:
        """Return |error|."""
        return error.abs()


@MODELS.register_module()
class MaskedL2Loss(MaskedLoss):
    """Mean squared error over the valid pixels.

    >>> target = torch.tensor([[[[2.0, 0.0]]]])
    >>> MaskedL2Loss()(target + 3, target, target > 0).item()
    9.0
    """

    loss_name = "loss_l2"

    def penalty(self, error: Tensor) -> Tensor:
        """Return error squared."""
        return error.square()
