"""What can be written of a prediction, as one picture each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...targets import DEPTH, NORMALS, SEMSEG
from ...visualization import (
    Style,
    TaskMaps,
    colorize_depth,
    colorize_labels,
    colorize_normals,
    depth_norm,
    depth_picture,
    depth_range,
    draw_panel,
    overlay_colors,
    paint_row,
)
from ..predictors.prediction import Prediction


class Kind(NamedTuple):
    """A kind of picture: how it is made (H,W or H,W,3 uint8 RGB), and the task that it needs."""

    draw: Callable[[Prediction, Style], np.ndarray]
    needs: str | None = None


def near_far(prediction: Prediction, style: Style) -> tuple[float, float]:
    """Return the depths that colours span: the style's, else those of this prediction."""
    maps = TaskMaps(DEPTH.kind, prediction.depth)
    return style.depth_range or depth_range(maps, style.depth_percentiles)


def panes(prediction: Prediction, style: Style) -> list[np.ndarray]:
    """Return image | classes | depth | normals | others, what there is, each H,W,3 uint8 RGB."""
    found = [prediction.image[..., ::-1]]
    if prediction.semseg is not None:
        found.append(_overlay(prediction, style))
    if prediction.depth is not None:
        norm = depth_norm(*near_far(prediction, style), style.depth_log)
        found.append(colorize_depth(prediction.depth, norm))
    if prediction.normals is not None:
        found.append(colorize_normals(prediction.normals))
    drawn = (SEMSEG.kind, DEPTH.kind, NORMALS.kind)
    for kind in prediction.kinds.values():
        if kind not in drawn:
            row = paint_row(TaskMaps(kind, prediction.needed(kind)), style)
            found += [] if row.prediction is None else [row.prediction]
    return found


def _panel(prediction: Prediction, style: Style) -> np.ndarray:
    maps = [
        TaskMaps(prediction.kinds[task], values, name=task)
        for task, values in prediction.maps.items()
    ]
    return draw_panel(
        np.ascontiguousarray(prediction.image[..., ::-1]),
        maps,
        # A file's name need not be valid Unicode.
        title=prediction.name.encode("utf-8", "replace").decode(),
        **vars(style),
    )


def _overlay(prediction: Prediction, style: Style) -> np.ndarray:
    colors = colorize_labels(prediction.needed(SEMSEG.kind), style.palette, style.ignore_label)
    return overlay_colors(prediction.image[..., ::-1], colors)


def _depth_color(prediction: Prediction, style: Style) -> np.ndarray:
    norm = depth_norm(*near_far(prediction, style), style.depth_log)
    return depth_picture(prediction.needed(DEPTH.kind), norm, style.depth_unit)


PICTURES = {
    "panel": Kind(_panel),
    "overlay": Kind(_overlay, SEMSEG.kind),
    "labels": Kind(lambda prediction, style: prediction.needed(SEMSEG.kind), SEMSEG.kind),
    "depth_color": Kind(_depth_color, DEPTH.kind),
    "normals": Kind(
        lambda prediction, style: colorize_normals(prediction.needed(NORMALS.kind)), NORMALS.kind
    ),
}
"""Every kind of picture but 16-bit depth, by its name, which is also its folder."""
