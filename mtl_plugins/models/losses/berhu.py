"""The reverse Huber loss."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from .masked import MaskedLoss


@MODELS.register_module()
class BerHuLoss(MaskedLoss):
    r"""Penalise small errors like L1, large ones like L2.

    An error $e$ costs $|e|$ up to $c$, and $(e^2 + c^2) / (2c)$ beyond, where $c$ is a share of
    the largest error among the valid pixels of the batch (and a constant for the gradient).

    Source: Laina et al., *Deeper Depth Prediction with Fully Convolutional Residual Networks*,
    2016.

    Args:
        threshold: this share of the largest error, in (0, 1].
        space, loss_weight: as in `MaskedLoss`.

    Raises:
        ConfigError: `threshold` is outside its range.

    >>> target = torch.tensor([[[[3.0, 5.0, 0.0]]]])
    >>> prediction = torch.tensor([[[[4.0, 15.0, 9.0]]]])  # c = 2: 1 and (100 + 4) / 4
    >>> BerHuLoss()(prediction, target, target > 0).item()
    13.5
    """

    loss_name = "loss_berhu"

    def __init__(
        self, threshold: float = 0.2, space: str = "depth", loss_weight: float = 1.0
    ) -> None:
        super().__init__(space, loss_weight)
        if not 0 < threshold <= 1:
            raise ConfigError(f"BerHuLoss: threshold={threshold}; expected a number in (0, 1].")
        self.threshold = threshold

    def penalty(self, error: Tensor) -> Tensor:
        """Return |error|, or the parabola where it is large."""
        size = error.abs()
        # Bounded below because all errors can be 0.
        knee = (self.threshold * size.detach().max()).clamp(min=torch.finfo(size.dtype).eps)
        return size.where(size <= knee, (size.square() + knee.square()) / (2 * knee))
