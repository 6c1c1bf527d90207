"""Angles between predicted and true surface normals or other directions."""

from __future__ import annotations

import torch
from torch import Tensor

from ..targets import NO_NORMAL

BINS_A_DEGREE = 100
"""Resolution of the histogram from which the median is read."""

WITHIN = (11.25, 22.5, 30.0)
"""Thresholds in degrees of the shares of pixels (Fouhey et al. 2013)."""


def normal_angles(prediction: Tensor, target: Tensor) -> Tensor:
    """Compute the angle between prediction and truth at every pixel with a true normal.

    Args:
        prediction: 3,H,W vectors of any length; one of length 0 counts as an angle of 90.
        target: 3,H,W unit vectors, 0 where there is no normal.

    Returns:
        Degrees in 0..180 of each valid pixel, float64, accurate for small angles, too.

    Raises:
        ValueError: the shapes differ or are not 3,H,W, or the prediction of a valid pixel is nan
            or infinite.

    >>> truth = torch.tensor([0.0, 0.0, 1.0]).view(3, 1, 1)
    >>> normal_angles(torch.tensor([0.0, -2.0, 0.0]).view(3, 1, 1), truth).tolist()
    [90.0]
    """
    if prediction.shape != target.shape or target.ndim != 3 or target.shape[0] != 3:
        raise ValueError(
            f"The predicted normals have shape {tuple(prediction.shape)}, the true ones "
            f"{tuple(target.shape)}: expected 3,H,W of both. Predict at the size of the truth."
        )
    target = target.to(prediction.device)
    # Indexing by a mask would search for its pixels each time.
    valid = (target != NO_NORMAL).any(0).flatten().nonzero()[:, 0]
    guess, truth = (
        maps.flatten(1).index_select(1, valid).double() for maps in (prediction, target)
    )
    broken = int((~torch.isfinite(guess)).any(0).sum())
    if broken:
        raise ValueError(
            f"The predicted normal is nan or infinite at {broken} of {guess.shape[1]} pixels: "
            "expected finite vectors. The training has diverged: lower the learning rate."
        )
    # Unlike acos, accurate near 0 and 180 degrees.
    sine = torch.linalg.cross(guess, truth, dim=0).square().sum(0).sqrt()
    cosine = (guess * truth).sum(0)
    angles = torch.rad2deg(torch.atan2(sine, cosine))
    return angles.where(guess.any(0), 90.0)


def as_stored(prediction: Tensor) -> Tensor:
    """Return the directions, 3,H,W, that are left of a prediction in an 8-bit image.

    Each is made a unit vector, mapped to 0..255, cut down to a whole number, and mapped back, as
    evaluations do that read predictions from files.
    """
    unit = torch.nn.functional.normalize(prediction.float(), dim=0)
    return 2 * ((unit + 1) * 255 / 2).floor() / 255 - 1


def angle_histogram(angles: Tensor) -> Tensor:
    """Count the angles (degrees, 0..180) in each bin of 0.01 degrees, int64.

    >>> angle_histogram(torch.tensor([0.0, 0.005, 179.999])).nonzero().flatten().tolist()
    [0, 17999]
    """
    last = 180 * BINS_A_DEGREE - 1
    bins = (angles * BINS_A_DEGREE).long().clamp(max=last)
    return torch.bincount(bins, minlength=last + 1)


def histogram_median(histogram: Tensor) -> float:
    """Return the median in degrees of the angles of a histogram, exact to 0.005; nan without any.

    >>> round(histogram_median(angle_histogram(torch.tensor([10.0, 30.0, 90.0]))), 3)
    30.005
    """
    count = int(histogram.sum())
    if not count:
        return float("nan")
    middle = torch.tensor([(count - 1) // 2, count // 2]) + 1
    bins = torch.searchsorted(histogram.cumsum(0), middle)
    return float((bins + 0.5).mean() / BINS_A_DEGREE)
