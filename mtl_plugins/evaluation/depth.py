"""Errors of a predicted depth map: over all pixels, and by distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..targets import NO_DEPTH

DEPTH_METRICS = (
    *("si_log_rmse", "rmse", "abs_rel", "sq_rel", "rmse_log", "log10"),
    *("delta1", "delta2", "delta3"),
)
"""Names of the metrics, in the order of `depth_errors`."""

NEAREST, FARTHEST = 0.1, 1000.0
BINS_PER_DECADE = 8
NUM_BINS = round(BINS_PER_DECADE * math.log10(FARTHEST / NEAREST))
SUMS = ("pixels", "abs_rel", "log_error", "squared_log_error")
"""Sums kept for each bin, see `distance_sums`."""


def depth_errors(
    prediction: Tensor,
    target: Tensor,
    min_depth: float = 0.01,
    si_lambda: float = 1.0,
    si_scale: float = 100.0,
    max_depth: float | None = None,
) -> dict[str, float] | None:
    r"""Compare a predicted depth map with the measured one.

    A pixel is valid where the target is finite, above 0 and not above `max_depth`. At valid pixels
    both maps are clamped to `min_depth`..`max_depth`. With prediction p, target t,
    d = log t - log p and means over the valid pixels in float64:

    - `si_log_rmse` = scale * sqrt(mean(d^2) - lambda * mean(d)^2) (Eigen et al. 2014,
      https://arxiv.org/abs/1406.2283); lambda = 1 ignores any global factor, lambda = 0.5 with
      scale 1 is mmseg's `silog`;
    - `rmse` = sqrt(mean((p - t)^2)), metres; `rmse_log` = sqrt(mean(d^2));
    - `abs_rel` = mean(|p - t| / t); `sq_rel` = mean((p - t)^2 / t), metres;
    - `log10` = mean(|log10 p - log10 t|);
    - `delta`k = share of pixels, 0..1, with max(p/t, t/p) < 1.25^k.

    The value of a data set is the mean over its images with a valid pixel.

    Args:
        prediction: any shape, floating point, metres.
        target: the same shape, metres, 0 where nothing was measured.
        min_depth: lower limit of both maps, above 0.
        si_lambda: share of the mean log error that is ignored, 0..1.
        si_scale: factor of `si_log_rmse`.
        max_depth: farther targets are not counted, farther predictions are clamped to it.

    Returns:
        The metrics of `DEPTH_METRICS`, always finite; None where no pixel is valid.

    Raises:
        ValueError: the shapes differ, a parameter is out of its range, or the prediction of a
            valid pixel is nan or infinite.

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
    """Compute the metrics of `depth_errors` from the two vectors of `measured_pixels`."""
    if not 0 <= si_lambda <= 1:
        raise ValueError(f"si_lambda={si_lambda}: expected 0..1, beyond it no root exists.")
    if truth.numel() == 0:
        return None
    error = (guess - truth).abs()
    log_error = truth.log() - guess.log()
    # mean(d^2) - lambda * mean(d)^2 as a sum of squares: rounding cannot make it negative.
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


def pooled_sums(guess: Tensor, truth: Tensor) -> Tensor:
    """Sum over pixels, so that sums of several images can be added: see `pooled_errors`.

    Args:
        guess, truth: the two vectors of `measured_pixels`, N pixels.

    Returns:
        10 float64 on the CPU: N, and the sums of d, d^2, (p - t)^2, |p - t| / t, (p - t)^2 / t,
        |d| and of the pixels within each of the three deltas; d = log t - log p.
    """
    error, d = (guess - truth).abs(), truth.log() - guess.log()
    ratio = torch.maximum(guess / truth, truth / guess)
    terms = [torch.ones_like(d), d, d.square(), error.square(), error / truth]
    terms += [error.square() / truth, d.abs(), *((ratio < 1.25**k).double() for k in (1, 2, 3))]
    return torch.stack(terms).sum(1).cpu()


def pooled_errors(
    sums: Tensor, si_lambda: float = 1.0, si_scale: float = 100.0
) -> dict[str, float]:
    """Compute the metrics of `depth_errors` over all pixels of several images at once.

    >>> pixels = torch.tensor([2.0, 4.0]).double(), torch.tensor([1.0, 2.0]).double()
    >>> pooled_errors(pooled_sums(*pixels)) == pixel_errors(*pixels)
    True
    """
    d, squares, error, abs_rel, sq_rel, distance, *deltas = (sums[1:] / sums[0]).tolist()
    # Rounding may make the difference of two equal numbers negative.
    scatter = max(squares - si_lambda * d**2, 0.0)
    values = (
        *(si_scale * math.sqrt(scatter), math.sqrt(error), abs_rel, sq_rel, math.sqrt(squares)),
        *(distance / math.log(10), *deltas),
    )
    return dict(zip(DEPTH_METRICS, values, strict=True))


def measured_pixels(
    prediction: Tensor,
    target: Tensor,
    min_depth: float = 0.01,
    max_depth: float | None = None,
    depth_range: Sequence[float] | None = None,
    align: str | None = None,
    nonfinite: str = "error",
) -> tuple[Tensor, Tensor]:
    """Select and clamp the valid pixels of prediction and target, as `depth_errors` does.

    Args:
        prediction, target, min_depth, max_depth: as in `depth_errors`.
        depth_range: nearest and farthest true distance of the pixels that are counted, metres.
        align: fit the prediction to the truth before it is clamped, see `ALIGNMENTS`.
        nonfinite: `error`: a prediction that is nan or infinite raises; `clamp`: nan becomes
            `min_depth`, infinity `max_depth`.

    Returns:
        Two vectors of one length, metres, float64.

    >>> measured_pixels(torch.tensor([2.0, 9.0]), torch.tensor([1.0, 0.0]))[0].tolist()
    [2.0]
    """
    check_shapes(prediction, target)
    if min_depth <= 0:
        raise ValueError(f"min_depth={min_depth}: expected a depth above 0, logarithms need one.")
    if max_depth is not None and max_depth <= min_depth:
        raise ValueError(f"max_depth={max_depth}: expected more than min_depth={min_depth}.")
    target = target.to(prediction.device)
    valid = torch.isfinite(target) & (target > NO_DEPTH)
    if max_depth is not None:
        valid &= target <= max_depth
    if depth_range is not None:
        valid &= (target >= depth_range[0]) & (target <= depth_range[1])
    # Indexing by a mask would search for its pixels each time.
    pixels = valid.flatten().nonzero()[:, 0]
    truth, guess = (
        maps.flatten().index_select(0, pixels).double() for maps in (target, prediction)
    )
    if nonfinite == "clamp":
        guess = guess.nan_to_num(min_depth, max_depth, min_depth)
    broken = int((~torch.isfinite(guess)).sum())
    if broken:
        raise ValueError(
            f"The depth prediction is nan or infinite at {broken} of {guess.numel()} measured "
            "pixels: expected finite metres. The training has diverged, or overflows in half "
            "precision: lower the learning rate, or bound the depth head's output."
        )
    if align is not None and len(truth):
        guess = ALIGNMENTS[align](guess, truth, min_depth)
    return guess.clamp(min_depth, max_depth), truth.clamp(min_depth, max_depth)


def _by_median(guess: Tensor, truth: Tensor, min_depth: float) -> Tensor:
    guess = guess.clamp(min=min_depth)
    return guess * (_median(truth) / _median(guess))


def _by_least_squares(guess: Tensor, truth: Tensor, min_depth: float) -> Tensor:
    scale, shift = _fit(guess, truth)
    return scale * guess + shift


def _by_inverse(guess: Tensor, truth: Tensor, min_depth: float) -> Tensor:
    inverse = 1 / guess.clamp(min=min_depth)
    scale, shift = _fit(inverse, 1 / truth)
    # 0 and less is farther than any distance.
    return 1 / (scale * inverse + shift).clamp(min=1e-9)


ALIGNMENTS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = dict(
    median=_by_median, least_squares=_by_least_squares, inverse_least_squares=_by_inverse
)
"""How a prediction without a scale of its own is fitted to the truth of the same image.

`median`: one factor, the ratio of the medians (Zhou et al. 2017, https://arxiv.org/abs/1704.07813).
`least_squares`: factor and shift of the depth; `inverse_least_squares`: factor and shift of 1 /
depth (Ranftl et al. 2020, https://arxiv.org/abs/1907.01341)."""


def _median(values: Tensor) -> Tensor:
    """Return the median; the mean of the two middle ones where their number is even."""
    ordered = values.sort().values
    return (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def _fit(values: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return factor and shift with which values are nearest to the wanted ones."""
    difference = values - values.mean()
    variance = difference.square().sum()
    scale = (difference * wanted).sum() / variance if variance > 0 else variance
    return scale, wanted.mean() - scale * values.mean()


def distance_sums(guess: Tensor, truth: Tensor) -> Tensor:
    """Sum the errors of pixels in bins of their true distance.

    The bins are equally wide on a logarithmic scale, `BINS_PER_DECADE` per factor of ten, from
    `NEAREST` to `FARTHEST` metres. Nearer and farther pixels count in the first and the last bin.

    Args:
        guess, truth: predicted and true depth of N pixels, metres, above 0.

    Returns:
        `NUM_BINS`,4 float64 on the CPU: the sums of `SUMS`, which are 1, |p - t| / t, log p/t and
        (log p/t)^2. The sums of disjoint sets of pixels can be added.

    >>> sums = distance_sums(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 1.1]))
    >>> [round(value, 3) for value in sums[BINS_PER_DECADE].tolist()]
    [2.0, 3.636, 1.984, 2.147]
    """
    # On the CPU: CUDA adds weights in a random order, so that sums differ between calls.
    guess, truth = guess.float().cpu(), truth.float().cpu()
    log_truth = truth.log()
    position = (log_truth - math.log(NEAREST)) * (BINS_PER_DECADE / math.log(10))
    # The lower edge belongs to its bin despite rounding of the logarithm.
    index = (position + 1e-5).floor().long().clamp(0, NUM_BINS - 1)
    log_error = guess.log() - log_truth
    weights = (None, (guess - truth).abs() / truth, log_error, log_error.square())
    return torch.stack([torch.bincount(index, w, NUM_BINS).double() for w in weights], dim=1)


def distance_errors(sums: Tensor) -> dict[str, list[float]]:
    """Compute the errors of each bin of `distance_sums` that has pixels.

    Returns:
        Lists with a number for each bin, near to far: `near` and `far` (its edges, metres),
        `pixels`, `abs_rel` (mean of |p - t| / t), `log_bias` (mean of log p/t: above 0 where the
        prediction is too far) and `rmse_log` (root of the mean of (log p/t)^2).

    >>> errors = distance_errors(distance_sums(torch.tensor([2.0]), torch.tensor([1.0])))
    >>> errors["pixels"], errors["abs_rel"], round(errors["near"][0], 6), round(errors["far"][0], 2)
    ([1.0], [1.0], 1.0, 1.33)
    """
    edges = NEAREST * 10 ** (torch.arange(NUM_BINS + 1, dtype=torch.float64) / BINS_PER_DECADE)
    filled = sums[:, 0] > 0
    pixels, abs_rel, log_error, squares = sums[filled].T
    columns = dict(
        near=edges[:-1][filled],
        far=edges[1:][filled],
        pixels=pixels,
        abs_rel=abs_rel / pixels,
        log_bias=log_error / pixels,
        rmse_log=(squares / pixels).sqrt(),
    )
    return {name: values.tolist() for name, values in columns.items()}


def check_shapes(prediction: Tensor, target: Tensor) -> None:
    """Raise a `ValueError` if two depth maps differ in shape."""
    if prediction.shape != target.shape:
        raise ValueError(
            f"The predicted depth has shape {tuple(prediction.shape)}, the true one "
            f"{tuple(target.shape)}: they must be equal. Predict at the size of the truth."
        )
