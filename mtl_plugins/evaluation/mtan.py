"""The depth metric of the MTAN protocol."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg.registry import METRICS
from torch import Tensor

from ..errors import DataError
from ..targets import DEPTH, NO_DEPTH
from .depth import check_shapes
from .measure import Measure
from .streaming_metric import StreamingMetric, Sums


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

    Raises:
        DataError: a sample lacks predicted or true depth, or `mtan_errors` refuses its maps; the
            image is named.

    In a config: `val_evaluator = [dict(type='MultiTaskMetric'), dict(type='MTANDepthMetric')]`.
    """

    new_tally = ErrorTally
    measures = (
        Measure("mtan/abs_err", "lower", "absolute error (MTAN)", kind=DEPTH.kind),
        Measure("mtan/rel_err", "lower", "relative error (MTAN)", kind=DEPTH.kind),
    )

    def __init__(self, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse

    def measure(self, sample: dict) -> ErrorTally:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        missing = [key for key in (DEPTH.prediction, DEPTH.truth) if key not in sample]
        if missing:
            raise DataError(f"the sample lacks {missing}: expected predicted and true depth.")
        prediction, target = (sample[key]["data"] for key in (DEPTH.prediction, DEPTH.truth))
        errors = mtan_errors(prediction, target.to(prediction.device), self.inverse)
        return ErrorTally(1) if errors is None else ErrorTally(1, 1, *errors)

    def compute_metrics(self, results: list[ErrorTally]) -> dict[str, float]:
        """Compute the metrics from the sum over all images."""
        (total,) = results
        count = total.measured or float("nan")
        return {"mtan/abs_err": total.absolute / count, "mtan/rel_err": total.relative / count}
