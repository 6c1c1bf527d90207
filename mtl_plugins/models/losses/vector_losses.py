"""Losses of directions and offsets, over the valid pixels."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError

SHORT = 1e-3
"""Length below which a vector counts as having no direction; bounds the gradient by 1 / SHORT."""


@MODELS.register_module()
class CosineLoss(nn.Module):
    r"""Average 1 - cos of the angle between prediction and truth over the valid pixels.

    0 is the same direction, 1 a right angle or no direction at all, 2 the opposite direction.
    The length $|p|$ is replaced by $\sqrt{|p|^2 + 10^{-6}}$, so that a prediction of length 0 has a
    loss of 1 and a bounded gradient. Computed in float32 even under autocast.

    Args:
        loss_weight: factor on the loss.

    Shapes: `prediction` (any length) and `target` (unit vectors) N,C,H,W, `valid` N,1,H,W bool ->
    scalar; 0 with a gradient of 0 where nothing is valid.

    >>> prediction = torch.tensor([0.0, 5.0, 0.0]).view(1, 3, 1, 1)
    >>> target = torch.tensor([0.0, 0.8, 0.6]).view(1, 3, 1, 1)
    >>> round(CosineLoss()(prediction, target, torch.tensor([[[[True]]]])).item(), 4)
    0.2
    """

    loss_name = "loss_cosine"
    space = "normals"

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        zero = torch.zeros((), device=prediction.device)
        target = target.float().where(valid, zero)
        cosine = (_directions(prediction, valid) * target).sum(dim=1, keepdim=True)
        penalty = (1 - cosine).where(valid, zero)
        return self.loss_weight * penalty.sum() / valid.sum().clamp(min=1)


@MODELS.register_module()
class DirectionL1Loss(nn.Module):
    r"""Average the absolute difference of predicted and true directions over the valid pixels.

    The prediction is divided by $\sqrt{|p|^2 + 10^{-6}}$ first, as in `CosineLoss`.

    Source: the normals of multi-task papers, which call it L1: summed over the three components and
    averaged over the pixels in InvPT (2022), averaged over the components in ASTMT (2019), which
    is a third of it. Both published tables have the task weight 10.

    Args:
        average: "pixels": the sum of the components' differences over the number of pixels;
            "components": over the number of numbers, a third of that.
        loss_weight: factor on the loss.

    Shapes: `prediction` (any length) and `target` (unit vectors) N,C,H,W, `valid` N,1,H,W bool ->
    scalar; 0 with a gradient of 0 where nothing is valid. Computed in float32 even under autocast.

    Raises:
        ConfigError: `average` is neither.

    >>> prediction = torch.tensor([0.0, 5.0, 0.0]).view(1, 3, 1, 1)
    >>> target = torch.tensor([0.0, 0.8, 0.6]).view(1, 3, 1, 1)
    >>> round(DirectionL1Loss()(prediction, target, torch.tensor([[[[True]]]])).item(), 4)
    0.8
    """

    loss_name = "loss_l1"
    space = "normals"

    def __init__(self, average: str = "pixels", loss_weight: float = 1.0) -> None:
        super().__init__()
        if average not in ("pixels", "components"):
            raise ConfigError(
                f"DirectionL1Loss: average={average!r}; choose 'pixels' or 'components'."
            )
        self.average = average
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        zero = torch.zeros((), device=prediction.device)
        error = (_directions(prediction, valid) - target.float()).abs().where(valid, zero)
        count = valid.sum() * (error.shape[1] if self.average == "components" else 1)
        return self.loss_weight * error.sum() / count.clamp(min=1)


@MODELS.register_module()
class EndPointLoss(nn.Module):
    r"""Average the distance between the ends of predicted and true vectors over valid pixels.

    The distance $|d|$ is replaced by $\sqrt{|d|^2 + 10^{-6}} - 10^{-3}$, whose gradient is
    bounded.

    Args:
        loss_weight: factor on the loss.

    Shapes: `prediction` and `target` N,2,H,W in pixels, `valid` N,1,H,W bool -> scalar; 0 with a
    gradient of 0 where nothing is valid.

    >>> prediction = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1)
    >>> target = torch.tensor([0.0, 4.0]).view(1, 2, 1, 1)
    >>> round(EndPointLoss()(prediction, target, torch.tensor([[[[True]]]])).item(), 2)
    5.0
    """

    loss_name = "loss_epe"
    space = "offset"

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        zero = torch.zeros((), device=prediction.device)
        # Masked before the root, so that invalid pixels cannot give infinite or NaN gradients.
        error = (prediction.float() - target.float()).where(valid, zero)
        distance = (error.square().sum(dim=1, keepdim=True) + SHORT**2).sqrt() - SHORT
        return self.loss_weight * distance.where(valid, zero).sum() / valid.sum().clamp(min=1)


def _directions(vectors: Tensor, valid: Tensor) -> Tensor:
    """Return vectors N,C,H,W divided by their length, float32; 0 where invalid."""
    # Masked before the root, so that invalid pixels cannot give infinite or NaN gradients.
    vectors = vectors.float().where(valid, torch.zeros((), device=vectors.device))
    return vectors / (vectors.square().sum(dim=1, keepdim=True) + SHORT**2).sqrt()
