"""Maps as colours: palettes, painters, keys; and maps in small files."""

from .colors import (
    DEPTH_COLORMAP,
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
from .maps import TaskMaps, as_array, load_maps, sample_maps, save_maps
from .painters import Bar, Key, Row, Style, depth_range, paint_row, register_painter

__all__ = [
    "DEPTH_COLORMAP",
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
    "depth_range",
    "load_maps",
    "overlay_colors",
    "paint_row",
    "register_painter",
    "sample_maps",
    "save_maps",
]
