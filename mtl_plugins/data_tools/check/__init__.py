"""Walking the data of a config: every problem with its file, and what the data is like."""

from .check import check_data
from .findings import DataCheck, Finding
from .report import report_data_check

__all__ = ["DataCheck", "Finding", "check_data", "report_data_check"]
