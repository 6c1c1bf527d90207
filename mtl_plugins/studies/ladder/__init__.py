"""Comparing configs step by step, over several seeds."""

from ..run import Run
from ..statistics import Spread, difference, is_larger, spread_of
from .report import write_report
from .runs import Ladder
from .study import study

__all__ = [
    "Ladder",
    "Run",
    "Spread",
    "difference",
    "is_larger",
    "spread_of",
    "study",
    "write_report",
]
