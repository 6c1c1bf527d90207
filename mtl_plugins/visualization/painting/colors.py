"""How class ids, depths and errors become colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm, Normalize

from ...targets import IGNORE_LABEL, NO_DEPTH

RGB = tuple[int, int, int]

IGNORE_COLOR: RGB = (255, 255, 255)
"""A pixel without a class: white, which no street or indoor palette uses."""

INVALID_COLOR: RGB = (150, 150, 150)
"""A pixel without depth: a grey that lies far from every colour of the maps below."""

RIGHT_COLOR: RGB = (44, 62, 92)
WRONG_COLOR: RGB = (235, 98, 28)
"""Right and wrong class: a blue and an orange that also the colour-blind tell apart."""

DEPTH_COLORMAP = "magma_r"
ERROR_COLORMAP = "viridis"


def default_palette(num_classes: int) -> list[RGB]:
    """Colours for classes that bring none: hues a golden angle apart, the same every time.

    >>> len(set(default_palette(40)))
    40
    """
    tones = ((0.75, 0.90), (0.55, 0.65), (0.90, 0.55))
    colors = []
    for index in range(num_classes):
        channels = colorsys.hsv_to_rgb(index * 0.618034 % 1, *tones[index % 3])
        red, green, blue = (round(255 * channel) for channel in channels)
        colors.append((red, green, blue))
    return colors


def as_shares(color: RGB) -> tuple[float, float, float]:
    """Return a colour as matplotlib has it.

    >>> as_shares((255, 0, 51))
    (1.0, 0.0, 0.2)
    """
    red, green, blue = color
    return red / 255, green / 255, blue / 255


def colorize_labels(
    labels: np.ndarray, palette: Sequence[Sequence[int]], ignore_label: int = IGNORE_LABEL
) -> np.ndarray:
    """Paint each class in its colour and pixels without a class in `IGNORE_COLOR`.

    Args:
        labels: H,W integer class ids.
        palette: one R, G, B in 0..255 a class.
        ignore_label: class id of pixels without a class.

    Returns:
        H,W,3 uint8.

    Raises:
        ValueError: a class id has no colour.

    >>> colorize_labels(np.array([[0, 255]]), [(128, 64, 128)]).tolist()
    [[[128, 64, 128], [255, 255, 255]]]
    """
    ignored = labels == ignore_label
    known = np.where(ignored, 0, labels)
    if known.min() < 0 or known.max() >= len(palette):
        raise ValueError(
            f"The label map holds class ids {known.min()}..{known.max()}: expected "
            f"0..{len(palette) - 1}, one for each colour of the palette, or {ignore_label}."
        )
    colors = np.asarray(palette, dtype=np.uint8)[known]
    colors[ignored] = IGNORE_COLOR
    return colors


def colorize_semseg_error(
    prediction: np.ndarray, truth: np.ndarray, ignore_label: int = IGNORE_LABEL
) -> np.ndarray:
    """Paint right, wrong and ignored pixels of a label map.

    Args:
        prediction: H,W class ids.
        truth: H,W class ids, `ignore_label` where there is no class.
        ignore_label: class id of pixels without a class.

    Returns:
        H,W,3 uint8 of `RIGHT_COLOR`, `WRONG_COLOR` and `IGNORE_COLOR`.
    """
    colors = np.where((prediction == truth)[..., None], RIGHT_COLOR, WRONG_COLOR).astype(np.uint8)
    colors[truth == ignore_label] = IGNORE_COLOR
    return colors


def depth_norm(near: float, far: float, log: bool = False) -> Normalize:
    """The scale from depth to colour, for the map and for its colour bar alike.

    Args:
        near: depth of the first colour.
        far: depth of the last colour, above `near`.
        log: equal ratios, instead of equal differences, are equally far apart; needs `near` > 0.

    >>> float(depth_norm(1, 100, log=True)(10))
    0.5
    """
    return (LogNorm if log else Normalize)(near, far, clip=True)


def colorize_depth(
    depth: np.ndarray, norm: Normalize, colormap: str = DEPTH_COLORMAP
) -> np.ndarray:
    """Paint depth by a perceptual colour map, and pixels without depth in `INVALID_COLOR`.

    Args:
        depth: H,W; 0, negative, nan and infinite values are pixels without depth.
        norm: scale from `depth_norm`; depths beyond it take the colour of its end.
        colormap: name of a matplotlib colour map.

    Returns:
        H,W,3 uint8.

    >>> colorize_depth(np.array([[0.0]]), depth_norm(1, 80)).tolist()
    [[[150, 150, 150]]]
    """
    valid = np.isfinite(depth) & (depth > NO_DEPTH)
    return paint_values(np.where(valid, depth, norm.vmin or 0.0), valid, norm, colormap)


def colorize_depth_error(
    prediction: np.ndarray, truth: np.ndarray, norm: Normalize, colormap: str = ERROR_COLORMAP
) -> np.ndarray:
    """Paint |prediction - truth| / truth, and pixels without true depth in `INVALID_COLOR`.

    Args:
        prediction: H,W metres; nan or infinite counts as the largest error.
        truth: H,W metres, 0 where nothing was measured.
        norm: scale of the relative error.
        colormap: name of a matplotlib colour map.

    Returns:
        H,W,3 uint8.
    """
    valid = np.isfinite(truth) & (truth > NO_DEPTH)
    error = np.full(truth.shape, norm.vmax, dtype=float)
    known = valid & np.isfinite(prediction)
    error[known] = np.abs(prediction[known] - truth[known]) / truth[known]
    return paint_values(error, valid, norm, colormap)


def paint_values(
    values: np.ndarray, valid: np.ndarray, norm: Normalize, colormap: str
) -> np.ndarray:
    """Paint H,W values by a colour map, and those that are not valid in `INVALID_COLOR`."""
    colors = matplotlib.colormaps[colormap](norm(values), bytes=True)[..., :3].copy()
    colors[~valid] = INVALID_COLOR
    return colors
