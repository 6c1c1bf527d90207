"""Colours of class ids, depths, normals and errors."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm, Normalize, hsv_to_rgb

from ..targets import IGNORE_LABEL, NO_DEPTH

RGB = tuple[int, int, int]

IGNORE_COLOR: RGB = (255, 255, 255)
"""Pixel without a class: white, which no street or indoor palette uses."""

INVALID_COLOR: RGB = (150, 150, 150)
"""Pixel without depth: a grey far from every colour of the colour maps below."""

NO_NORMAL_COLOR: RGB = (0, 0, 0)
"""Pixel without a normal: the one colour that no unit vector has."""

RIGHT_COLOR: RGB = (44, 62, 92)
WRONG_COLOR: RGB = (235, 98, 28)
"""Right and wrong class: a blue and an orange that colour-blind people can distinguish."""

NO_COLOR: RGB = (44, 62, 92)
YES_COLOR: RGB = (240, 180, 40)
"""0 and 1 of a binary map; in its errors, pixels where both maps agree on 0 and on 1."""

MISS_COLOR: RGB = (205, 75, 0)
FALSE_ALARM_COLOR: RGB = (115, 200, 250)
"""A 1 that was predicted as 0, and a 0 that was predicted as 1. Colour-blind people can distinguish
all four, and white."""

DEPTH_COLORMAP = "magma_r"
VALUE_COLORMAP = "plasma"
ERROR_COLORMAP = "viridis"


def default_palette(num_classes: int) -> list[RGB]:
    """Return colours for classes without a palette: hues a golden angle apart, always the same.

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


def colorize_labels(
    labels: np.ndarray, palette: Sequence[Sequence[int]], ignore_label: int = IGNORE_LABEL
) -> np.ndarray:
    """Paint H,W class ids in the classes' colours (R, G, B in 0..255), as H,W,3 uint8.

    Pixels of `ignore_label` have no class and get `IGNORE_COLOR`.

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
    """Paint H,W class ids in `RIGHT_COLOR`, `WRONG_COLOR` and `IGNORE_COLOR`, as H,W,3 uint8."""
    colors = np.where((prediction == truth)[..., None], RIGHT_COLOR, WRONG_COLOR).astype(np.uint8)
    colors[truth == ignore_label] = IGNORE_COLOR
    return colors


def colorize_binary(values: np.ndarray) -> np.ndarray:
    """Paint H,W values 0 and 1 in `NO_COLOR` and `YES_COLOR`, others as without truth.

    >>> colorize_binary(np.array([[0, 1, 255]])).tolist()
    [[[44, 62, 92], [240, 180, 40], [255, 255, 255]]]
    """
    colors = np.full((*values.shape, 3), IGNORE_COLOR, np.uint8)
    colors[values == 0] = NO_COLOR
    colors[values == 1] = YES_COLOR
    return colors


def colorize_binary_error(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Paint hits, misses, false alarms and right 0s of two binary maps, H,W, as H,W,3 uint8."""
    colors = colorize_binary(truth)
    colors[(truth == 1) & (prediction != 1)] = MISS_COLOR
    colors[(truth == 0) & (prediction != 0)] = FALSE_ALARM_COLOR
    return colors


def depth_norm(near: float, far: float, log: bool = False) -> Normalize:
    """Return the scale from depth to colour, for a map and its colour bar; near < far.

    With `log`, it scales the logarithm of depth, which needs near > 0.

    >>> float(depth_norm(1, 100, log=True)(10))
    0.5
    """
    return (LogNorm if log else Normalize)(near, far, clip=True)


def colorize_depth(
    depth: np.ndarray, norm: Normalize, colormap: str = DEPTH_COLORMAP
) -> np.ndarray:
    """Paint H,W depth by a colour map of matplotlib, as H,W,3 uint8.

    Pixels of 0, negative, nan and infinite values have no depth and get `INVALID_COLOR`. Depths
    beyond the ends of the scale (see `depth_norm`) are clipped.

    >>> colorize_depth(np.array([[0.0]]), depth_norm(1, 80)).tolist()
    [[[150, 150, 150]]]
    """
    valid = np.isfinite(depth) & (depth > NO_DEPTH)
    return paint_values(np.where(valid, depth, norm.vmin or 0.0), valid, norm, colormap)


def colorize_depth_error(
    prediction: np.ndarray, truth: np.ndarray, norm: Normalize, colormap: str = ERROR_COLORMAP
) -> np.ndarray:
    """Paint |prediction - truth| / truth of H,W metres, as H,W,3 uint8.

    A prediction that is nan or infinite counts as the largest error of the scale. Pixels without
    true depth get `INVALID_COLOR`.
    """
    valid = np.isfinite(truth) & (truth > NO_DEPTH)
    error = np.full(truth.shape, norm.vmax, dtype=float)
    known = valid & np.isfinite(prediction)
    error[known] = np.abs(prediction[known] - truth[known]) / truth[known]
    return paint_values(error, valid, norm, colormap)


def paint_values(
    values: np.ndarray, valid: np.ndarray, norm: Normalize, colormap: str
) -> np.ndarray:
    """Paint H,W values by a colour map and invalid ones in `INVALID_COLOR`."""
    colors = matplotlib.colormaps[colormap](norm(values), bytes=True)[..., :3].copy()
    colors[~valid] = INVALID_COLOR
    return colors


def colorize_normals(normals: np.ndarray) -> np.ndarray:
    """Paint H,W,3 unit vectors as (x + 1) / 2, (y + 1) / 2, (z + 1) / 2, as H,W,3 uint8 RGB.

    Vectors of zeros or with a nan are pixels without a normal and get `NO_NORMAL_COLOR`.

    >>> colorize_normals(np.array([[[0.0, -1.0, 0.0], [0.0, 0.0, 0.0]]])).tolist()
    [[[128, 0, 128], [0, 0, 0]]]
    """
    valid = np.isfinite(normals).all(-1) & normals.any(-1)
    scaled = np.where(valid[..., None], normals, 0.0)
    colors = np.rint((scaled.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    colors[~valid] = NO_NORMAL_COLOR
    return colors


def colorize_offsets(offsets: np.ndarray, longest: float) -> np.ndarray:
    """Paint H,W,2 vectors by direction (hue) and length (saturation), as H,W,3 uint8.

    A vector of length 0 is white; from `longest` (above 0) on, colours are saturated. Vectors with
    a nan or infinity get `INVALID_COLOR`.

    >>> colorize_offsets(np.array([[[9.0, 0.0], [-5.0, 0.0], [0.0, 0.0]]]), longest=5).tolist()
    [[[255, 0, 0], [0, 255, 255], [255, 255, 255]]]
    """
    valid = np.isfinite(offsets).all(-1)
    x, y = np.moveaxis(np.where(valid[..., None], offsets, 0).astype(float), -1, 0)
    hue = np.arctan2(y, x) / (2 * np.pi) % 1
    saturation = np.clip(np.hypot(x, y) / longest, 0, 1)
    channels = hsv_to_rgb(np.stack([hue, saturation, np.ones_like(hue)], axis=-1))
    colors = np.rint(255 * channels).astype(np.uint8)
    colors[~valid] = INVALID_COLOR
    return colors


def offset_wheel(size: int) -> np.ndarray:
    """Draw the key of `colorize_offsets`: each pixel of a disc has the colour of its direction.

    Returns:
        size,size,3 uint8; white around the disc.
    """
    place = (np.arange(size) + 0.5) / size * 2 - 1
    vectors = np.stack(np.meshgrid(place, place), axis=-1)
    colors = colorize_offsets(vectors, 1.0)
    colors[np.linalg.norm(vectors, axis=-1) > 1] = 255
    return colors


def overlay_colors(image: np.ndarray, colors: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Blend two H,W,3 uint8 pictures of one channel order; `opacity` is that of the colours, 0..1.

    >>> red = np.full((1, 1, 3), (200, 0, 0), np.uint8)
    >>> overlay_colors(np.full((1, 1, 3), 100, np.uint8), red, opacity=0.25).tolist()
    [[[125, 75, 75]]]
    """
    mixed = (1 - opacity) * image.astype(np.float32) + opacity * colors.astype(np.float32)
    return np.rint(mixed).astype(np.uint8)
