"""One HTML file that compares runs, and the tables and results of a single run."""

from .details import Details
from .page import render_page, write_page
from .run_record import RunRecord, read_runs
from .summary import (
    balance_report,
    balance_table,
    metrics_table,
    show_metrics,
    write_image_scores,
    write_results,
)

__all__ = [
    "Details",
    "RunRecord",
    "balance_report",
    "balance_table",
    "metrics_table",
    "read_runs",
    "render_page",
    "show_metrics",
    "write_image_scores",
    "write_page",
    "write_results",
]
