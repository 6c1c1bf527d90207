"""Colours of classes laid over the image that they were predicted from."""

from __future__ import annotations

import numpy as np


def overlay_colors(image: np.ndarray, colors: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Mix an image with colours of its size.

    Args:
        image, colors: H,W,3 uint8, in the same order of channels.
        opacity: share of the colours, 0 to 1.

    Returns:
        H,W,3 uint8.

    >>> red = np.full((1, 1, 3), (200, 0, 0), np.uint8)
    >>> overlay_colors(np.full((1, 1, 3), 100, np.uint8), red, opacity=0.25).tolist()
    [[[125, 75, 75]]]
    """
    mixed = (1 - opacity) * image.astype(np.float32) + opacity * colors.astype(np.float32)
    return np.rint(mixed).astype(np.uint8)
