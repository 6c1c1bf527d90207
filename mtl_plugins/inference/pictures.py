"""Pictures and videos of predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import DataError
from ..targets import DEPTH, NORMALS, SEMSEG
from ..visualization import (
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
from .predictor import Prediction

WIDEST = 3840
"""Pixels; MPEG-4 and most players support little more."""


def near_far(prediction: Prediction, style: Style) -> tuple[float, float]:
    """Return the depth range of the colours: the style's, else that of this prediction."""
    maps = TaskMaps(DEPTH.kind, prediction.depth)
    return style.depth_range or depth_range(maps, style.depth_percentiles)


def panes(prediction: Prediction, style: Style) -> list[np.ndarray]:
    """Return the available panes image | classes | depth | normals | others, H,W,3 uint8 RGB."""
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
        # File names need not be valid Unicode.
        title=prediction.name.encode("utf-8", "replace").decode(),
        **vars(style),
    )


def _overlay(prediction: Prediction, style: Style) -> np.ndarray:
    colors = colorize_labels(prediction.needed(SEMSEG.kind), style.palette, style.ignore_label)
    return overlay_colors(prediction.image[..., ::-1], colors)


def _depth_color(prediction: Prediction, style: Style) -> np.ndarray:
    norm = depth_norm(*near_far(prediction, style), style.depth_log)
    return depth_picture(prediction.needed(DEPTH.kind), norm, style.depth_unit)


DRAW: dict[str, Callable[[Prediction, Style], np.ndarray]] = {
    "panel": _panel,
    "overlay": _overlay,
    "labels": lambda prediction, style: prediction.needed(SEMSEG.kind),
    "depth_color": _depth_color,
    "normals": lambda prediction, style: colorize_normals(prediction.needed(NORMALS.kind)),
}
"""The functions that draw an 8-bit picture, H,W or H,W,3 RGB, by their kind."""


class SideBySideVideo:
    """Write an MPEG-4 video (`mp4v`) whose frames are rows of pictures of one size.

    All frames have the size of the first one, shrunk where it is wider than `WIDEST`; both sides
    are even, as the codec requires. The file is complete after `close`.

    Args:
        path: file to write, `.mp4`.
        rate: frames per second.

    Raises:
        DataError: the file cannot be written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self.path = path
        self.rate = rate
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, pictures: Sequence[np.ndarray]) -> None:
        """Add a frame of pictures H,W,3 uint8 RGB."""
        if self._writer is None:
            self._writer = self._open(pictures)
        row = [cv2.resize(p, self._size, interpolation=cv2.INTER_AREA) for p in pictures]
        self._writer.write(np.hstack(row)[..., ::-1])

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _open(self, pictures: Sequence[np.ndarray]) -> cv2.VideoWriter:
        height, width = pictures[0].shape[:2]
        scale = min(1.0, WIDEST / (width * len(pictures)))
        width, height = (max(2, round(scale * side) // 2 * 2) for side in (width, height))
        self._size = width, height
        total = (width * len(pictures), height)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(self.path), codec, self.rate, total)
        if not writer.isOpened():
            raise DataError(
                f"{self.path} cannot be written as an MPEG-4 video of {total[0]}x{total[1]} "
                "pixels: is the folder writable, and has OpenCV FFmpeg?"
            )
        return writer
