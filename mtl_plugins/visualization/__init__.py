"""Pictures: painted maps, and panels of image | truth | prediction | error."""

from typing import Any

from ..install import moved_attribute
from .colors import (
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_normals,
    colorize_semseg_error,
    default_palette,
    depth_norm,
    overlay_colors,
)
from .contact_sheet import SheetSample, draw_sheet
from .maps import TaskMaps, as_array, load_maps, sample_maps, save_maps
from .painters import Bar, Key, Style, class_style, depth_range, paint_row, register_painter
from .panels import depth_picture, draw_panel, draw_sample

__all__ = [
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "NO_NORMAL_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "Bar",
    "Key",
    "SheetSample",
    "Style",
    "TaskMaps",
    "as_array",
    "class_style",
    "colorize_depth",
    "colorize_depth_error",
    "colorize_labels",
    "colorize_normals",
    "colorize_semseg_error",
    "default_palette",
    "depth_norm",
    "depth_picture",
    "depth_range",
    "draw_panel",
    "draw_sample",
    "draw_sheet",
    "load_maps",
    "overlay_colors",
    "paint_row",
    "register_painter",
    "sample_maps",
    "save_maps",
]


def __getattr__(name: str) -> Any:
    """Return a name that has moved since version 0.1."""
    return moved_attribute(__name__, name)
