"""Scores as pure functions."""

from .depth import DEPTH_METRICS, depth_errors
from .depth_by_distance import distance_errors, distance_sums
from .mtan import mtan_errors
from .normals import angle_histogram, histogram_median, normal_angles
from .semseg import accuracy_per_class, confusion_matrix, iou_per_class, semseg_scores

__all__ = [
    "DEPTH_METRICS",
    "accuracy_per_class",
    "angle_histogram",
    "confusion_matrix",
    "depth_errors",
    "distance_errors",
    "distance_sums",
    "histogram_median",
    "iou_per_class",
    "mtan_errors",
    "normal_angles",
    "semseg_scores",
]
