"""Pictures: image | truth | prediction | error panels, and the hook that draws them."""

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
from .normals import NO_NORMAL_COLOR, colorize_normals
from .overlay import overlay_colors
from .painters import depth_range, paint_row
from .panel_hook import PanelHook
from .panels import draw_panel
from .rows import Style, TaskMaps

__all__ = [
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "NO_NORMAL_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "PanelHook",
    "Style",
    "TaskMaps",
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
    "overlay_colors",
    "paint_row",
]
