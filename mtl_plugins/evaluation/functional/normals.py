"""Angles between predicted and true surface normals."""

from __future__ import annotations

import torch
from torch import Tensor

from ...targets import NO_NORMAL

BINS_A_DEGREE = 100
"""Fineness of the histogram that the median is read from."""

WITHIN = (11.25, 22.5, 30.0)
"""Degrees within which pixels are counted, as in Fouhey et al. 2013 and ever since."""


def normal_angles(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the angle at every pixel that has a true normal.

    Args:
        prediction: 3,H,W of any length; a vector of length 0 points nowhere and counts as 90.
        target: 3,H,W unit vectors, 0 where there is none.

    Returns:
        Degrees in 0..180, one a valid pixel, float64; exact for small angles as well.

    Raises:
        ValueError: the shapes differ or are not 3,H,W, or the prediction of a valid pixel is nan
            or infinite, which no average may hide.

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
    # Found once: indexing by a mask would look for its pixels each time.
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
    # Unlike acos, exact near 0 and 180 degrees.
    sine = torch.linalg.cross(guess, truth, dim=0).square().sum(0).sqrt()
    cosine = (guess * truth).sum(0)
    angles = torch.rad2deg(torch.atan2(sine, cosine))
    return angles.where(guess.any(0), 90.0)


def angle_histogram(angles: Tensor) -> Tensor:
    """Return how many angles (degrees, 0..180) lie in each bin of 0.01 degrees, int64.

    >>> angle_histogram(torch.tensor([0.0, 0.005, 179.999])).nonzero().flatten().tolist()
    [0, 17999]
    """
    last = 180 * BINS_A_DEGREE - 1
    bins = (angles * BINS_A_DEGREE).long().clamp(max=last)
    return torch.bincount(bins, minlength=last + 1)


def histogram_median(histogram: Tensor) -> float:
    """Return the median of the angles of a histogram in degrees, exact to 0.005.

    >>> round(histogram_median(angle_histogram(torch.tensor([10.0, 30.0, 90.0]))), 3)
    30.005
    """
    count = int(histogram.sum())
    middle = torch.tensor([(count - 1) // 2, count // 2]) + 1
    bins = torch.searchsorted(histogram.cumsum(0), middle)
    return float((bins + 0.5).mean() / BINS_A_DEGREE)
