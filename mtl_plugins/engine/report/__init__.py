"""Compare runs in one HTML page."""

from .page import render_page, write_page
from .run_record import RunRecord, read_runs

__all__ = ["RunRecord", "read_runs", "render_page", "write_page"]
