"""Errors of one predicted depth map."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...targets import NO_DEPTH

DEPTH_METRICS = (
    "si_log_rmse",
    "rmse",
    "abs_rel",
    "sq_rel",
    "rmse_log",
    "log10",
    "delta1",
    "delta2",
    "delta3",
)
"""Names of the metrics in the order in which `depth_errors` gives them."""


def depth_errors(
    prediction: Tensor,
    target: Tensor,
    min_depth: float = 0.01,
    si_lambda: float = 1.0,
    si_scale: float = 100.0,
    max_depth: float | None = None,
) -> dict[str, float] | None:
    r"""Compare one predicted depth map with the measured one.

    A pixel is valid where the target is finite, above 0 and not above `max_depth`. There both
    maps are limited to `min_depth`..`max_depth`, and with prediction p, target t and
    d = log t - log p the means over the valid pixels are taken, in float64:

    - `si_log_rmse` = scale * sqrt(mean(d^2) - lambda * mean(d)^2) (Eigen et al. 2014,
      https://arxiv.org/abs/1406.2283); lambda = 1 forgives any global factor, lambda = 0.5 with
      scale 1 is the `silog` of mmseg;
    - `rmse` = sqrt(mean((p - t)^2)), metres; `rmse_log` = sqrt(mean(d^2));
    - `abs_rel` = mean(|p - t| / t); `sq_rel` = mean((p - t)^2 / t), metres;
    - `log10` = mean(|log10 p - log10 t|);
    - `delta`k = share of pixels, 0..1, with max(p/t, t/p) < 1.25^k.

    The value of a data set is the mean over its images that have a valid pixel.

    Args:
        prediction: any shape, floating point, metres.
        target: the same shape, metres, 0 where nothing was measured.
        min_depth: smallest depth that is told apart, above 0.
        si_lambda: share of the mean log error that is forgiven, 0..1.
        si_scale: factor of `si_log_rmse`.
        max_depth: farther targets are not counted, farther predictions are limited to it.

    Returns:
        The metrics of `DEPTH_METRICS`, always finite; None where no pixel is valid.

    Raises:
        ValueError: the shapes differ, a parameter is out of its range, or the prediction of a
            valid pixel is nan or infinite, which no average may hide.

    >>> errors = depth_errors(torch.tensor([2.0, 4.0, 9.0]), torch.tensor([1.0, 2.0, 0.0]))
    >>> errors["si_log_rmse"], errors["abs_rel"], errors["sq_rel"], errors["delta3"]
    (0.0, 1.0, 1.5, 0.0)
    """
    return pixel_errors(
        *measured_pixels(prediction, target, min_depth, max_depth), si_lambda, si_scale
    )


def pixel_errors(
    guess: Tensor, truth: Tensor, si_lambda: float = 1.0, si_scale: float = 100.0
) -> dict[str, float] | None:
    """Return the metrics of `depth_errors` of two vectors from `measured_pixels`.

    Raises:
        ValueError: `si_lambda` is not in 0..1.
    """
    if not 0 <= si_lambda <= 1:
        raise ValueError(f"si_lambda={si_lambda}: expected 0..1, beyond it no root exists.")
    if truth.numel() == 0:
        return None
    error = (guess - truth).abs()
    log_error = truth.log() - guess.log()
    # mean(d^2) - lambda * mean(d)^2, written as a sum of squares: rounding cannot turn it negative.
    mean = log_error.mean()
    scatter = (log_error - mean).square().mean() + (1 - si_lambda) * mean.square()
    ratio = torch.maximum(guess / truth, truth / guess)
    values = (
        si_scale * scatter.sqrt(),
        error.square().mean().sqrt(),
        (error / truth).mean(),
        (error.square() / truth).mean(),
        log_error.square().mean().sqrt(),
        log_error.abs().mean() / math.log(10),
        *((ratio < 1.25**k).double().mean() for k in (1, 2, 3)),
    )
    return dict(zip(DEPTH_METRICS, torch.stack(values).tolist(), strict=True))


def measured_pixels(
    prediction: Tensor, target: Tensor, min_depth: float = 0.01, max_depth: float | None = None
) -> tuple[Tensor, Tensor]:
    """Return prediction and target of the valid pixels, as `depth_errors` compares them.

    Args:
        prediction, target, min_depth, max_depth: see `depth_errors`.

    Returns:
        Two vectors of one length, metres, float64.

    Raises:
        ValueError: see `depth_errors`.

    >>> measured_pixels(torch.tensor([2.0, 9.0]), torch.tensor([1.0, 0.0]))[0].tolist()
    [2.0]
    """
    _check(prediction, target, min_depth, max_depth)
    target = target.to(prediction.device)
    valid = torch.isfinite(target) & (target > NO_DEPTH)
    if max_depth is not None:
        valid &= target <= max_depth
    # Found once: indexing by a mask would look for its pixels each time.
    pixels = valid.flatten().nonzero()[:, 0]
    truth, guess = (
        maps.flatten().index_select(0, pixels).double() for maps in (target, prediction)
    )
    broken = int((~torch.isfinite(guess)).sum())
    if broken:
        raise ValueError(
            f"The depth prediction is nan or infinite at {broken} of {guess.numel()} measured "
            "pixels: expected finite metres. The training has diverged, or overflows in half "
            "precision: lower the learning rate, or bound the depth head's output."
        )
    return guess.clamp(min_depth, max_depth), truth.clamp(min_depth, max_depth)


def _check(
    prediction: Tensor,
    target: Tensor,
    min_depth: float,
    max_depth: float | None,
) -> None:
    if prediction.shape != target.shape:
        raise ValueError(
            f"The predicted depth has shape {tuple(prediction.shape)}, the true one "
            f"{tuple(target.shape)}: they must be equal. Predict at the size of the truth."
        )
    if min_depth <= 0:
        raise ValueError(f"min_depth={min_depth}: expected a depth above 0, logarithms need one.")
    if max_depth is not None and max_depth <= min_depth:
        raise ValueError(f"max_depth={max_depth}: expected more than min_depth={min_depth}.")
