"""Tools for the data of a config: pictures of samples, depth statistics, packing."""

from .browse import browse_data, seen_samples
from .depth_statistics import (
    DepthStatistics,
    measure_depth,
    report_depth_statistics,
    split_depth_statistics,
)
from .packing_report import folder_bytes, report_packing

__all__ = [
    "DepthStatistics",
    "browse_data",
    "folder_bytes",
    "measure_depth",
    "report_depth_statistics",
    "report_packing",
    "seen_samples",
    "split_depth_statistics",
]
