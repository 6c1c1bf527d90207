"""The metric of surface normals."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from mmseg.registry import METRICS
from torch import Tensor

from ...errors import DataError
from ...targets import NORMALS
from ..functional import WITHIN, angle_histogram, histogram_median, normal_angles
from .measure import Measure
from .streaming_metric import StreamingMetric


@dataclass
class AngleTally:
    """Sums over the valid pixels of images.

    Args:
        images: number of images.
        without: number of images without a valid normal.
        total: sum of the angles, degrees.
        within: number of pixels below each angle of `WITHIN`.
        histogram: number of pixels in each bin of 0.01 degrees.
    """

    images: int = 0
    without: int = 0
    total: float = 0.0
    within: Tensor = field(default_factory=lambda: torch.zeros(len(WITHIN), dtype=torch.long))
    histogram: Tensor = field(default_factory=lambda: angle_histogram(torch.zeros(0)))

    def add(self, other: AngleTally) -> None:
        """Add the sums of other images."""
        self.images += other.images
        self.without += other.without
        self.total += other.total
        self.within = self.within + other.within
        self.histogram = self.histogram + other.histogram


@METRICS.register_module()
class NormalsMetric(StreamingMetric[AngleTally]):
    """Measure the angles between predicted and true normals during validation.

    All valid pixels of the data set have the same weight. A histogram with bins of 0.01 degrees
    is kept, no pixels; the result does not depend on the number of processes. The metrics are
    `normals/mean_angle` and `normals/median_angle` (degrees, the median exact to 0.005),
    `normals/within_11.25`, `normals/within_22.5` and `normals/within_30` (percent of the pixels
    below that angle), nan where no pixel has a normal, and `normals/images_without_normals` where
    there are any.

    Raises:
        DataError: a sample lacks prediction or truth, or `normal_angles` refuses its maps; the
            image is named.

    In a config: `val_evaluator = [dict(type='MultiTaskMetric'), dict(type='NormalsMetric')]`.
    """

    new_tally = AngleTally
    measures = (
        Measure("normals/mean_angle", "lower", "normals, mean angle (deg)", main=True),
        Measure("normals/median_angle", "lower", "normals, median angle (deg)"),
        Measure("normals/within_11.25", "higher", "normals within 11.25 deg (%)"),
        *(Measure(f"normals/within_{degrees:g}", "higher") for degrees in WITHIN[1:]),
    )

    def measure(self, sample: dict) -> AngleTally:
        """Measure one sample, a dict whose maps are `{'data': 3,H,W tensor}`."""
        missing = [key for key in (NORMALS.prediction, NORMALS.truth) if key not in sample]
        if missing:
            raise DataError(
                f"the sample lacks {missing}: expected predicted and true normals. Add a "
                "NormalsHead to the model, and load and pack (PackTargets) normals in the data."
            )
        angles = normal_angles(*(sample[k]["data"] for k in (NORMALS.prediction, NORMALS.truth)))
        angles = angles.cpu()
        return AngleTally(
            images=1,
            without=int(angles.numel() == 0),
            total=float(angles.sum()),
            within=torch.stack([(angles < degrees).sum() for degrees in WITHIN]),
            histogram=angle_histogram(angles),
        )

    def compute_metrics(self, results: list[AngleTally]) -> dict[str, float]:
        """Compute the metrics from the sums of all processes."""
        total = AngleTally()
        for tally in results:
            total.add(tally)
        pixels = int(total.histogram.sum())
        nan = float("nan")
        scores = {
            "normals/mean_angle": total.total / pixels if pixels else nan,
            "normals/median_angle": histogram_median(total.histogram) if pixels else nan,
        }
        for degrees, count in zip(WITHIN, total.within.tolist(), strict=True):
            scores[f"normals/within_{degrees:g}"] = 100 * count / pixels if pixels else nan
        if total.without:
            scores["normals/images_without_normals"] = float(total.without)
        return scores
