"""Benchmarks: each row compares us with a peer or a limit, in turns; most cases have a goal."""

from .measurement import Goal, Measurement
from .report import report
from .row import Case, NotMeasured, Samples, row_names
from .run import run_benchmarks
from .settings import Settings
from .turns import in_turns

__all__ = [
    "Case",
    "Goal",
    "Measurement",
    "NotMeasured",
    "Samples",
    "Settings",
    "in_turns",
    "report",
    "row_names",
    "run_benchmarks",
]
