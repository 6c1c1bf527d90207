"""The depth metric of the MTAN protocol."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg.registry import METRICS

from ...errors import DataError
from ...targets import DEPTH
from ..functional.mtan import mtan_errors
from .measure import Measure
from .streaming_metric import StreamingMetric


@dataclass
class ErrorTally:
    """Sums over images; those of parts add up.

    Args:
        images: images seen.
        measured: those with a measured pixel.
        absolute, relative: sums of their errors.
    """

    images: int = 0
    measured: int = 0
    absolute: float = 0.0
    relative: float = 0.0

    def add(self, other: ErrorTally) -> None:
        """Take in the images of another tally."""
        self.images += other.images
        self.measured += other.measured
        self.absolute += other.absolute
        self.relative += other.relative


@METRICS.register_module()
class MTANDepthMetric(StreamingMetric[ErrorTally]):
    """Measure `mtan/abs_err` and `mtan/rel_err`, the depth columns of tables by MTAN's protocol.

    See `mtan_errors`; the means of images are averaged. (The authors average over the pixels of a
    batch and then over batches, which is the same for a batch of one.) Both are nan where no image
    has depth.

    Args:
        inverse: True for Cityscapes, whose protocol compares inverse depth; False for NYUv2.

    Raises:
        DataError: a sample without predicted or true depth, or maps that `mtan_errors` refuses;
            the image is named.

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
        return ErrorTally(1, 0) if errors is None else ErrorTally(1, 1, *errors)

    def compute_metrics(self, results: list[ErrorTally]) -> dict[str, float]:
        """The metrics of several tallies together."""
        total = ErrorTally()
        for tally in results:
            total.add(tally)
        sums = {"mtan/abs_err": total.absolute, "mtan/rel_err": total.relative}
        count = total.measured
        return {name: value / count if count else float("nan") for name, value in sums.items()}
