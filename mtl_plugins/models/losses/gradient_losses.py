"""Losses of the differences between neighbouring pixels of depth and other numbers."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from .scalar_losses import check_average

NEAREST = 1e-3
"""Metres to which smaller depths are raised before their logarithm."""

FLAT = 1e-12
"""Squared gradient below which it has no direction; bounds the direction's own gradient."""


@MODELS.register_module()
class GradientMatchingLoss(nn.Module):
    r"""Penalise an error that changes between neighbours, at several scales.

    With the error $e = \hat y - y$, at the steps 1, 2, 4, ... (every pixel, every second one, ...)
    the absolute differences of $e$ between neighbours to the right and below, both valid, are
    summed and divided by the number of valid pixels at that step; the scales are added. Edges of
    the depth become sharp where they are true; a constant error costs nothing, so add a loss of
    the depth itself.

    Source: Li and Snavely, *MegaDepth*, 2018; Ranftl et al., *Towards Robust Monocular Depth
    Estimation* (MiDaS), 2020.

    Args:
        scales: number of steps, at least 1.
        space: "log" compares the logarithms of distances (needs `DepthHead`), "depth" values in
            their unit, "raw" the numbers that the network regresses.
        average: "pixels": divide by the valid pixels of the batch; "images": by those of each
            image, then take the mean over the images with truth (MiDaS also counts the others,
            as 0).
        loss_weight: factor on the loss.

    Shapes: `prediction` and `target` N,1,H,W, `valid` N,1,H,W bool -> scalar; 0 with a gradient
    of 0 where no two neighbours are valid. Computed in float32 even under autocast.

    Raises:
        ConfigError: an argument is outside its range.

    >>> target = torch.tensor([[[[1.0, 1.0, 1.0]]]])
    >>> prediction = torch.tensor([[[[1.0, 2.0, 5.0]]]])   # (1 + 3) / 3, then (5 - 1) / 2
    >>> round(GradientMatchingLoss(scales=2)(prediction, target, target > 0).item(), 4)
    3.3333
    """

    loss_name = "loss_gradient"

    def __init__(
        self,
        scales: int = 4,
        space: str = "depth",
        average: str = "pixels",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if space not in ("depth", "raw", "log"):
            raise ConfigError(
                f"GradientMatchingLoss: space={space!r}; choose 'depth', 'raw' or 'log'."
            )
        if scales < 1:
            raise ConfigError(f"GradientMatchingLoss: scales={scales}; expected at least 1.")
        check_average(self, average)
        self.scales = scales
        self.space = "distance" if space == "log" else space
        self.average = average
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        # Masked before the logarithm and the difference: see `SILogLoss`.
        one = torch.ones((), device=prediction.device)
        prediction, target = prediction.float().where(valid, one), target.float().where(valid, one)
        if self.space == "distance":
            prediction, target = (each.clamp(min=NEAREST).log() for each in (prediction, target))
        error = prediction - target
        steps = [2**scale for scale in range(self.scales)]
        scales = [
            self._per_image(error[..., ::step, ::step], valid[..., ::step, ::step])
            for step in steps
        ]
        per_image = torch.stack(scales).sum(0)
        if self.average == "pixels":
            return self.loss_weight * per_image.sum()
        labelled = valid.flatten(1).any(1).sum().clamp(min=1)
        return self.loss_weight * per_image.sum() / labelled

    def _per_image(self, error: Tensor, valid: Tensor) -> Tensor:
        """Return the share of each image N in the loss of one scale."""
        total = error.new_zeros(len(error))
        for axis in (-1, -2):
            pairs = (each.narrow(axis, start, each.shape[axis] - 1)
                     for each in (valid, error) for start in (0, 1))  # fmt: skip
            first, second, before, after = pairs
            change = (after - before).abs().where(first & second, error.new_zeros(()))
            total = total + change.sum(dim=(1, 2, 3))
        count = valid.sum(dim=(1, 2, 3))
        return total / (count.sum() if self.average == "pixels" else count).clamp(min=1)


@MODELS.register_module()
class GradientL1Loss(nn.Module):
    r"""Compare the squared length and the angle of the gradients of prediction and truth.

    With the differences $x$ and $y$ of a pixel to its left and its upper neighbour, the loss is
    the mean of $|\hat x^2 + \hat y^2 - x^2 - y^2|$ plus that of
    $|\arctan(\hat y / \hat x) - \arctan(y / x)|$ (radians), over the pixels whose two neighbours
    are valid, too. A flat place has the angle 0.

    Source: the gradient loss in the training of Bhat et al., *ZoeDepth*, 2023.

    Args:
        space: "depth" compares values in their unit, "raw" the numbers that the network regresses.
        loss_weight: factor on the loss.

    Shapes: `prediction` and `target` N,1,H,W, `valid` N,1,H,W bool -> scalar; 0 with a gradient
    of 0 where no pixel has valid neighbours. Computed in float32 even under autocast.

    Raises:
        ConfigError: `space` is neither.

    >>> target = torch.tensor([[[[1.0, 1.0], [1.0, 2.0]]]])      # differences 1 and 1
    >>> prediction = torch.tensor([[[[1.0, 1.0], [3.0, 3.0]]]])  # 0 and 2: pi / 2 for pi / 4
    >>> round(GradientL1Loss()(prediction, target, target > 0).item(), 4)   # 4 - 2 + pi / 4
    2.7854
    """

    loss_name = "loss_gradient_l1"

    def __init__(self, space: str = "depth", loss_weight: float = 1.0) -> None:
        super().__init__()
        if space not in ("depth", "raw"):
            raise ConfigError(f"GradientL1Loss: space={space!r}; choose 'depth' or 'raw'.")
        self.space = space
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        zero = torch.zeros((), device=prediction.device)
        known = valid[..., 1:, 1:] & valid[..., 1:, :-1] & valid[..., :-1, 1:]
        maps = (each.float().where(valid, zero) for each in (prediction, target))
        (size, angle), (true_size, true_angle) = (_gradient(each) for each in maps)
        penalty = (size - true_size).abs() + (angle - true_angle).abs()
        return self.loss_weight * penalty.where(known, zero).sum() / known.sum().clamp(min=1)


def _gradient(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared length of the differences to the left and above, and their angle.

    Shapes: N,1,H,W -> N,1,H-1,W-1 twice; the angle is in [-pi/2, pi/2], 0 where it is flat.
    """
    x = values[..., 1:, 1:] - values[..., 1:, :-1]
    y = values[..., 1:, 1:] - values[..., :-1, 1:]
    size = x.square() + y.square()
    steep = size > FLAT
    # arctan(y / x), whose gradient autograd knows for x = 0, too.
    sign = torch.where(x < 0, -1.0, 1.0)
    angle = torch.atan2(
        (y * sign).where(steep, y.new_zeros(())), (x * sign).where(steep, x.new_ones(()))
    )
    return size, angle
