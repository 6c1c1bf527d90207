"""How surface normals and their errors are painted."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.colors import Normalize

from ...evaluation import normal_angles
from .colors import ERROR_COLORMAP, RGB, paint_values
from .rows import Bar, Key, Row, Style, TaskMaps

NO_NORMAL_COLOR: RGB = (0, 0, 0)
"""A pixel without a normal: the one colour that no unit vector has."""

DIRECTIONS: dict[str, tuple[int, int, int]] = {
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "to the camera": (0, 0, -1),
}
"""What a surface faces, and its normal: the key of the colours."""


def colorize_normals(normals: np.ndarray) -> np.ndarray:
    """Paint unit vectors as red, green, blue = (x + 1) / 2, (y + 1) / 2, (z + 1) / 2.

    Args:
        normals: H,W,3; 0 and nan are pixels without a normal, black.

    Returns:
        H,W,3 uint8.

    >>> colorize_normals(np.array([[[0.0, -1.0, 0.0], [0.0, 0.0, 0.0]]])).tolist()
    [[[128, 0, 128], [0, 0, 0]]]
    """
    valid = np.isfinite(normals).all(-1) & normals.any(-1)
    scaled = np.where(valid[..., None], normals, 0.0)
    colors = np.rint((scaled.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    colors[~valid] = NO_NORMAL_COLOR
    return colors


def paint_normals(maps: TaskMaps, style: Style) -> Row:
    """Paint truth, prediction and the angle between them."""
    norm = Normalize(0.0, style.worst_angle, clip=True)
    known = maps.known
    error, scores = None, ""
    if len(known) == 2:
        valid = np.asarray(known[0].any(-1))
        # A picture of a broken prediction is worth more than an error about it.
        finite = np.isfinite(known[1]).all()
        angles = np.full(valid.shape, style.worst_angle)
        if finite:
            pair = (torch.from_numpy(np.moveaxis(m, 2, 0).copy()) for m in known[::-1])
            angles[valid] = normal_angles(*pair).numpy()
        error = paint_values(angles, valid, norm, ERROR_COLORMAP)
        scores = _scores(angles[valid]) if finite else "prediction is not finite"
    gaps = [("no normal", NO_NORMAL_COLOR)] if not all(m.any(-1).all() for m in known) else []
    faces = np.array(list(DIRECTIONS.values()), float)[None]
    swatches = zip(DIRECTIONS, map(tuple, colorize_normals(faces)[0].tolist()), strict=True)
    return Row(
        name=maps.name or "surface normals",
        truth=None if maps.truth is None else colorize_normals(maps.truth),
        prediction=None if maps.prediction is None else colorize_normals(maps.prediction),
        error=error,
        scores=scores,
        key=Key([*swatches, *gaps]),
        error_key=Key((), Bar(norm, ERROR_COLORMAP, "angle [degrees]")),
    )


def _scores(angles: np.ndarray) -> str:
    if not angles.size:
        return "no pixel with a normal"
    return f"mean {angles.mean():.1f}, median {np.median(angles):.1f} degrees"
