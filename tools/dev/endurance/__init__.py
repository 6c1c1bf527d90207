"""Kill trainings, and train for long."""

from .kill_test import kill_test, show_kill_report
from .run_difference import run_differences
from .soak import report_soak, soak

__all__ = ["kill_test", "report_soak", "run_differences", "show_kill_report", "soak"]
