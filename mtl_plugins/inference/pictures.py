"""Pictures and videos of predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..datasets.files import shown_colours
from ..errors import DataError
from ..visualization import (
    Style,
    TaskMaps,
    depth_picture,
    draw_panel,
    overlay_colors,
    paint_row,
)
from .predictor import Prediction

WIDEST = 3840
"""Pixels; MPEG-4 and most players support little more."""


PANES = ("classes", "distance", "direction", "binary", "scalar", "offset")
"""Forms in the order of a video's pictures."""


def color_ranges(prediction: Prediction, style: Style) -> dict[str, tuple[float, float]]:
    """Return the values of the first and last colour of numbers and offsets, by target.

    With these as `style.ranges`, other predictions get the same colours.
    """
    found = {}
    for task, target in prediction.targets.items():
        maps = _task_maps(prediction, task)
        if bar := paint_row(maps, style).key.bar:
            found[target.name] = bar.norm.vmin or 0.0, bar.norm.vmax or 0.0
        elif target.type == "offset" and (lengths := maps.known_values()).size:
            found[target.name] = 0.0, float(np.percentile(lengths, style.percentiles[1]))
    return found


def panes(prediction: Prediction, style: Style) -> list[np.ndarray]:
    """Return pictures H,W,3 uint8 RGB of the image and each task, in the order of `PANES`."""
    forms = {task: target.form for task, target in prediction.targets.items()}
    found = [_rgb(prediction)]
    for task in sorted(forms, key=lambda task: PANES.index(forms[task])):
        draw = _overlay if forms[task] == "classes" else _colors
        found.append(draw(prediction, task, style))
    return found


def draw_predictions(prediction: Prediction, style: Style) -> np.ndarray:
    """Draw the panel of a prediction: image and tasks with their keys."""
    return draw_panel(
        np.ascontiguousarray(_rgb(prediction)),
        [_task_maps(prediction, task) for task in prediction.targets],
        # File names need not be valid Unicode.
        title=prediction.name.encode("utf-8", "replace").decode(),
        **vars(style),
    )


def _rgb(prediction: Prediction) -> np.ndarray:
    return shown_colours(prediction.image)[..., ::-1]


def _task_maps(prediction: Prediction, task: str) -> TaskMaps:
    return TaskMaps(prediction.targets[task], prediction[task], name=task)


def _colors(prediction: Prediction, task: str, style: Style) -> np.ndarray:
    colors = paint_row(_task_maps(prediction, task), style).prediction
    assert colors is not None, "every painter paints what it is given"
    return colors


def _overlay(prediction: Prediction, task: str, style: Style) -> np.ndarray:
    return overlay_colors(_rgb(prediction), _colors(prediction, task, style))


def _depth_color(prediction: Prediction, task: str, style: Style) -> np.ndarray:
    target = prediction.targets[task]
    bar = paint_row(_task_maps(prediction, task), style).key.bar
    assert bar is not None, "distances have a colour bar"
    return depth_picture(prediction[task], bar.norm, target.unit, target.name)


DRAW: dict[str, Callable[[Prediction, str, Style], np.ndarray]] = {
    "overlay": _overlay,
    "labels": lambda prediction, task, style: prediction[task],
    "depth_color": _depth_color,
    "normals": _colors,
}
"""Kind of output -> function that draws a task: H,W uint8 or uint16, or H,W,3 uint8 RGB."""


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
