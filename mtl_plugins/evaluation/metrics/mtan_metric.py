"""The depth metric of the MTAN protocol."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg.registry import METRICS

from ...errors import DataError
from ...targets import DEPTH
from ..functional import mtan_errors
from .measure import Measure
from .streaming_metric import StreamingMetric


@dataclass
class ErrorTally:
    """Sums over images.

    Args:
        images: number of images.
        measured: number of images with a measured pixel.
        absolute, relative: sums of their errors.
    """

    images: int = 0
    measured: int = 0
    absolute: float = 0.0
    relative: float = 0.0

    def add(self, other: ErrorTally) -> None:
        """Add the sums of other images."""
        self.images += other.images
        self.measured += other.measured
        self.absolute += other.absolute
        self.relative += other.relative


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
        return ErrorTally(1, 0) if errors is None else ErrorTally(1, 1, *errors)

    def compute_metrics(self, results: list[ErrorTally]) -> dict[str, float]:
        """Compute the metrics from the sums of all processes."""
        total = ErrorTally()
        for tally in results:
            total.add(tally)
        sums = {"mtan/abs_err": total.absolute, "mtan/rel_err": total.relative}
        count = total.measured
        return {name: value / count if count else float("nan") for name, value in sums.items()}
