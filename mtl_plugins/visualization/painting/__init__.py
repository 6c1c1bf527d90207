"""Maps as colours, and the rows of a panel."""

from .colors import (
    IGNORE_COLOR,
    INVALID_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_semseg_error,
    default_palette,
    depth_norm,
)
from .depth_picture import depth_picture
from .map_files import load_maps, save_maps
from .normals import NO_NORMAL_COLOR, colorize_normals
from .overlay import overlay_colors
from .painters import depth_range, paint_row, register_painter
from .rows import Bar, Key, Row, Style, TaskMaps, as_array, sample_maps

__all__ = [
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "NO_NORMAL_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "Bar",
    "Key",
    "Row",
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
    "load_maps",
    "overlay_colors",
    "paint_row",
    "register_painter",
    "sample_maps",
    "save_maps",
]
