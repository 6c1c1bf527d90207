"""Panels and contact sheets."""

from .contact_sheet import SheetSample, draw_sheet
from .panels import draw_panel
from .sample_panel import draw_sample

__all__ = ["SheetSample", "draw_panel", "draw_sample", "draw_sheet"]
