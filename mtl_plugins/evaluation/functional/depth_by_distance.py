"""How depth errors grow with the distance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NEAREST, FARTHEST = 0.1, 1000.0
BINS_PER_DECADE = 8
NUM_BINS = round(BINS_PER_DECADE * math.log10(FARTHEST / NEAREST))
SUMS = ("pixels", "abs_rel", "log_error", "squared_log_error")
"""What is summed up in each bin; see `distance_sums`."""


def distance_sums(guess: Tensor, truth: Tensor) -> Tensor:
    """Sum the errors of pixels up by their true distance.

    The bins are equally wide in the logarithm, `BINS_PER_DECADE` to each tenfold of the distance
    from `NEAREST` to `FARTHEST` metres; nearer and farther pixels go into the first and the last.

    Args:
        guess: predicted depth of N pixels, metres, above 0.
        truth: true depth of the same pixels, metres, above 0.

    Returns:
        `NUM_BINS`,4 float64 on the CPU: the sums of `SUMS`, which are 1, |p - t| / t, log p/t and
        (log p/t)^2; sums of parts add up.

    >>> sums = distance_sums(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 1.1]))
    >>> [round(value, 3) for value in sums[BINS_PER_DECADE].tolist()]
    [2.0, 3.636, 1.984, 2.147]
    """
    # On the CPU: CUDA adds weights up in any order, another sum at every call.
    guess, truth = guess.float().cpu(), truth.float().cpu()
    log_truth = truth.log()
    position = (log_truth - math.log(NEAREST)) * (BINS_PER_DECADE / math.log(10))
    # A bin's own lower edge belongs to it, whatever the logarithm's last digit.
    index = (position + 1e-5).floor().long().clamp(0, NUM_BINS - 1)
    log_error = guess.log() - log_truth
    weights = (None, (guess - truth).abs() / truth, log_error, log_error.square())
    return torch.stack([torch.bincount(index, w, NUM_BINS).double() for w in weights], dim=1)


def distance_errors(sums: Tensor) -> dict[str, list[float]]:
    """Return the errors of each bin of `distance_sums` that holds pixels.

    Returns:
        A number for each bin, near to far: `near`, `far` (its edges, metres), `pixels`, `abs_rel`
        (mean of |p - t| / t), `log_bias` (mean of log p/t: above 0 where the prediction is too
        far) and `rmse_log` (root of the mean of (log p/t)^2).

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
