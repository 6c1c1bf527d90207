"""Pictures and videos of predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..errors import DataError
from ..targets import Target
from ..visualization import (
    Style,
    TaskMaps,
    colorize_depth,
    colorize_labels,
    colorize_normals,
    default_palette,
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


Styles = Mapping[str, Style]
"""How to paint each task."""


def form_of(target: Target) -> str:
    """Return the form of a target, by which kinds of output choose: its type, or "distance"."""
    return "distance" if target.distance else target.type


def style_of(target: Target, style: Style) -> Style:
    """Return a style with the classes and the unit of a target."""
    classes = target.classes or [f"class {index}" for index in range(255)]
    palette = target.palette or default_palette(len(classes))
    return replace(style, classes=classes, palette=palette, depth_unit=target.unit)


def near_far(depth: np.ndarray, target: Target, style: Style) -> tuple[float, float]:
    """Return the range of a distance's colours: the style's, else that of this map."""
    maps = TaskMaps(target.truth_name, depth)
    return style.depth_range or depth_range(maps, style.depth_percentiles)


def panes(prediction: Prediction, styles: Styles) -> list[np.ndarray]:
    """Return pictures H,W,3 uint8 RGB of the image and each task, in the order of `PANES`."""
    tasks = sorted(prediction.maps, key=lambda task: PANES.index(_form(prediction, task)))
    pictures = [_pane(prediction, task, styles[task]) for task in tasks]
    return [prediction.image[..., ::-1], *(each for each in pictures if each is not None)]


def _form(prediction: Prediction, task: str) -> str:
    return form_of(prediction.targets[task])


def _pane(prediction: Prediction, task: str, style: Style) -> np.ndarray | None:
    form = _form(prediction, task)
    if form == "classes":
        return _overlay(prediction, task, style)
    if form == "distance":
        norm = depth_norm(*_near_far(prediction, task, style), style.depth_log)
        return colorize_depth(prediction[task], norm)
    if form == "direction":
        return colorize_normals(prediction[task])
    return paint_row(_task_maps(prediction, task), style).prediction


def draw_predictions(prediction: Prediction, styles: Styles) -> np.ndarray:
    """Draw the panel of a prediction: image and tasks with their keys."""
    # A panel has the classes of one task, and the unit and range of one distance.
    of = {_form(prediction, task): style for task, style in reversed([*styles.items()])}
    labels, distance = (of.get(form, next(iter(of.values()))) for form in ("classes", "distance"))
    style = replace(labels, depth_unit=distance.depth_unit, depth_range=distance.depth_range)
    return draw_panel(
        np.ascontiguousarray(prediction.image[..., ::-1]),
        [_task_maps(prediction, task) for task in prediction.maps],
        # File names need not be valid Unicode.
        title=prediction.name.encode("utf-8", "replace").decode(),
        **vars(style),
    )


def _task_maps(prediction: Prediction, task: str) -> TaskMaps:
    return TaskMaps(prediction.targets[task].truth_name, prediction[task], name=task)


def _near_far(prediction: Prediction, task: str, style: Style) -> tuple[float, float]:
    return near_far(prediction[task], prediction.targets[task], style)


def _overlay(prediction: Prediction, task: str, style: Style) -> np.ndarray:
    colors = colorize_labels(prediction[task], style.palette, style.ignore_label)
    return overlay_colors(prediction.image[..., ::-1], colors)


def _depth_color(prediction: Prediction, task: str, style: Style) -> np.ndarray:
    norm = depth_norm(*_near_far(prediction, task, style), style.depth_log)
    return depth_picture(prediction[task], norm, style.depth_unit)


DRAW: dict[str, Callable[[Prediction, str, Style], np.ndarray]] = {
    "overlay": _overlay,
    "labels": lambda prediction, task, style: prediction[task],
    "depth_color": _depth_color,
    "normals": lambda prediction, task, style: colorize_normals(prediction[task]),
}
"""Kind of output -> function that draws a task: H,W uint8 or uint16, or H,W,3 uint8 RGB."""

PANES = ("classes", "distance", "direction", "binary", "scalar", "offset")
"""Forms in the order of a video's pictures."""


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
