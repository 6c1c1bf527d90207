"""Compare configs step by step, over several seeds."""

from .report import write_report
from .runs import Ladder, Run
from .steps import Spread, difference, is_larger, spread_of
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
