"""Trainings that are killed, and trainings that last."""

from .kill_test import kill_test, show_kill_report
from .soak import report_soak, soak

__all__ = ["kill_test", "report_soak", "show_kill_report", "soak"]
