"""One picture of a sample: its image and all its targets side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...targets import DENSE_TARGETS
from ..painting.painters import paint_row
from ..painting.rows import Row, Style, TaskMaps
from .sheet import BAR, CAPTION, MARGIN, TITLE, Sheet, swatch_height

# Lengths in pixels.
_SLOT_WIDTH = 480
_PICTURE_HEIGHT = 480


def draw_sample(
    image: np.ndarray,
    targets: Sequence[TaskMaps],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    title: str = "",
    **style: Any,
) -> np.ndarray:
    """Draw image | truth of each task, each with the key of its colours and its share of truth.

    Args:
        image: H,W,3 uint8 RGB.
        targets: one entry a task, with the truth alone.
        classes: names of the classes.
        palette: one R, G, B in 0..255 a class.
        title: heading, such as the image's name.
        **style: further fields of `Style`.

    Returns:
        H,W,3 uint8 RGB, about 500 pixels wide a column.

    Raises:
        ValueError: a class id without colour.
    """
    height, width = image.shape[:2]
    scale = min(_SLOT_WIDTH / width, _PICTURE_HEIGHT / height)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    rows = [paint_row(maps, Style(classes, palette, **style)) for maps in targets]
    top = MARGIN + (TITLE if title else 0)
    key_top = top + CAPTION + size[1] + 8
    keys = max((_key_height(row) for row in rows), default=0)
    columns = len(rows) + 1
    sheet = Sheet(columns * _SLOT_WIDTH + (columns + 1) * MARGIN, key_top + keys + MARGIN)
    sheet.title(title)
    caption = ("image", f"{height} x {width} pixels (height x width)")
    sheet.picture(image, MARGIN, top, size, caption, "antialiased")
    for index, (row, maps) in enumerate(zip(rows, targets, strict=True), start=1):
        left = MARGIN + index * (_SLOT_WIDTH + MARGIN)
        sheet.picture(row.truth, left, top, size, (row.name, _share_of_truth(maps)))
        if row.key.bar:
            sheet.bar(row.key.bar, left, key_top, _SLOT_WIDTH)
        below = key_top + (BAR if row.key.bar else 0)
        sheet.swatches(row.key, left, below, _SLOT_WIDTH)
    return sheet.to_array()


def _key_height(row: Row) -> int:
    return (BAR if row.key.bar else 0) + swatch_height(row.key, _SLOT_WIDTH)


def _share_of_truth(maps: TaskMaps) -> str:
    known = np.not_equal(maps.known[0], DENSE_TARGETS[maps.kind].invalid)
    share = known.reshape(*maps.shape, -1).any(-1).mean()
    return f"{100 * share:.1f} % of the pixels have truth"
