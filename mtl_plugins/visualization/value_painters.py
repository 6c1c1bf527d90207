"""Painters of numbers and vectors: scalars, distances, directions, offsets."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.colors import Normalize

from ..evaluation import depth_errors, normal_angles
from .colors import (
    DEPTH_COLORMAP,
    ERROR_COLORMAP,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    RGB,
    VALUE_COLORMAP,
    colorize_depth,
    colorize_depth_error,
    colorize_normals,
    colorize_offsets,
    paint_values,
)
from .maps import TaskMaps
from .painted import Bar, Key, Row, Style, painted, value_bar, with_unit

MOST_RATIO = 100.0
"""Largest ratio of the last and the first colour's distance: the range of a sensor may begin far
below all that it sees, and a decade without pixels takes its colours from the others."""

WORST_DISTANCE_ERROR = 0.5
WORST_ANGLE = 60.0
NOT_FINITE = "prediction is not finite"
"""A broken prediction is drawn instead of refused: the picture shows where it is broken."""

DIRECTIONS: dict[str, tuple[int, int, int]] = {
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "to the camera": (0, 0, -1),
}
"""Normals of surfaces that face these directions, shown in the key of the colours."""


def depth_range(maps: TaskMaps, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the distances of the first and the last colour; they differ.

    They are those of the target's range, where it has one, so that all images have equal colours;
    else percentiles of the truth, or of the prediction where no pixel has truth; (1, 2) without
    any.
    """
    if maps.target.range:
        low, high = maps.target.range
        return max(low, high / MOST_RATIO), high
    known = maps.known_values()
    if not known.size:
        return 1.0, 2.0
    near, far = (float(value) for value in np.percentile(known, percentiles))
    # A wall at one distance still needs a scale.
    return near, max(far, near * 1.01)


def paint_distance(maps: TaskMaps, style: Style) -> Row:
    """Paint truth and prediction by one colour map, and their relative error."""
    target = maps.target
    near_far = style.ranges.get(target.name) or depth_range(maps, style.percentiles)
    norm = style.norm(target, *near_far)
    error_norm = style.error_norm(target, WORST_DISTANCE_ERROR)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        colors = colorize_depth_error(prediction, truth, error_norm)
        return colors, _distance_scores(prediction, truth, target.known(truth))

    key = Key(_gaps(maps, "not measured"), value_bar(with_unit(target), norm, DEPTH_COLORMAP))
    error_key = Key((), Bar(error_norm, ERROR_COLORMAP, "|prediction - truth| / truth"))
    return painted(maps, lambda depth: colorize_depth(depth, norm), compare, key, error_key)


def paint_direction(maps: TaskMaps, style: Style) -> Row:
    """Paint truth and prediction by direction, and the angle between them."""
    norm = style.error_norm(maps.target, WORST_ANGLE)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        valid = maps.target.known(truth)
        angles = np.full(valid.shape, norm.vmax or 0.0)
        scores = "no pixel with a normal"
        if not np.isfinite(prediction).all():
            scores = NOT_FINITE
        elif valid.any():
            pair = (torch.from_numpy(np.moveaxis(m, 2, 0).copy()) for m in (prediction, truth))
            found = normal_angles(*pair).numpy()
            angles[valid] = found
            scores = f"mean {found.mean():.1f}, median {np.median(found):.1f} degrees"
        return paint_values(angles, valid, norm, ERROR_COLORMAP), scores

    faces = np.array(list(DIRECTIONS.values()), float)[None]
    swatches = zip(DIRECTIONS, map(tuple, colorize_normals(faces)[0].tolist()), strict=True)
    key = Key([*swatches, *_gaps(maps, "no normal", NO_NORMAL_COLOR)])
    gap = [] if maps.complete else [("no truth", INVALID_COLOR)]
    error_key = Key(gap, Bar(norm, ERROR_COLORMAP, "angle [degrees]"))
    return painted(maps, colorize_normals, compare, key, error_key)


def paint_scalar(maps: TaskMaps, style: Style) -> Row:
    """Paint numbers by one colour map, and their difference, up to half of the colours' span.

    The colours span the target's range, so that all images have equal colours. Without one, they
    span percentiles of the truth, or of the prediction where no pixel has truth.
    """
    target = maps.target
    low, high = style.ranges.get(target.name) or _value_range(maps, style.percentiles)
    norm = style.norm(target, low, high)
    error_norm = style.error_norm(target, (high - low) / 2)

    def paint(values: np.ndarray) -> np.ndarray:
        known = target.known(values)
        return paint_values(np.where(known, values, low), known, norm, VALUE_COLORMAP)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        valid = target.known(truth)
        errors = np.abs(prediction.astype(np.float64) - truth)
        mean, root = _mean(errors[valid]), _mean(np.square(errors[valid])) ** 0.5
        scores = f"mean error {mean:.4g}, RMSE {root:.4g} {target.unit}".rstrip()
        return _paint_errors(errors, valid, error_norm), _unscored(errors[valid]) or scores

    key = Key(_gaps(maps, "no value"), value_bar(with_unit(target), norm, VALUE_COLORMAP))
    unit = f" [{target.unit}]" if target.unit else ""
    error_key = Key((), Bar(error_norm, ERROR_COLORMAP, f"|prediction - truth|{unit}"))
    return painted(maps, paint, compare, key, error_key)


def paint_offset(maps: TaskMaps, style: Style) -> Row:
    """Paint vectors by direction and length, and the distance between their ends, in pixels.

    Colours are saturated from a percentile of the truth's lengths on (of the prediction's where no
    pixel has truth). Errors are shown up to half of that.
    """
    target = maps.target
    longest = style.ranges.get(target.name, (0.0, 0.0))[1] or _longest(maps, style.percentiles[1])
    error_norm = style.error_norm(target, longest / 2)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        valid = target.known(truth)
        errors = np.linalg.norm(prediction.astype(np.float64) - truth, axis=-1)
        scores = f"end-point error {_mean(errors[valid]):.3g} pixels"
        return _paint_errors(errors, valid, error_norm), _unscored(errors[valid]) or scores

    key = Key(_gaps(maps, "no value"), wheel=f"rim: {longest:.3g} pixels or more")
    error_key = Key((), Bar(error_norm, ERROR_COLORMAP, "end-point error [pixels]"))
    return painted(maps, lambda m: colorize_offsets(m, longest), compare, key, error_key)


def _gaps(maps: TaskMaps, name: str, color: RGB = INVALID_COLOR) -> list[tuple[str, RGB]]:
    """Return the swatch of pixels without a value, if there are any."""
    return [] if maps.complete else [(name, color)]


def _paint_errors(errors: np.ndarray, valid: np.ndarray, norm: Normalize) -> np.ndarray:
    """Paint H,W errors; those that are not finite are the largest of the scale."""
    known = np.where(np.isfinite(errors), errors, norm.vmax or 0.0)
    return paint_values(known, valid, norm, ERROR_COLORMAP)


def _unscored(errors: np.ndarray) -> str:
    """Return why errors have no mean; empty if they have one."""
    if not errors.size:
        return "no pixel with truth"
    return "" if np.isfinite(errors).all() else NOT_FINITE


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0


def _value_range(maps: TaskMaps, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the values of the first and the last colour; they differ."""
    if maps.target.range:
        return maps.target.range
    known = maps.known_values()
    if not known.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(known, percentiles))
    # A map of one value still needs a scale.
    return low, high if high > low else low + max(abs(low), 1.0) * 0.01


def _longest(maps: TaskMaps, percentile: float) -> float:
    """Return the length of a saturated colour in pixels, above 0."""
    known = maps.known_values()
    return (float(np.percentile(known, percentile)) if known.size else 0.0) or 1.0


def _distance_scores(prediction: np.ndarray, truth: np.ndarray, measured: np.ndarray) -> str:
    if not measured.any():
        return "no measured pixel"
    guess, true = prediction[measured], truth[measured]
    errors = None
    if np.isfinite(guess).all():
        errors = depth_errors(torch.from_numpy(guess), torch.from_numpy(true))
    if errors is None:
        return NOT_FINITE
    return f"abs_rel {errors['abs_rel']:.3f}, SI-logRMSE {errors['si_log_rmse']:.1f}"
