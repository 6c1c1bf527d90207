"""Scores of edges: F at the best threshold of all images and of each, and average precision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from ..errors import DataError
from ..targets import Target, targets_in
from ..utils import thin
from .edge_matching import matched, suppress_non_maxima
from .mask_curves import mask_target, probability_and_truth
from .measure import Measure
from .streaming_metric import StreamingMetric, Sums

THRESHOLDS = tuple(round(step / 100, 2) for step in range(1, 100))


def edge_counts(
    probability: np.ndarray,
    truth: np.ndarray,
    radius: float,
    thresholds: Sequence[float] = THRESHOLDS,
    thinned: bool = True,
) -> np.ndarray:
    """Match the edges of an image at every threshold.

    Args:
        probability: of an edge, H,W, 0..1; a pixel is one from the threshold on.
        truth: H,W bool, lines of about one pixel.
        radius: largest distance in pixels of two pixels that match.
        thresholds: T of them.
        thinned: thin the predicted edges before they are matched.

    Returns:
        T,3 int64: pixels that match one to one, true ones, predicted ones.

    >>> edge_counts(np.eye(4), np.eye(4, dtype=bool), 1.0, [0.5]).tolist()
    [[4, 4, 4]]
    """
    rows = []
    for threshold in thresholds:
        chosen = probability >= threshold
        chosen = thin(chosen) if thinned else chosen
        rows.append((matched(chosen, truth, radius), truth.sum(), chosen.sum()))
    return np.array(rows, np.int64)


def edge_scores(counts: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> dict[str, float]:
    """Compute the scores of edges from the counts of all images, in percent.

    Args:
        counts: N,T,3, `edge_counts` of N images.

    Returns:
        `odsF`: the best F of the pooled counts at one threshold for all images; `oisF`: F of the
        counts of each image at its own best threshold, pooled; `AP`: the mean of the precision,
        interpolated linearly, over the recalls 0, 0.01 .. 0.99; `threshold`: of `odsF`.

    Source: Martin et al., *Learning to Detect Natural Image Boundaries*, 2004; Arbelaez et al.,
    *Contour Detection and Hierarchical Image Segmentation*, 2011.
    """
    pooled = counts.sum(0)
    precision, recall, f = _scores(pooled)
    best = int(f.argmax())
    own = np.stack([image[_scores(image)[2].argmax()] for image in counts]).sum(0)
    return dict(
        odsF=100 * float(f[best]),
        oisF=100 * float(_scores(own[None])[2][0]),
        AP=100 * _average_precision(precision, recall),
        threshold=thresholds[best],
    )


def _scores(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision (1 where nothing is predicted), recall and F of counts T,3."""
    hits, true, chosen = counts.astype(np.float64).T
    precision = np.where(chosen > 0, hits / np.maximum(chosen, 1), 1.0)
    recall = hits / np.maximum(true, 1)
    return precision, recall, 2 * hits / np.maximum(true + chosen, 1)


def _average_precision(precision: np.ndarray, recall: np.ndarray) -> float:
    # Of equal recalls that of the lowest threshold counts.
    levels, first = np.unique(recall, return_index=True)
    wanted = np.arange(101) / 100
    inside = (wanted >= levels[0]) & (wanted <= levels[-1])
    return float(np.interp(wanted[inside], levels, precision[first]).sum() / 100)


@dataclass
class EdgeSums(Sums):
    """The counts of every image, see `edge_counts`: lists of T,3."""

    counts: list[np.ndarray] = field(default_factory=list)


@METRICS.register_module()
class EdgeMetric(StreamingMetric[EdgeSums]):
    """Measure edges by matching pixels one to one within a small distance.

    The metrics are `<target>/odsF`, `<target>/oisF`, `<target>/AP` (percent, see `edge_scores`)
    and `<target>/threshold`. The matching is the largest possible one, without chance. An image
    takes seconds, as the reference evaluations do: measure at the end (`test_evaluator`).

    Args:
        target: name of the target; default: the first one of type `binary`.
        max_dist: largest distance of matching pixels, as a share of the image's diagonal: 0.0075
            of PASCAL-Context and BSDS, 0.011 of NYUD.
        suppress: suppress values that are not the largest across their edge first.
        thinned: thin the predicted edges at each threshold.
        thresholds: number of thresholds, evenly between 0 and 1.

    Raises:
        DataError: `max_dist` is not between 0 and 1, `thresholds` not above 0, or a sample lacks
            truth or probability.

    In a config: `test_evaluator = [dict(type='MultiTaskMetric'), dict(type='EdgeMetric',
    target='edges', max_dist=0.011)]`; the probabilities are then predicted too.
    """

    new_tally = EdgeSums
    chooses_measures = True
    extras = ("probability",)

    def __init__(
        self,
        target: str | None = None,
        max_dist: float = 0.0075,
        suppress: bool = True,
        thinned: bool = True,
        thresholds: int = 99,
    ) -> None:
        super().__init__()
        if not (0 < max_dist < 1 and thresholds >= 1):
            raise DataError(
                f"EdgeMetric: max_dist={max_dist}, thresholds={thresholds}; expected a share of "
                "the image's diagonal, such as 0.0075, and at least one threshold."
            )
        self.target, self.max_dist = target, max_dist
        self.suppress, self.thinned = suppress, thinned
        self.thresholds = [step / (thresholds + 1) for step in range(1, thresholds + 1)]

    @classmethod
    def measures_for(
        cls, targets: Sequence[Target], options: Mapping[str, Any]
    ) -> Sequence[Measure]:
        """Return the measures of the chosen target."""
        target = mask_target(targets, options.get("target"), cls.__name__).name
        names = ("odsF", "oisF", "AP")
        found = [Measure(f"{target}/{n}", "higher", f"{target} {n} (%)") for n in names]
        return [*found, Measure(f"{target}/threshold", None)]

    def measure(self, sample: dict) -> EdgeSums:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        target = mask_target(self.targets_of(sample), self.target, type(self).__name__)
        probability, truth = (_array(m) for m in probability_and_truth(sample, target))
        known = truth != target.invalid
        if not known.any():
            return EdgeSums(1)
        if self.suppress:
            probability = suppress_non_maxima(probability)
        probability = np.where(known, probability, 0)
        radius = self.max_dist * math.hypot(*truth.shape)
        found = edge_counts(probability, truth == 1, radius, self.thresholds, self.thinned)
        return EdgeSums(1, [found])

    def compute_metrics(self, results: list[EdgeSums]) -> dict[str, float]:
        """Compute the metrics from the counts of all images, and log how they were measured."""
        (total,) = results
        declared = targets_in(self.dataset_meta).values()
        name = self.target or mask_target([*declared], None, type(self).__name__).name
        names = ("odsF", "oisF", "AP", "threshold")
        scores = dict.fromkeys(names, float("nan"))
        if total.counts:
            scores = edge_scores(np.stack(total.counts), self.thresholds)
        if is_main_process():
            print_log(
                f"{name}: matches within {self.max_dist} of the diagonal, "
                f"{'with' if self.suppress else 'without'} suppression of non-maxima, "
                f"{'' if self.thinned else 'not '}thinned, {len(self.thresholds)} thresholds.",
                logger="current",
            )
        return {f"{name}/{metric}": value for metric, value in scores.items()}


def _array(values: Tensor) -> np.ndarray:
    return values.detach().to("cpu", torch.float32).numpy()
