"""Losses of depth and other numbers, over the valid pixels."""

from abc import ABC, abstractmethod

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError

SQRT_EPS = 1e-12
"""Keeps the square root's gradient finite where the loss is zero."""


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


def check_average(loss: nn.Module, average: str) -> None:
    """Raise a `ConfigError` unless a loss is averaged over "images" or "pixels"."""
    if average not in ("images", "pixels"):
        raise ConfigError(
            f"{type(loss).__name__}: average={average!r}; choose 'images' or 'pixels'."
        )


class MaskedLoss(nn.Module, ABC):
    """Average a penalty of prediction - target over all valid pixels of a batch.

    Args:
        space: "depth" compares values in their unit, "raw" the numbers that the network regresses
            (see the codecs): with a log-normalised codec, an L1 loss in raw space is one of the
            log depth.
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
        zero = torch.zeros((), device=prediction.device)
        # Masked before the penalty, so that invalid pixels cannot give infinite or NaN gradients.
        error = (prediction.float() - target.float()).where(valid, zero)
        penalty = self.penalty(error).where(valid, zero)
        return self.loss_weight * penalty.sum() / valid.sum().clamp(min=1)


@MODELS.register_module()
class MaskedL1Loss(MaskedLoss):
    """Average the absolute error over the valid pixels."""

    loss_name = "loss_l1"

    def penalty(self, error: Tensor) -> Tensor:
        return error.abs()


@MODELS.register_module()
class MaskedL2Loss(MaskedLoss):
    """Average the squared error over the valid pixels."""

    loss_name = "loss_l2"

    def penalty(self, error: Tensor) -> Tensor:
        return error.square()


@MODELS.register_module()
class BerHuLoss(MaskedLoss):
    r"""Penalise small errors like L1, large ones like L2.

    An error $e$ costs $|e|$ up to $c$, and $(e^2 + c^2) / (2c)$ beyond, where $c$ is a share of
    the largest error among the valid pixels of the batch (and a constant for the gradient).

    Source: Laina et al., *Deeper Depth Prediction with Fully Convolutional Residual Networks*,
    2016.

    Args:
        threshold: this share of the largest error, in (0, 1].

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
        size = error.abs()
        # Bounded below, because all errors can be 0.
        knee = (self.threshold * size.detach().max()).clamp(min=torch.finfo(size.dtype).eps)
        return size.where(size <= knee, (size.square() + knee.square()) / (2 * knee))


@MODELS.register_module()
class SILogLoss(nn.Module):
    r"""Penalise the spread of the log error and, less, its mean.

    With $d = \log \max(\hat y, \epsilon) - \log \max(y, \epsilon)$ over the valid pixels of an
    image, the loss is $\sqrt{\frac1N \sum_{images} (\mathrm{var}(d) + \gamma\,\bar d^2)}$ over the
    images that have valid pixels, or the same of all pixels of the batch at once. Invalid pixels,
    images without valid pixels and exact predictions give finite losses and gradients, unlike
    mmseg's loss of this name. Computed in float32 even under autocast.

    Source: Eigen et al., *Depth Map Prediction from a Single Image using a Multi-Scale Deep
    Network*, 2014; with the square root of Lee et al., *From Big to Small*, 2019 (BTS: average
    "pixels", gamma 0.15, loss_weight 10). AdaBins (2021) and ZoeDepth (2023) add `unbiased=True` to
    these, Depth Anything V2 (2024) has average "pixels" and gamma 0.5.

    Args:
        gamma: weight of the squared mean error, >= 0. 0 ignores the scale of the depth, 1 gives
            the RMSE of the log depth.
        average: "images": each image's mean and variance; "pixels": those of the whole batch.
        unbiased: divide the variance by the number of pixels - 1.
        eps: metres to which smaller depths are raised.
        loss_weight: factor on the loss.

    Shapes: `prediction` and `target` N,1,H,W in metres, `valid` N,1,H,W bool -> scalar.

    Raises:
        ConfigError: an argument is outside its range.

    >>> loss = SILogLoss(gamma=0.0)
    >>> target = torch.tensor([[[[1.0, 2.0, 0.0]]]])
    >>> round(loss(3 * target + 1e-9, target, target > 0).item(), 4)
    0.0
    """

    loss_name = "loss_silog"
    space = "distance"

    def __init__(
        self,
        gamma: float = 0.15,
        eps: float = 1e-3,
        loss_weight: float = 1.0,
        average: str = "images",
        unbiased: bool = False,
    ) -> None:
        super().__init__()
        if gamma < 0 or eps <= 0:
            raise ConfigError(
                f"SILogLoss: gamma={gamma}, eps={eps}; expected gamma >= 0 and eps > 0."
            )
        check_average(self, average)
        self.gamma = gamma
        self.eps = eps
        self.average = average
        self.unbiased = unbiased
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        # Invalid pixels are replaced before the logarithm: masking its result would still give
        # gradients of 0 * inf = NaN.
        prediction = prediction.float().where(valid, prediction.new_ones((), dtype=torch.float32))
        target = target.float().where(valid, target.new_ones((), dtype=torch.float32))
        error = prediction.clamp(min=self.eps).log() - target.clamp(min=self.eps).log()
        if self.average == "pixels":  # as one image
            error, valid = error.reshape(1, 1, 1, -1), valid.reshape(1, 1, 1, -1)
        mean, has_pixels = masked_mean(error, valid)
        variance, _ = masked_mean((error - mean[:, None, None, None]).square(), valid)
        if self.unbiased:
            count = valid.sum(dim=(1, 2, 3))
            variance = variance * count / (count - 1).clamp(min=1)
        per_image = (variance + self.gamma * mean.square()) * has_pixels
        mean_square = per_image.sum() / has_pixels.sum().clamp(min=1)
        loss = (mean_square + SQRT_EPS).sqrt() - SQRT_EPS**0.5
        return self.loss_weight * loss


@MODELS.register_module()
class BinsChamferLoss(nn.Module):
    r"""Pull an image's bins towards its depths, and every depth towards a bin.

    For the centres $c_b$ of an image and its valid depths $y_p$ the loss is
    $\frac1B \sum_b \min_p (c_b - y_p)^2 + \frac1P \sum_p \min_b (c_b - y_p)^2$, averaged over the
    images that have valid depths. Nearest neighbours are found by sorting, in memory linear in
    bins and pixels, and in float32 even under autocast.

    Source: Bhat et al., *AdaBins: Depth Estimation Using Adaptive Bins*, 2021.

    Args:
        loss_weight: factor on the loss.

    Shapes: `centres` N,B and `target` N,1,H,W in metres, `valid` N,1,H,W bool -> scalar; 0 with a
    gradient of 0 where nothing is valid.

    >>> target = torch.tensor([[[[1.0, 4.0, 0.0]]]])
    >>> BinsChamferLoss()(torch.tensor([[2.0, 7.0]]), target, target > 0).item()
    7.5
    """

    loss_name = "loss_chamfer"

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, centres: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        centres = centres.float().sort(dim=1).values
        depth = target.float().where(valid, torch.inf).flatten(1).sort(dim=1).values
        valid = depth.isfinite()
        count = valid.sum(dim=1, keepdim=True)

        # A depth is nearest to the bin between whose borders to its neighbours it lies.
        borders = (centres[:, :-1] + centres[:, 1:]) / 2
        nearest_bin = torch.searchsorted(borders.detach(), depth)
        to_bins = (depth - centres.gather(1, nearest_bin)).where(valid, 0.0)

        # A centre is nearest to one of the two valid depths around it.
        after = torch.searchsorted(depth, centres.detach())
        last = (count - 1).clamp(min=0)
        below = depth.gather(1, (after - 1).clamp(min=0))
        above = depth.gather(1, after.minimum(last))
        nearest = below.where(centres - below < above - centres, above)
        # Without valid depths the nearest is a centre itself, at distance 0.
        to_depths = centres - nearest.where(count > 0, centres.detach())

        per_image = to_depths.square().mean(dim=1)
        per_image = per_image + to_bins.square().sum(dim=1) / count[:, 0].clamp(min=1)
        return self.loss_weight * per_image.sum() / (count > 0).sum().clamp(min=1)
