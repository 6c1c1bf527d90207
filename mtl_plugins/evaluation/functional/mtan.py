"""Depth errors as the MTAN protocol defines them."""

from __future__ import annotations

from torch import Tensor

from ...targets import NO_DEPTH


def mtan_errors(
    prediction: Tensor, target: Tensor, inverse: bool = False
) -> tuple[float, float] | None:
    """Return the mean absolute and the mean relative error of depth, or of its inverse.

    Over the measured pixels, with prediction p and target t (1 / p and 1 / t where `inverse`):
    mean(|p - t|) and mean(|p - t| / t). Source: Liu et al. 2019, https://arxiv.org/abs/1803.10704

    Args:
        prediction, target: the same shape; 0 where the target was not measured.
        inverse: whether the protocol compares inverse depth.

    Returns:
        Both errors, in float64; None where no pixel is measured.

    Raises:
        ValueError: the shapes differ, or the prediction of a measured pixel is not above 0.

    >>> from torch import tensor
    >>> mtan_errors(tensor([4.0, 2.0, 9.0]), tensor([2.0, 2.0, 0.0]))
    (1.0, 0.5)
    >>> mtan_errors(tensor([4.0, 2.0, 9.0]), tensor([2.0, 2.0, 0.0]), inverse=True)
    (0.125, 0.25)
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"The predicted depth has shape {tuple(prediction.shape)}, the true one "
            f"{tuple(target.shape)}: they must be equal. Predict at the size of the truth."
        )
    valid = target > NO_DEPTH
    guess, truth = prediction[valid].double(), target[valid].double()
    if not truth.numel():
        return None
    # False for nan as well.
    if not (guess > 0).all() or not guess.isfinite().all():
        raise ValueError(
            f"The predicted depth goes from {guess.min()} to {guess.max()} at measured pixels: "
            "expected finite numbers above 0. The training has diverged: lower the learning rate."
        )
    if inverse:
        guess, truth = 1 / guess, 1 / truth
    error = (guess - truth).abs()
    return error.mean().item(), (error / truth).mean().item()
