"""The depth metric of the MTAN protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmseg.registry import METRICS
from torch import Tensor

from ..errors import DataError
from ..targets import NO_DEPTH, PREDEFINED, Target, named_targets
from .depth import check_shapes
from .measure import Measure
from .streaming_metric import StreamingMetric, Sums

KIND = next(target.name for target in PREDEFINED.values() if target.distance)
"""The target to which tables and baselines assign the errors."""


def mtan_errors(
    prediction: Tensor, target: Tensor, inverse: bool = False
) -> tuple[float, float] | None:
    """Compute the mean absolute and relative error of depth by MTAN's protocol.

    The errors are mean(|p - t|) and mean(|p - t| / t) over the measured pixels, with prediction p
    and target t (`inverse`: 1 / p and 1 / t). Source: Liu et al. 2019,
    https://arxiv.org/abs/1803.10704

    Args:
        prediction, target: the same shape; 0 where the target was not measured.
        inverse: compare inverse depth.

    Returns:
        Absolute and relative error, from float64; None where no pixel is measured.

    Raises:
        ValueError: the shapes differ, or the prediction of a measured pixel is not above 0.

    >>> from torch import tensor
    >>> mtan_errors(tensor([4.0, 2.0, 9.0]), tensor([2.0, 2.0, 0.0]))
    (1.0, 0.5)
    >>> mtan_errors(tensor([4.0, 2.0, 9.0]), tensor([2.0, 2.0, 0.0]), inverse=True)
    (0.125, 0.25)
    """
    check_shapes(prediction, target)
    valid = target > NO_DEPTH
    guess, truth = prediction[valid].double(), target[valid].double()
    if not truth.numel():
        return None
    # The comparison is false for nan, too.
    if not (guess > 0).all() or not guess.isfinite().all():
        raise ValueError(
            f"The predicted depth goes from {guess.min()} to {guess.max()} at measured pixels: "
            "expected finite numbers above 0. The training has diverged: lower the learning rate."
        )
    if inverse:
        guess, truth = 1 / guess, 1 / truth
    error = (guess - truth).abs()
    return error.mean().item(), (error / truth).mean().item()


@dataclass
class ErrorTally(Sums):
    """Number of images with a measured pixel, and the sums of their errors."""

    measured: int = 0
    absolute: float = 0.0
    relative: float = 0.0


@METRICS.register_module()
class MTANDepthMetric(StreamingMetric[ErrorTally]):
    """Measure `mtan/abs_err` and `mtan/rel_err`, the depth errors of MTAN's protocol.

    The errors of images (see `mtan_errors`) are averaged. The authors average over the pixels of
    a batch, then over batches, which is the same for batches of one image. Both are nan where no
    image has depth.

    Args:
        inverse: compare inverse depth, as the protocol does on Cityscapes but not on NYUv2.
        target: name of the distance; default: the first one that a sample predicts.

    Raises:
        DataError: a sample lacks predicted or true depth, or `mtan_errors` refuses its maps; the
            image is named.

    In a config: `val_evaluator = [dict(type='MultiTaskMetric'), dict(type='MTANDepthMetric')]`.
    """

    new_tally = ErrorTally
    measures = (
        Measure("mtan/abs_err", "lower", "absolute error (MTAN)", kind=KIND),
        Measure("mtan/rel_err", "lower", "relative error (MTAN)", kind=KIND),
    )

    def __init__(self, inverse: bool = False, target: str | None = None) -> None:
        super().__init__()
        self.inverse = inverse
        self.target = target

    @classmethod
    def measures_for(
        cls, targets: Sequence[Target], options: Mapping[str, Any]
    ) -> Sequence[Measure]:
        """Return the measures of a network that predicts a distance."""
        return cls.measures if _chosen(targets, options.get("target")) else ()

    def measure(self, sample: dict) -> ErrorTally:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        chosen = _chosen(self.targets_of(sample), self.target)
        keys = [key for target in chosen[:1] for key in (target.prediction, target.truth)]
        missing = [key for key in keys if key not in sample]
        if missing or not keys:
            raise DataError(
                f"the sample lacks {missing or 'a distance'}: expected predicted and true depth."
            )
        prediction, target = (sample[key]["data"] for key in keys)
        errors = mtan_errors(prediction, target.to(prediction.device), self.inverse)
        return ErrorTally(1) if errors is None else ErrorTally(1, 1, *errors)

    def compute_metrics(self, results: list[ErrorTally]) -> dict[str, float]:
        """Compute the metrics from the sum over all images."""
        (total,) = results
        count = total.measured or float("nan")
        return {"mtan/abs_err": total.absolute / count, "mtan/rel_err": total.relative / count}


def _chosen(targets: Sequence[Target], name: str | None) -> list[Target]:
    """Return the distances among some targets, or the one of a name."""
    if name is not None:
        targets = named_targets(targets, [name], "MTANDepthMetric: target")
    return [target for target in targets if target.distance]
