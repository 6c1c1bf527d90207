"""Tools for data: checks, pictures of samples, depth statistics, packing, polygons."""

from .browse import browse_data, seen_samples
from .check import check_data
from .check_report import report_data_check
from .class_weights import RULES, training_weights, weights_of
from .depth_statistics import (
    DepthStatistics,
    measure_depth,
    report_depth_statistics,
    split_depth_statistics,
)
from .findings import DataCheck, Finding
from .glance import glance, suspicious
from .packing_report import folder_bytes, report_packing
from .polygons import Conversion, convert_polygons, report_conversion

__all__ = [
    "RULES",
    "Conversion",
    "DataCheck",
    "DepthStatistics",
    "Finding",
    "browse_data",
    "check_data",
    "convert_polygons",
    "folder_bytes",
    "glance",
    "measure_depth",
    "report_conversion",
    "report_data_check",
    "report_depth_statistics",
    "report_packing",
    "seen_samples",
    "split_depth_statistics",
    "suspicious",
    "training_weights",
    "weights_of",
]
