"""Pictures: painted maps, and panels of image | truth | prediction | error."""

from typing import Any

from ..install import moved_attribute
from .painting import (
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    Style,
    TaskMaps,
    as_array,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_normals,
    colorize_semseg_error,
    default_palette,
    depth_norm,
    depth_range,
    load_maps,
    overlay_colors,
    paint_row,
    register_painter,
    sample_maps,
    save_maps,
)
from .sheets import depth_picture, draw_panel, draw_sample

__all__ = [
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "NO_NORMAL_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "Style",
    "TaskMaps",
    "as_array",
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
