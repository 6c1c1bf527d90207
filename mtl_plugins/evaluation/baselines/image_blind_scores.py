"""The image-blind predictor of a config's data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric

from ...datasets import TargetReader
from ..metrics.multi_task_metric import MultiTaskMetric
from .image_blind import evaluate_image_blind, fit_image_blind


def image_blind_scores(
    train: BaseDataset, val: BaseDataset, metric: MultiTaskMetric
) -> dict[str, float]:
    """Fit the best predictor that never looks at the image on one data set, and score another.

    Each position's most frequent class and median depth, measured with the options of `metric`;
    a network that is not clearly better has learned nothing from the pictures.
    """
    num_classes = len(train.metainfo.get("classes", ()))
    depth_options: dict[str, Any] = metric.depth_options
    predictor = fit_image_blind(TargetReader(train), num_classes, ignore_label=metric.ignore_label)
    return evaluate_image_blind(
        predictor,
        TargetReader(val),
        num_classes,
        ignore_label=metric.ignore_label,
        absent=metric.absent,
        **depth_options,
    )


def configured_metric(metrics: Iterable[BaseMetric]) -> MultiTaskMetric:
    """Return the `MultiTaskMetric` among an evaluator's metrics, or one with default options."""
    found = (metric for metric in metrics if isinstance(metric, MultiTaskMetric))
    return next(found, None) or MultiTaskMetric()
