"""Pictures: painted maps, and panels of image | truth | prediction | error."""

from typing import Any

from ..install import moved_attribute
from .class_painters import named_classes
from .colors import (
    FALSE_ALARM_COLOR,
    IGNORE_COLOR,
    INVALID_COLOR,
    MISS_COLOR,
    NO_COLOR,
    NO_NORMAL_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    YES_COLOR,
    colorize_binary,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_normals,
    colorize_offsets,
    colorize_semseg_error,
    default_palette,
    depth_norm,
    offset_wheel,
    overlay_colors,
)
from .contact_sheet import SheetSample, draw_sheet
from .maps import TaskMaps, as_array, load_maps, ordered, sample_maps, sample_targets, save_maps
from .painted import Bar, Key, Style, title_of
from .painters import paint_row
from .panels import depth_picture, draw_panel, draw_sample
from .text import FONTS
from .value_painters import depth_range

__all__ = [
    "FALSE_ALARM_COLOR",
    "FONTS",
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "MISS_COLOR",
    "NO_COLOR",
    "NO_NORMAL_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "YES_COLOR",
    "Bar",
    "Key",
    "SheetSample",
    "Style",
    "TaskMaps",
    "as_array",
    "colorize_binary",
    "colorize_depth",
    "colorize_depth_error",
    "colorize_labels",
    "colorize_normals",
    "colorize_offsets",
    "colorize_semseg_error",
    "default_palette",
    "depth_norm",
    "depth_picture",
    "depth_range",
    "draw_panel",
    "draw_sample",
    "draw_sheet",
    "load_maps",
    "named_classes",
    "offset_wheel",
    "ordered",
    "overlay_colors",
    "paint_row",
    "sample_maps",
    "sample_targets",
    "save_maps",
    "title_of",
]


def __getattr__(name: str) -> Any:
    """Return a name that has moved since version 0.1."""
    return moved_attribute(__name__, name)
