"""Metrics: pure functions, and one thin accumulator over them for MMEngine's evaluator."""

from .class_scores import ClassScore, class_scores, class_table
from .depth import DEPTH_METRICS, depth_errors
from .image_blind import (
    ImageBlindPredictor,
    evaluate_image_blind,
    fit_image_blind,
)
from .multi_task_metric import MultiTaskMetric
from .score import LOWER_IS_BETTER, delta_m, multitask_score
from .semseg import (
    accuracy_per_class,
    confusion_matrix,
    iou_per_class,
    semseg_scores,
)
from .tally import Tally, tally_image

__all__ = [
    "DEPTH_METRICS",
    "LOWER_IS_BETTER",
    "ClassScore",
    "ImageBlindPredictor",
    "MultiTaskMetric",
    "Tally",
    "accuracy_per_class",
    "class_scores",
    "class_table",
    "confusion_matrix",
    "delta_m",
    "depth_errors",
    "evaluate_image_blind",
    "fit_image_blind",
    "iou_per_class",
    "multitask_score",
    "semseg_scores",
    "tally_image",
]
