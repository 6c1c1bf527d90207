"""Benchmarks: every row compares us with something, in turns, and has a goal where it can."""

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
