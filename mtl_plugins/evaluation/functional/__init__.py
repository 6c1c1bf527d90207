"""Scores as pure functions."""

from .depth import (
    DEPTH_METRICS,
    depth_errors,
    distance_errors,
    distance_sums,
    measured_pixels,
    mtan_errors,
    pixel_errors,
)
from .normals import WITHIN, angle_histogram, histogram_median, normal_angles
from .semseg import (
    AbsentClass,
    ClassScore,
    accuracy_per_class,
    class_scores,
    class_table,
    confusion_matrix,
    iou_per_class,
    semseg_scores,
)

__all__ = [
    "DEPTH_METRICS",
    "WITHIN",
    "AbsentClass",
    "ClassScore",
    "accuracy_per_class",
    "angle_histogram",
    "class_scores",
    "class_table",
    "confusion_matrix",
    "depth_errors",
    "distance_errors",
    "distance_sums",
    "histogram_median",
    "iou_per_class",
    "measured_pixels",
    "mtan_errors",
    "normal_angles",
    "pixel_errors",
    "semseg_scores",
]
