"""One picture of everything known about one image: a row a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..painting.painters import paint_row
from ..painting.rows import Key, Row, Style, TaskMaps
from .sheet import BAR, CAPTION, MARGIN, TITLE, Sheet, swatch_height

# Lengths in pixels.
_PANEL_WIDTH = 1600
_PICTURE_HEIGHT = 480
_SLOT_WIDTH = 290


def draw_panel(
    image: np.ndarray,
    targets: Sequence[TaskMaps],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    title: str = "",
    **style: Any,
) -> np.ndarray:
    """Draw image | truth | prediction | error, one row a task, with scores and keys.

    Truth and prediction of a depth share one range of colours, from the truth's valid pixels
    (2nd to 98th percentile; the prediction's where there is no truth); deeper and nearer pixels
    take the colour of its ends. Columns that no task fills are left out. The scores are those of
    this image, with the default parameters of `semseg_scores` and `depth_errors`.

    Args:
        image: H,W,3 uint8 RGB; stretched to the size of the maps for display.
        targets: one entry a row; all maps are shown in the proportions of the first.
        classes: names of the classes.
        palette: one R, G, B in 0..255 a class.
        title: heading of the panel, such as the image's name.
        **style: further fields of `Style`: `depth_unit`, `depth_log`, `ignore_label`, ...

    Returns:
        H,W,3 uint8 RGB, at most about 1600 pixels wide.

    Raises:
        ValueError: no target, an image that is not H,W,3 uint8, or a class id without colour.
    """
    if not targets:
        raise ValueError("targets is empty: expected the maps of at least one task.")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.shape} {image.dtype}: expected H,W,3 uint8, RGB.")
    rows = [paint_row(maps, Style(classes, palette, **style)) for maps in targets]
    return _Panel(image, rows, targets[0].shape, title).draw()


@dataclass
class _Panel:
    """Where everything stands."""

    image: np.ndarray
    rows: Sequence[Row]
    shape: tuple[int, ...]
    title: str

    def __post_init__(self) -> None:
        fields = ("truth", "prediction", "error")
        self.columns = [f for f in fields if any(getattr(row, f) is not None for row in self.rows)]
        count = len(self.columns) + 1
        slot = (_PANEL_WIDTH - MARGIN * (count + 1)) // count
        scale = min(slot / self.shape[1], _PICTURE_HEIGHT / self.shape[0])
        self.picture = (round(scale * self.shape[1]), max(1, round(scale * self.shape[0])))
        # A narrow picture still needs room for its caption.
        self.slot = max(self.picture[0], _SLOT_WIDTH)
        # Every column but the error explains itself by `key`.
        maps = count - ("error" in self.columns)
        self.key_width = maps * self.slot + (maps - 1) * MARGIN
        self.top = MARGIN + (TITLE if self.title else 0)
        height = self.top + sum(self._row_height(row) for row in self.rows)
        self.sheet = Sheet(count * self.slot + (count + 1) * MARGIN, height)

    def draw(self) -> np.ndarray:
        self.sheet.title(self.title)
        top = self.top
        for row in self.rows:
            self._row(row, top)
            top += self._row_height(row)
        return self.sheet.to_array()

    def _row(self, row: Row, top: int) -> None:
        captions = {
            "truth": ("truth", ""),
            "prediction": ("prediction", row.scores),
            "error": ("error", ""),
        }
        place = (MARGIN, top, self.picture)
        self.sheet.picture(self.image, *place, (row.name, "image"), "antialiased")
        for index, column in enumerate(self.columns, start=1):
            place = (self._left(index), top, self.picture)
            self.sheet.picture(getattr(row, column), *place, captions[column])
        bottom = top + CAPTION + self.picture[1] + 8
        # The bar stands below truth and prediction, swatches in front of it below the image.
        self._key(row.key, MARGIN, bottom, self.key_width, self.slot + MARGIN)
        if row.error is not None:
            self._key(row.error_key, self._left(len(self.columns)), bottom, self.slot, 0)

    def _key(self, key: Key, left: int, top: int, width: int, front: int) -> None:
        if key.bar is not None:
            self.sheet.bar(key.bar, left + front, top, width - front)
        self.sheet.swatches(key, left, top, width)

    def _row_height(self, row: Row) -> int:
        keys = [self._key_height(row.key, self.key_width)]
        if row.error is not None:
            keys.append(self._key_height(row.error_key, self.slot))
        return CAPTION + self.picture[1] + 8 + max(keys) + MARGIN

    def _key_height(self, key: Key, width: int) -> int:
        return max(swatch_height(key, width), BAR if key.bar else 0)

    def _left(self, column: int) -> int:
        return MARGIN + column * (self.slot + MARGIN)
