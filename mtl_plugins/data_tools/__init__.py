"""Tools for the data of a config: checks, pictures of samples, depth statistics, packing."""

from .browse import browse_data, seen_samples
from .check import check_data
from .check_report import report_data_check
from .depth_statistics import (
    DepthStatistics,
    measure_depth,
    report_depth_statistics,
    split_depth_statistics,
)
from .findings import DataCheck, Finding
from .glance import glance, suspicious
from .packing_report import folder_bytes, report_packing

__all__ = [
    "DataCheck",
    "DepthStatistics",
    "Finding",
    "browse_data",
    "check_data",
    "folder_bytes",
    "glance",
    "measure_depth",
    "report_data_check",
    "report_depth_statistics",
    "report_packing",
    "seen_samples",
    "split_depth_statistics",
    "suspicious",
]
