"""Which tasks help and hurt each other: cosines of gradients, and steps for one task alone."""

from .hook import AffinityHook
from .measurement import Measurement, measure_affinity
from .report import affinity_rows, affinity_table, verdict, write_report
from .study import study_affinity

__all__ = [
    "AffinityHook",
    "Measurement",
    "affinity_rows",
    "affinity_table",
    "measure_affinity",
    "study_affinity",
    "verdict",
    "write_report",
]
