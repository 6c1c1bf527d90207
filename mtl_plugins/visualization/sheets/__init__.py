"""Panels and contact sheets: grids of titled pictures."""

from .contact_sheet import SheetSample, draw_sheet
from .panels import depth_picture, draw_panel, draw_sample

__all__ = ["SheetSample", "depth_picture", "draw_panel", "draw_sample", "draw_sheet"]
