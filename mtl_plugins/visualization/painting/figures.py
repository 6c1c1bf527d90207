"""Empty figures of matplotlib, whose slow parts are imported when the first one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: int, height: int, dpi: int) -> Figure:
    """Return an empty figure of a size in pixels.

    >>> as_pixels(new_figure(30, 20, 100)).shape
    (20, 30, 3)
    """
    # A training that starts draws nothing, and need not wait for these.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / dpi, height / dpi), dpi=dpi)
    FigureCanvasAgg(figure)
    return figure


def as_pixels(figure: Figure) -> np.ndarray:
    """Return a figure as it looks, H,W,3 uint8 RGB."""
    canvas: Any = figure.canvas  # Agg's, which has pixels
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
