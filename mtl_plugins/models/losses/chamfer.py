"""The Chamfer loss of adaptive depth bins."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class BinsChamferLoss(nn.Module):
    r"""Draw an image's bins to its depths, and every depth to a bin.

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
        """Return the loss between bin centres and the valid depths."""
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
