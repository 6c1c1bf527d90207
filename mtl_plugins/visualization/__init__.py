"""Pictures: image | truth | prediction | error panels, and the hook that draws them."""

from .chosen_images_hook import ChosenImagesHook, sample_maps
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
from .panel_hook import PanelHook
from .panels import draw_panel
from .rows import Style, TaskMaps, as_array
from .sample_panel import draw_sample

__all__ = [
    "IGNORE_COLOR",
    "INVALID_COLOR",
    "NO_NORMAL_COLOR",
    "RIGHT_COLOR",
    "WRONG_COLOR",
    "ChosenImagesHook",
    "PanelHook",
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
