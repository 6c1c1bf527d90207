"""One HTML file that compares runs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .balance import balance_report, balance_table
from .details import Details
from .metrics_table import metrics_table, show_metrics
from .results import write_results
from .run_record import RunRecord, read_runs

if TYPE_CHECKING:
    from .page import render_page, write_page

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


def __getattr__(name: str) -> Any:
    """Import the page, and with it Jinja, when it is asked for."""
    if name in ("render_page", "write_page"):
        return getattr(import_module(".page", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
