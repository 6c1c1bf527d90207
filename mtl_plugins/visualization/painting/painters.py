"""From the maps of a task to the row of pictures that shows them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ...errors import ConfigError
from ...evaluation import confusion_matrix, depth_errors, semseg_scores
from ...targets import DENSE_TARGETS, DEPTH, NO_DEPTH, NORMALS, SEMSEG
from .colors import (
    DEPTH_COLORMAP,
    ERROR_COLORMAP,
    IGNORE_COLOR,
    INVALID_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_semseg_error,
    depth_norm,
)
from .normals import paint_normals
from .rows import Bar, Key, Row, Style, TaskMaps
from .values import paint_any


def paint_row(maps: TaskMaps, style: Style) -> Row:
    """Paint the maps of a task in the way of its kind.

    Truth and prediction are painted alike, so equal values have equal colours. The error is
    there where both are.
    """
    return PAINTERS.get(maps.kind, paint_any)(maps, style)


def depth_range(maps: TaskMaps, percentiles: tuple[float, float]) -> tuple[float, float]:
    """The range of depth that truth and prediction share in a picture.

    Args:
        maps: a depth truth, prediction or both.
        percentiles: of the truth's valid pixels; without any, of the prediction's.

    Returns:
        Near and far, near < far; 1 and 2 where no map holds a valid depth.

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


def _paint_semseg(maps: TaskMaps, style: Style) -> Row:
    def paint(labels: np.ndarray | None) -> np.ndarray | None:
        if labels is None:
            return None
        return colorize_labels(labels, style.palette, style.ignore_label)

    known = maps.known
    present = np.unique(np.stack(known)).tolist()
    ignored = [("ignored", IGNORE_COLOR)] if style.ignore_label in present else []
    ids = [i for i in present if i != style.ignore_label]
    both = len(known) == 2
    return Row(
        name=maps.name or "semantic segmentation",
        truth=paint(maps.truth),
        prediction=paint(maps.prediction),
        error=colorize_semseg_error(known[1], known[0], style.ignore_label) if both else None,
        scores=_semseg_scores(known[1], known[0], style) if both else "",
        key=Key([*((style.classes[i], tuple(style.palette[i])) for i in ids), *ignored]),
        error_key=Key([("right", RIGHT_COLOR), ("wrong", WRONG_COLOR), *ignored]),
    )


def _semseg_scores(prediction: np.ndarray, truth: np.ndarray, style: Style) -> str:
    counted = truth != style.ignore_label
    if not counted.any():
        return "no labelled pixel"
    guess, true = (torch.from_numpy(m[counted].astype(int)) for m in (prediction, truth))
    scores = semseg_scores(confusion_matrix(guess, true, len(style.classes), style.ignore_label))
    return f"mIoU {scores['mIoU']:.1f}, accuracy {scores['aAcc']:.1f} %"


def _paint_depth(maps: TaskMaps, style: Style) -> Row:
    near_far = style.depth_range or depth_range(maps, style.depth_percentiles)
    norm = depth_norm(*near_far, style.depth_log)
    error_norm = depth_norm(0.0, style.worst_depth_error)
    known = maps.known
    both = len(known) == 2
    gaps = [("not measured", INVALID_COLOR)] if not all(_has_depth(m).all() for m in known) else []
    return Row(
        name=maps.name or "depth",
        truth=None if maps.truth is None else colorize_depth(maps.truth, norm),
        prediction=None if maps.prediction is None else colorize_depth(maps.prediction, norm),
        error=colorize_depth_error(known[1], known[0], error_norm) if both else None,
        scores=_depth_scores(known[1], known[0]) if both else "",
        key=Key(gaps, Bar(norm, DEPTH_COLORMAP, f"depth [{style.depth_unit}]")),
        error_key=Key((), Bar(error_norm, ERROR_COLORMAP, "|prediction - truth| / truth")),
    )


def _depth_scores(prediction: np.ndarray, truth: np.ndarray) -> str:
    measured = _has_depth(truth)
    if not measured.any():
        return "no measured pixel"
    guess, metres = prediction[measured], truth[measured]
    errors = None
    # A picture of a broken prediction is worth more than an error about it.
    if np.isfinite(guess).all():
        errors = depth_errors(torch.from_numpy(guess), torch.from_numpy(metres))
    if errors is None:
        return "prediction is not finite"
    return f"abs_rel {errors['abs_rel']:.3f}, SI-logRMSE {errors['si_log_rmse']:.1f}"


def _has_depth(depth: np.ndarray) -> np.ndarray:
    return np.isfinite(depth) & (depth > NO_DEPTH)


Painter = Callable[[TaskMaps, Style], Row]
"""From truth and prediction of a task, one of which may be missing, to the row that shows them."""

PAINTERS: dict[str, Painter] = {
    SEMSEG.kind: _paint_semseg,
    DEPTH.kind: _paint_depth,
    NORMALS.kind: paint_normals,
}
"""How the maps of a kind become a row, where `paint_any` does not do it."""


def register_painter(kind: str, painter: Painter) -> Painter:
    """Say how a registered kind is painted in panels, contact sheets, reports and videos.

    Raises:
        ConfigError: the kind is unknown, or has a painter already.
    """
    if PAINTERS.get(kind, painter) is not painter or kind not in DENSE_TARGETS:
        state = "has a painter already" if kind in PAINTERS else "is not registered"
        raise ConfigError(f"The kind {kind!r} {state}. Call register_target for a kind of yours.")
    PAINTERS[kind] = painter
    return painter
