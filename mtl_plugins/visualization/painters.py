"""Painting the maps of a task: pictures, scores and colour keys, before any layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from matplotlib.colors import Normalize

from ..errors import ConfigError
from ..evaluation import confusion_matrix, depth_errors, normal_angles, semseg_scores
from ..targets import DENSE_TARGETS, DEPTH, IGNORE_LABEL, NO_DEPTH, NORMALS, SEMSEG
from .colors import (
    DEPTH_COLORMAP,
    ERROR_COLORMAP,
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    RGB,
    RIGHT_COLOR,
    WRONG_COLOR,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_normals,
    colorize_semseg_error,
    default_palette,
    depth_norm,
    paint_values,
)
from .maps import TaskMaps

VALUE_COLORMAP = "cividis"

DIRECTIONS: dict[str, tuple[int, int, int]] = {
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "to the camera": (0, 0, -1),
}
"""Normals of surfaces that face these directions, shown in the key of the colours."""


@dataclass(frozen=True)
class Style:
    """Options for painting maps.

    Args:
        classes: names of the classes.
        palette: R, G, B in 0..255 of each class.
        ignore_label: class id of pixels without truth.
        depth_unit: shown beside depths; not every data set is metric.
        depth_log: scale the logarithm of depth.
        depth_percentiles: percentiles of the true depths that the colours span, see `depth_range`.
        depth_range: depths of the first and the last colour, instead of percentiles, to make
            several pictures comparable.
        worst_depth_error: relative error of the last colour.
        worst_angle: angle between normals of the last colour, degrees.
    """

    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    ignore_label: int = IGNORE_LABEL
    depth_unit: str = "m"
    depth_log: bool = False
    depth_percentiles: tuple[float, float] = (2.0, 98.0)
    depth_range: tuple[float, float] | None = None
    worst_depth_error: float = 0.5
    worst_angle: float = 60.0


@dataclass(frozen=True)
class Bar:
    """A colour bar: its scale, colour map and caption."""

    norm: Normalize
    colormap: str
    caption: str


@dataclass(frozen=True)
class Key:
    """Explanation of a picture's colours: named swatches, a colour bar or both."""

    swatches: Sequence[tuple[str, RGB]] = field(default_factory=tuple)
    bar: Bar | None = None


@dataclass(frozen=True)
class Row:
    """The painted maps of a task: pictures (H,W,3 uint8, or None), scores as text, and two keys.

    `key` explains truth and prediction, `error_key` the error.
    """

    name: str
    truth: np.ndarray | None
    prediction: np.ndarray | None
    error: np.ndarray | None
    scores: str
    key: Key
    error_key: Key


def class_style(meta: Mapping[str, Any]) -> tuple[Sequence[str], Sequence, str]:
    """Return the classes' names, their RGB colours and the unit of depth from a metainfo."""
    classes = meta.get("classes") or ()
    palette = meta.get("palette") or default_palette(len(classes))
    return classes, palette, meta.get("depth_unit", "m")


def paint_row(maps: TaskMaps, style: Style) -> Row:
    """Paint the maps of a task with the painter of their kind.

    Equal values of truth and prediction have equal colours. There is an error where both maps
    are given.
    """
    return PAINTERS.get(maps.kind, paint_any)(maps, style)


def depth_range(maps: TaskMaps, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the range of depth that the colours of truth and prediction span.

    Args:
        maps: truth, prediction or both.
        percentiles: of the truth's valid pixels; without any, of the prediction's.

    Returns:
        Near and far, near < far; 1 and 2 where no map has a valid depth.

    >>> depth_range(TaskMaps("depth", truth=np.array([[0.0, 2.0, 4.0]])), (0, 100))
    (2.0, 4.0)
    """
    for depth in (maps.truth, maps.prediction):
        if depth is None:
            continue
        valid = depth[_has_depth(depth)]
        if valid.size:
            near, far = (float(value) for value in np.percentile(valid, percentiles))
            # A wall at one distance still needs a scale.
            return near, max(far, near * 1.01)
    return 1.0, 2.0


def paint_semseg(maps: TaskMaps, style: Style) -> Row:
    """Paint class ids in the colours of the palette, and right and wrong pixels."""
    present = np.unique(np.stack(maps.known)).tolist()
    ignored = [("ignored", IGNORE_COLOR)] if style.ignore_label in present else []
    # An id without a colour is reported when it is painted.
    ids = [i for i in present if 0 <= i < len(style.palette) and i != style.ignore_label]

    def paint(labels: np.ndarray) -> np.ndarray:
        return colorize_labels(labels, style.palette, style.ignore_label)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        scores = _semseg_scores(prediction, truth, style)
        return colorize_semseg_error(prediction, truth, style.ignore_label), scores

    key = Key([*((style.classes[i], tuple(style.palette[i])) for i in ids), *ignored])
    error_key = Key([("right", RIGHT_COLOR), ("wrong", WRONG_COLOR), *ignored])
    return _row(maps, "semantic segmentation", paint, compare, key, error_key)


def paint_depth(maps: TaskMaps, style: Style) -> Row:
    """Paint truth and prediction by one colour map, and their relative error."""
    near_far = style.depth_range or depth_range(maps, style.depth_percentiles)
    norm = depth_norm(*near_far, style.depth_log)
    error_norm = depth_norm(0.0, style.worst_depth_error)
    measured = all(_has_depth(depth).all() for depth in maps.known)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        colors = colorize_depth_error(prediction, truth, error_norm)
        return colors, _depth_scores(prediction, truth)

    bar = Bar(norm, DEPTH_COLORMAP, f"depth [{style.depth_unit}]")
    key = Key([] if measured else [("not measured", INVALID_COLOR)], bar)
    error_key = Key((), Bar(error_norm, ERROR_COLORMAP, "|prediction - truth| / truth"))
    return _row(maps, "depth", lambda depth: colorize_depth(depth, norm), compare, key, error_key)


def paint_normals(maps: TaskMaps, style: Style) -> Row:
    """Paint truth and prediction by direction, and the angle between them."""
    norm = Normalize(0.0, style.worst_angle, clip=True)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        valid = np.asarray(truth.any(-1))
        angles = np.full(valid.shape, style.worst_angle)
        scores = "no pixel with a normal"
        # Draw a broken prediction instead of raising: the picture shows where it is broken.
        if not np.isfinite(prediction).all():
            scores = "prediction is not finite"
        elif valid.any():
            pair = (torch.from_numpy(np.moveaxis(m, 2, 0).copy()) for m in (prediction, truth))
            found = normal_angles(*pair).numpy()
            angles[valid] = found
            scores = f"mean {found.mean():.1f}, median {np.median(found):.1f} degrees"
        return paint_values(angles, valid, norm, ERROR_COLORMAP), scores

    complete = all(normals.any(-1).all() for normals in maps.known)
    gaps = [] if complete else [("no normal", NO_NORMAL_COLOR)]
    faces = np.array(list(DIRECTIONS.values()), float)[None]
    swatches = zip(DIRECTIONS, map(tuple, colorize_normals(faces)[0].tolist()), strict=True)
    error_key = Key((), Bar(norm, ERROR_COLORMAP, "angle [degrees]"))
    key = Key([*swatches, *gaps])
    return _row(maps, "surface normals", colorize_normals, compare, key, error_key)


def _row(
    maps: TaskMaps,
    name: str,
    paint: Callable[[np.ndarray], np.ndarray],
    compare: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, str]],
    key: Key,
    error_key: Key,
) -> Row:
    """Paint the maps that exist; compare prediction and truth (error, scores) if both do."""
    truth, prediction = (None if m is None else paint(m) for m in (maps.truth, maps.prediction))
    error, scores = None, ""
    if maps.prediction is not None and maps.truth is not None:
        error, scores = compare(maps.prediction, maps.truth)
    return Row(maps.name or name, truth, prediction, error, scores, key, error_key)


def paint_any(maps: TaskMaps, style: Style) -> Row:
    """Paint values (vectors by their length) by one colour map, invalid pixels grey.

    Truth and prediction share the colours of the truth's valid range (the prediction's where
    there is no truth). The error is the length of the difference, up to half of that range.
    """
    invalid = DENSE_TARGETS[maps.kind].invalid
    parts = [part for part in ("truth", "prediction") if getattr(maps, part) is not None]
    known = dict(zip(parts, maps.known, strict=True))
    lengths = {part: _length(values) for part, values in known.items()}
    valid = {part: np.isfinite(length) for part, length in lengths.items()}
    # Only in the truth does the invalid value mean "unknown"; a prediction may be equal to it.
    if "truth" in known:
        valid["truth"] &= np.not_equal(known["truth"], invalid).reshape(*maps.shape, -1).any(-1)
    first = next(iter(known))
    low, high = _value_range(lengths[first][valid[first]], style.depth_percentiles)
    norm = Normalize(low, high, clip=True)
    error_norm = Normalize(0.0, (high - low) / 2, clip=True)
    error, scores = None, ""
    if len(known) == 2:
        counted = valid["truth"] & valid["prediction"]
        errors = np.full(maps.shape, error_norm.vmax)
        errors[counted] = _length(known["prediction"] - known["truth"])[counted]
        error = paint_values(errors, valid["truth"], error_norm, ERROR_COLORMAP)
        scores = f"mean error {errors[counted].mean():.4g}" if counted.any() else "no valid pixel"
    colors = {
        part: paint_values(np.where(seen, lengths[part], low), seen, norm, VALUE_COLORMAP)
        for part, seen in valid.items()
    }
    gaps = [] if all(each.all() for each in valid.values()) else [("invalid", INVALID_COLOR)]
    name = maps.name or maps.kind
    key = Key(gaps, Bar(norm, VALUE_COLORMAP, name))
    error_key = Key((), Bar(error_norm, ERROR_COLORMAP, "|prediction - truth|"))
    pictures = colors.get("truth"), colors.get("prediction"), error
    return Row(name, *pictures, scores, key, error_key)


Painter = Callable[[TaskMaps, Style], Row]
"""Function that paints truth and prediction of a task, one of which may be missing."""

PAINTERS: dict[str, Painter] = {
    SEMSEG.kind: paint_semseg,
    DEPTH.kind: paint_depth,
    NORMALS.kind: paint_normals,
}
"""Painters by kind; `paint_any` paints every other kind."""


def register_painter(kind: str, painter: Painter) -> Painter:
    """Register the painter of a kind for panels, contact sheets, reports and videos.

    Raises:
        ConfigError: the kind is unknown, or has a painter already.
    """
    if PAINTERS.get(kind, painter) is not painter or kind not in DENSE_TARGETS:
        state = "has a painter already" if kind in PAINTERS else "is not registered"
        raise ConfigError(f"The kind {kind!r} {state}. Call register_target for a kind of yours.")
    PAINTERS[kind] = painter
    return painter


def _semseg_scores(prediction: np.ndarray, truth: np.ndarray, style: Style) -> str:
    counted = truth != style.ignore_label
    if not counted.any():
        return "no labelled pixel"
    guess, true = (torch.from_numpy(m[counted].astype(int)) for m in (prediction, truth))
    scores = semseg_scores(confusion_matrix(guess, true, len(style.classes), style.ignore_label))
    return f"mIoU {scores['mIoU']:.1f}, accuracy {scores['aAcc']:.1f} %"


def _depth_scores(prediction: np.ndarray, truth: np.ndarray) -> str:
    measured = _has_depth(truth)
    if not measured.any():
        return "no measured pixel"
    guess, metres = prediction[measured], truth[measured]
    errors = None
    # Draw a broken prediction instead of raising: the picture shows where it is broken.
    if np.isfinite(guess).all():
        errors = depth_errors(torch.from_numpy(guess), torch.from_numpy(metres))
    if errors is None:
        return "prediction is not finite"
    return f"abs_rel {errors['abs_rel']:.3f}, SI-logRMSE {errors['si_log_rmse']:.1f}"


def _has_depth(depth: np.ndarray) -> np.ndarray:
    return np.isfinite(depth) & (depth > NO_DEPTH)


def _length(values: np.ndarray) -> np.ndarray:
    """Return H,W of H,W or H,W,C."""
    return values if values.ndim == 2 else np.linalg.norm(values, axis=-1)


def _value_range(values: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the values of the first and the last colour; they differ."""
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, percentiles))
    # A map of one value still needs a scale.
    return low, high if high > low else low + max(abs(low), 1.0) * 0.01
