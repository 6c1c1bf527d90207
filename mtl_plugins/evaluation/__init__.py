"""Metrics: pure functions, metrics for MMEngine's evaluator that sum them up, and baselines."""

from .baselines import ALL_METRICS, ONE_METRIC, Baseline, Baselines
from .depth import DEPTH_METRICS, depth_errors, distance_errors, distance_sums
from .image_blind import (
    ImageBlindPredictor,
    configured_metric,
    evaluate_image_blind,
    fit_image_blind,
    image_blind_scores,
)
from .measure import (
    Direction,
    Measure,
    declared_measures,
    delta_m,
    direction_of,
    kind_of,
    main_measures,
    measure_of,
    measures_of,
    multitask_score,
    table_labels,
)
from .mtan import MTANDepthMetric, mtan_errors
from .multi_task_metric import MultiTaskMetric, NormalsMetric, Tally
from .normals import angle_histogram, histogram_median, normal_angles
from .semseg import (
    ClassScore,
    accuracy_per_class,
    class_scores,
    class_table,
    confusion_matrix,
    iou_per_class,
    semseg_scores,
)
from .streaming_metric import StreamingMetric, Sums

__all__ = [
    "ALL_METRICS",
    "DEPTH_METRICS",
    "ONE_METRIC",
    "Baseline",
    "Baselines",
    "ClassScore",
    "Direction",
    "ImageBlindPredictor",
    "MTANDepthMetric",
    "Measure",
    "MultiTaskMetric",
    "NormalsMetric",
    "StreamingMetric",
    "Sums",
    "Tally",
    "accuracy_per_class",
    "angle_histogram",
    "class_scores",
    "class_table",
    "configured_metric",
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
    "image_blind_scores",
    "iou_per_class",
    "kind_of",
    "main_measures",
    "measure_of",
    "measures_of",
    "mtan_errors",
    "multitask_score",
    "normal_angles",
    "semseg_scores",
    "table_labels",
]
