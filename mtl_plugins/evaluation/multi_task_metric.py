"""The metric of semantic segmentation and depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from ..errors import DataError
from ..targets import DEPTH, IGNORE_LABEL, SEMSEG, SEVERAL_TASKS, DenseTarget
from ..utils import did_you_mean
from .depth import DEPTH_METRICS, distance_errors, distance_sums, measured_pixels, pixel_errors
from .measure import Measure, multitask_score
from .semseg import (
    AbsentClass,
    ClassScore,
    class_scores,
    class_table,
    confusion_matrix,
    semseg_scores,
)
from .streaming_metric import StreamingMetric, Sums

Pair = tuple[Tensor, Tensor]
"""Prediction and truth of one image."""

MEASURED = (SEMSEG.kind, DEPTH.kind)
"""The kinds that `MultiTaskMetric` measures; other kinds have metrics of their own."""


@dataclass
class Tally(Sums):
    """Sums over images from which the metrics of a data set are computed; see `tally_image`.

    Args:
        confusion: C,C int64 on the CPU; None as long as no segmentation was measured.
        depth_sums: sums over images of the metrics of `DEPTH_METRICS`, float64; None without any.
        depth_images: number of images in those sums.
        images_without_depth: number of images left out of them: their truth has no valid pixel.
        distance_sums: sums over all valid pixels, see `distance_sums`; None without any.
    """

    confusion: Tensor | None = None
    depth_sums: Tensor | None = None
    depth_images: int = 0
    images_without_depth: int = 0
    distance_sums: Tensor | None = None

    def scores(self, absent: AbsentClass = "skip") -> dict[str, float]:
        """Compute the metrics of the measured tasks.

        Args:
            absent: see `semseg_scores`.

        Returns:
            `semseg/mIoU`, `semseg/aAcc`, `semseg/mAcc` (percent); `depth/<name>` of
            `DEPTH_METRICS`, means over the images with valid depth (nan without any);
            `depth/images_without_depth` where there are any; `multitask/score` where both tasks
            were measured. Empty where no task was.
        """
        scores: dict[str, float] = {}
        if self.confusion is not None:
            for name, value in semseg_scores(self.confusion, absent).items():
                scores[f"semseg/{name}"] = value
        if self.depth_images or self.images_without_depth:
            sums = (
                [float("nan")] * len(DEPTH_METRICS)
                if self.depth_sums is None
                else self.depth_sums.tolist()
            )
            for name, total in zip(DEPTH_METRICS, sums, strict=True):
                scores[f"depth/{name}"] = total / (self.depth_images or 1)
        if self.images_without_depth:
            scores["depth/images_without_depth"] = float(self.images_without_depth)
        if "semseg/mIoU" in scores and "depth/si_log_rmse" in scores:
            scores["multitask/score"] = multitask_score(
                scores["semseg/mIoU"], scores["depth/si_log_rmse"]
            )
        return scores


@METRICS.register_module()
class MultiTaskMetric(StreamingMetric[Tally]):
    """Measure semantic segmentation, depth or both during validation.

    One confusion matrix and a few sums are kept, no images; the result does not depend on the
    number of processes.

    The metrics are `semseg/mIoU`, `semseg/aAcc`, `semseg/mAcc`, `depth/<name>` of
    `DEPTH_METRICS`, and `multitask/score`; see `Tally.scores`. After `evaluate`, `confusion` (C,C
    int64, rows are the truth), `per_class` and `distance_errors` (depth errors by distance) hold
    details, None where the task was not measured.

    Args:
        tasks: tasks ("semseg", "depth") whose truth and prediction every sample must have; None:
            measure the tasks that a sample has.
        ignore_label: class id of pixels without truth.
        absent: `skip` or `zero`, see `semseg_scores`.
        min_depth, max_depth, si_lambda, si_scale: see `depth_errors`.

    Raises:
        DataError: an unknown task or `absent`, a sample that lacks a required map, or maps that
            `confusion_matrix` or `depth_errors` refuse; the image is named.

    In a config: `val_evaluator = dict(type='MultiTaskMetric', max_depth=80)`.
    """

    new_tally = Tally
    measures = (
        Measure("semseg/mIoU", "higher", "mIoU (%)", main=True),
        Measure("semseg/mAcc", "higher", "mean accuracy (%)"),
        Measure("semseg/aAcc", "higher", "pixel accuracy (%)"),
        Measure("depth/si_log_rmse", "lower", "SI-logRMSE", main=True),
        Measure("depth/rmse", "lower", "RMSE"),
        Measure("depth/abs_rel", "lower", "relative error"),
        *(Measure(f"depth/{name}", "lower") for name in ("sq_rel", "rmse_log", "log10")),
        Measure("depth/delta1", "higher", "delta < 1.25"),
        *(Measure(f"depth/{name}", "higher") for name in ("delta2", "delta3")),
        Measure(f"{SEVERAL_TASKS}/score", "higher", "multitask score"),
    )

    def __init__(
        self,
        tasks: Sequence[str] | None = None,
        ignore_label: int = IGNORE_LABEL,
        absent: AbsentClass = "skip",
        min_depth: float = 0.01,
        max_depth: float | None = None,
        si_lambda: float = 1.0,
        si_scale: float = 100.0,
    ) -> None:
        super().__init__()
        unknown = sorted(set(tasks or ()) - set(MEASURED))
        if unknown:
            raise DataError(
                f"Unknown tasks {unknown}: expected some of {list(MEASURED)}. "
                + did_you_mean(unknown[0], MEASURED)
            )
        if absent not in get_args(AbsentClass):
            raise DataError(f"absent={absent!r}: expected one of {list(get_args(AbsentClass))}.")
        self.tasks = None if tasks is None else tuple(tasks)
        self.ignore_label = ignore_label
        self.absent = absent
        limits = dict(min_depth=min_depth, max_depth=max_depth)
        self.depth_options = dict(limits, si_lambda=si_lambda, si_scale=si_scale)
        self.confusion: Tensor | None = None
        self.per_class: list[ClassScore] | None = None
        self.distance_errors: dict[str, list[float]] | None = None

    def measure(self, sample: dict) -> Tally:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        semseg, depth = self._pair(sample, SEMSEG), self._pair(sample, DEPTH)
        num_classes = len(self._classes) if semseg else 0
        return tally_image(semseg, depth, num_classes, self.ignore_label, self.depth_options)

    def compute_metrics(self, results: list[Tally]) -> dict[str, float]:
        """Compute the metrics from the sum over all images, and log those of each class."""
        (total,) = results
        scores = total.scores(self.absent)
        if not scores:
            wanted = self.tasks or MEASURED
            raise DataError(
                f"None of {total.images} samples held truth and prediction of one of {wanted}: "
                "load the annotations in the pipeline of the evaluated data set."
            )
        self.confusion = total.confusion
        self.per_class = None
        sums = total.distance_sums
        self.distance_errors = None if sums is None else distance_errors(sums)
        if total.confusion is not None:
            self.per_class = class_scores(total.confusion, self._classes)
            if is_main_process():
                print_log(f"Classes:\n{class_table(self.per_class)}", logger="current")
        return scores

    @property
    def _classes(self) -> Sequence[str]:
        if not self.dataset_meta or "classes" not in self.dataset_meta:
            raise DataError(
                "The data set has no 'classes' in its metainfo: expected their names. "
                "Set METAINFO of the data set, or dataset_meta of the metric."
            )
        return self.dataset_meta["classes"]

    def _pair(self, sample: dict, target: DenseTarget) -> Pair | None:
        if self.tasks is not None and target.kind not in self.tasks:
            return None
        missing = [key for key in (target.prediction, target.truth) if key not in sample]
        if not missing:
            return sample[target.prediction]["data"], sample[target.truth]["data"]
        if self.tasks is not None:
            raise DataError(f"the sample lacks {missing}, which tasks={self.tasks} ask for.")
        return None


def tally_image(
    semseg: Pair | None,
    depth: Pair | None,
    num_classes: int,
    ignore_label: int = IGNORE_LABEL,
    depth_options: Mapping[str, float | None] | None = None,
) -> Tally:
    """Measure one image; see `confusion_matrix` and `depth_errors`.

    Args:
        semseg, depth: prediction and truth of one shape, None where the task is not measured.
        num_classes, ignore_label: of `semseg`.
        depth_options: keyword arguments of `depth_errors`.
    """
    tally = Tally(images=1)
    if semseg is not None:
        tally.confusion = confusion_matrix(*semseg, num_classes, ignore_label).cpu()
    if depth is not None:
        options: dict[str, Any] = dict(depth_options or {})
        limits = {key: options.pop(key) for key in ("min_depth", "max_depth") if key in options}
        pixels = measured_pixels(*depth, **limits)
        errors = pixel_errors(*pixels, **options)
        if errors is None:
            tally.images_without_depth = 1
        else:
            tally.depth_images = 1
            tally.depth_sums = torch.tensor([*errors.values()], dtype=torch.float64)
            tally.distance_sums = distance_sums(*pixels)
    return tally
