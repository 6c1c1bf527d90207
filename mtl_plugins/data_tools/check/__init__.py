"""Checking the data of a config: problems with their files, statistics, contact sheets."""

from .check import check_data
from .findings import DataCheck, Finding
from .report import report_data_check

__all__ = ["DataCheck", "Finding", "check_data", "report_data_check"]
