"""A depth map in colours, with the bar that explains them."""

from __future__ import annotations

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .colors import DEPTH_COLORMAP, colorize_depth
from .figures import as_pixels, new_figure

_DPI = 100
_BAR_HEIGHT = 56
_MARGIN = 24
_NARROWEST = 240


def depth_picture(depth: np.ndarray, norm: Normalize, unit: str = "m") -> np.ndarray:
    """Paint depth pixel by pixel, above a colour bar.

    Args:
        depth: H,W; pixels without depth are grey, see `colorize_depth`.
        norm: scale from `depth_norm`.
        unit: shown beside the bar.

    Returns:
        H+56,W,3 uint8 RGB; a map narrower than 240 pixels stands on a wider, white ground.

    >>> from mtl_plugins.visualization import depth_norm
    >>> depth_picture(np.ones((100, 300)), depth_norm(1, 80)).shape
    (156, 300, 3)
    """
    height, width = depth.shape
    picture = np.full((height + _BAR_HEIGHT, max(width, _NARROWEST), 3), 255, np.uint8)
    picture[:height, :width] = colorize_depth(depth, norm)
    picture[height:] = _bar(picture.shape[1], norm, unit)
    return picture


def _bar(width: int, norm: Normalize, unit: str) -> np.ndarray:
    figure = new_figure(width, _BAR_HEIGHT, _DPI)
    place = (_MARGIN / width, 0.72, 1 - 2 * _MARGIN / width, 0.2)
    bar = figure.colorbar(
        ScalarMappable(norm, DEPTH_COLORMAP),
        cax=figure.add_axes(place),
        orientation="horizontal",
        # Matplotlib's ticks of a logarithm are powers of ten, often a single one.
        ticks=norm.inverse(np.linspace(0, 1, 5)),
        format="%.3g",
    )
    bar.minorticks_off()
    bar.set_label(f"depth [{unit}]", fontsize=8, labelpad=0)
    bar.ax.tick_params(labelsize=8, pad=1)
    return as_pixels(figure)
