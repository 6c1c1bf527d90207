"""One HTML file that compares runs."""

from .balance import balance_report, balance_table
from .details import Details
from .metrics_table import metrics_table, show_metrics
from .page import render_page, write_page
from .results import write_results
from .run_record import RunRecord, read_runs

__all__ = [
    "Details",
    "RunRecord",
    "balance_report",
    "balance_table",
    "metrics_table",
    "read_runs",
    "render_page",
    "show_metrics",
    "write_page",
    "write_results",
]
