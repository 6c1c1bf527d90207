"""Metrics: pure functions, and thin accumulators over them for MMEngine's evaluator."""

from .class_scores import ClassScore, class_scores, class_table
from .depth import DEPTH_METRICS, depth_errors
from .depth_by_distance import distance_errors, distance_sums
from .image_blind import (
    ImageBlindPredictor,
    evaluate_image_blind,
    fit_image_blind,
)
from .measure import (
    Measure,
    declared_measures,
    direction_of,
    kind_of,
    main_measures,
    table_labels,
)
from .mtan import mtan_errors
from .mtan_metric import MTANDepthMetric
from .multi_task_metric import MultiTaskMetric
from .normals import angle_histogram, histogram_median, normal_angles
from .normals_metric import NormalsMetric
from .score import delta_m, multitask_score
from .semseg import (
    accuracy_per_class,
    confusion_matrix,
    iou_per_class,
    semseg_scores,
)
from .streaming_metric import StreamingMetric
from .tally import Tally, tally_image

__all__ = [
    "DEPTH_METRICS",
    "ClassScore",
    "ImageBlindPredictor",
    "MTANDepthMetric",
    "Measure",
    "MultiTaskMetric",
    "NormalsMetric",
    "StreamingMetric",
    "Tally",
    "accuracy_per_class",
    "angle_histogram",
    "class_scores",
    "class_table",
    "confusion_matrix",
    "declared_measures",
    "delta_m",
    "depth_errors",
    "direction_of",
    "distance_errors",
    "distance_sums",
    "evaluate_image_blind",
    "fit_image_blind",
    "histogram_median",
    "iou_per_class",
    "kind_of",
    "main_measures",
    "mtan_errors",
    "multitask_score",
    "normal_angles",
    "semseg_scores",
    "table_labels",
    "tally_image",
]
