"""The scale-invariant logarithmic loss."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from .masked import masked_mean

SQRT_EPS = 1e-12
"""Keeps the square root's gradient finite where the loss is zero."""


@MODELS.register_module()
class SILogLoss(nn.Module):
    r"""Penalise the spread of the log error, and a little its mean.

    With $d = \log \max(\hat y, \epsilon) - \log \max(y, \epsilon)$ over the valid pixels of an
    image, the loss is $\sqrt{\frac1N \sum_{images} (\mathrm{var}(d) + \gamma\,\bar d^2)}$ over the
    images that have valid pixels. It is computed in float32 even under autocast. Invalid pixels,
    images without valid pixels and exact predictions give finite losses and gradients (mmseg's
    loss of this name gives neither).

    Source: Eigen et al., *Depth Map Prediction from a Single Image using a Multi-Scale Deep
    Network*, 2014; with the square root of Lee et al., *From Big to Small*, 2019.

    Args:
        gamma: weight of the squared mean error, >= 0: 0 is blind to the scale, 1 is the RMSE of
            the log depth.
        eps: metres below which depths count as this depth.
        loss_weight: factor on the loss.

    Shapes: `prediction` and `target` N,1,H,W in metres, `valid` N,1,H,W bool -> scalar.

    >>> loss = SILogLoss(gamma=0.0)
    >>> target = torch.tensor([[[[1.0, 2.0, 0.0]]]])
    >>> round(loss(3 * target + 1e-9, target, target > 0).item(), 4)
    0.0
    """

    loss_name = "loss_silog"
    space = "depth"

    def __init__(self, gamma: float = 0.15, eps: float = 1e-3, loss_weight: float = 1.0) -> None:
        super().__init__()
        if gamma < 0 or eps <= 0:
            raise ConfigError(
                f"SILogLoss: gamma={gamma}, eps={eps}; expected gamma >= 0 and eps > 0."
            )
        self.gamma = gamma
        self.eps = eps
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss over the valid pixels."""
        # Invalid pixels are replaced before the logarithm: masking its result would still send
        # 0 * inf = NaN back.
        prediction = prediction.float().where(valid, prediction.new_ones((), dtype=torch.float32))
        target = target.float().where(valid, target.new_ones((), dtype=torch.float32))
        error = prediction.clamp(min=self.eps).log() - target.clamp(min=self.eps).log()
        mean, has_pixels = masked_mean(error, valid)
        variance, _ = masked_mean((error - mean[:, None, None, None]).square(), valid)
        per_image = (variance + self.gamma * mean.square()) * has_pixels
        mean_square = per_image.sum() / has_pixels.sum().clamp(min=1)
        loss = (mean_square + SQRT_EPS).sqrt() - SQRT_EPS**0.5
        return self.loss_weight * loss
