"""Pictures: image | truth | prediction | error panels, and the hook that draws them."""

from mtl_plugins.visualization.colors import (
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
from mtl_plugins.visualization.painters import depth_range, paint_row
from mtl_plugins.visualization.panel_hook import PanelHook
from mtl_plugins.visualization.panels import draw_panel
from mtl_plugins.visualization.rows import Style, TaskMaps

__all__ = [
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "PanelHook",
    "Style",
    "TaskMaps",
    "colorize_depth",
    "colorize_depth_error",
    "colorize_labels",
    "colorize_semseg_error",
    "default_palette",
    "depth_norm",
    "depth_range",
    "draw_panel",
    "paint_row",
]
