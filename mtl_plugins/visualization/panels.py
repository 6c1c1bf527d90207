"""Pictures of one image: tasks with their errors, targets alone, depth with its colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize

from .canvas import BAR, Canvas
from .colors import DEPTH_COLORMAP, colorize_depth
from .grid import MARGIN, Cell, GridRow, draw_grid, fitted, wrapped
from .maps import TaskMaps
from .painted import Key, Row, Style, value_bar
from .painters import paint_row

# Lengths in pixels.
_PANEL_WIDTH = 1600
_PICTURE_HEIGHT = 480
_NARROWEST_COLUMN = 290
_COLUMNS_ALONE = 3
_SAMPLE_COLUMN = 480
_SAMPLE_COLUMNS = 4
_DEPTH_BAR = BAR + 6
_DEPTH_MARGIN = 24
_NARROWEST_DEPTH = 240
_FULL_WIDTH = 1000


def draw_panel(
    image: np.ndarray,
    targets: Sequence[TaskMaps],
    title: str = "",
    **style: Any,
) -> np.ndarray:
    """Draw image | truth | prediction | error, one row per task, with scores and keys.

    Without truth, draw the image and the predictions in rows of at most three pictures.

    Truth and prediction share one range of colours: that of the target, or else the 2nd to 98th
    percentile of the truth's valid pixels (the prediction's where there is no truth); other values
    are clipped to it. Distances have logarithmic colours (see `Style`).
    Columns without a picture are left out. The scores are those of this image, with the default
    parameters of `semseg_scores` and `depth_errors`.

    Args:
        image: H,W,3 uint8 RGB; stretched to the size of the maps for display.
        targets: maps of each row; all are shown in the proportions of the first.
        title: heading of the panel, such as the image's name.
        **style: fields of `Style`: `depth_log`, `ranges`, ...

    Returns:
        H,W,3 uint8 RGB, at most about 1600 pixels wide.

    Raises:
        ValueError: no target, an image that is not H,W,3 uint8, or a class id without colour.
    """
    if not targets:
        raise ValueError("targets is empty: expected the maps of at least one task.")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.shape} {image.dtype}: expected H,W,3 uint8, RGB.")
    rows = [paint_row(maps, Style(**style)) for maps in targets]
    known = ("truth", "prediction", "error")
    fields = [f for f in known if any(getattr(row, f) is not None for row in rows)]
    alone = len(fields) == 1
    columns = min(1 + len(rows), _COLUMNS_ALONE) if alone else 1 + len(fields)
    room = (_PANEL_WIDTH - MARGIN * (columns + 1)) // columns
    size = fitted(targets[0].shape, room, _PICTURE_HEIGHT)
    if alone:
        cells = [Cell(image, size, "image", smooth=True)]
        for row in rows:
            cells.append(Cell(getattr(row, fields[0]), size, row.name, fields[0], key=row.key))
        grid = wrapped(cells, columns)
    else:
        grid = [GridRow(_panel_cells(image, row, fields, size)) for row in rows]
    # A narrow picture still needs room for its caption.
    return draw_grid(grid, max(size[0], _NARROWEST_COLUMN), title)


def draw_sample(
    image: np.ndarray,
    targets: Sequence[TaskMaps],
    title: str = "",
    **style: Any,
) -> np.ndarray:
    """Draw image | truth of each task, each with its key and its share of pixels with truth.

    A row has at most four pictures.

    Args:
        image: H,W,3 uint8 RGB.
        targets: maps of each task, with the truth alone.
        title, **style: as in `draw_panel`.

    Returns:
        H,W,3 uint8 RGB, about 500 pixels wide per column.

    Raises:
        ValueError: a class id without colour.
    """
    height, width = image.shape[:2]
    size = fitted(image.shape, _SAMPLE_COLUMN, _PICTURE_HEIGHT)
    note = f"{height} x {width} pixels (height x width)"
    cells = [Cell(image, size, "image", note, smooth=True)]
    for maps in targets:
        row = paint_row(maps, Style(**style))
        cells.append(Cell(row.truth, size, row.name, _share_of_truth(maps), key=row.key))
    return draw_grid(wrapped(cells, _SAMPLE_COLUMNS), _SAMPLE_COLUMN, title)


def depth_picture(
    depth: np.ndarray, norm: Normalize, unit: str = "m", name: str = "depth"
) -> np.ndarray:
    """Paint depth pixel by pixel, above a colour bar.

    Args:
        depth: H,W; pixels without depth are grey, see `colorize_depth`.
        norm: scale from `depth_norm`.
        unit, name: shown below the bar.

    Returns:
        H+56,W,3 uint8 RGB, H+112,W,3 from a width of 1500 pixels on, and so on: the text stays
        legible where the picture is shown smaller. A map narrower than 240 pixels is padded with
        white to that width.

    >>> from mtl_plugins.visualization import depth_norm
    >>> depth_picture(np.ones((100, 300)), depth_norm(1, 80)).shape
    (156, 300, 3)
    """
    height, width = depth.shape
    scale = max(1, round(width / _FULL_WIDTH))
    canvas = Canvas(max(math.ceil(width / scale), _NARROWEST_DEPTH), _DEPTH_BAR, scale)
    bar = value_bar(f"{name} [{unit}]" if unit else name, norm, DEPTH_COLORMAP)
    canvas.bar(bar, _DEPTH_MARGIN, 5, canvas.width - 2 * _DEPTH_MARGIN)
    below = canvas.to_array()[:, : max(width, _NARROWEST_DEPTH)]
    picture = np.full((height + len(below), below.shape[1], 3), 255, np.uint8)
    picture[:height, :width] = colorize_depth(depth, norm)
    picture[height:] = below
    return picture


def _panel_cells(
    image: np.ndarray, row: Row, fields: Sequence[str], size: tuple[int, int]
) -> list[Cell]:
    """Return image, truth, prediction and error of a task with their captions and keys.

    The key's swatches begin below the image and its bar or wheel below the next; both extend over
    the columns that they explain, which are all but the error.
    """
    explained = len(fields) + 1 - ("error" in fields)
    key = Key(row.key.swatches)
    cells = [Cell(image, size, row.name, "image", smooth=True, key=key, key_columns=explained)]
    for index, field in enumerate(fields):
        picture = getattr(row, field)
        note = row.scores if field == "prediction" else ""
        key, span = Key(), 1
        if index == 0:
            key, span = Key(bar=row.key.bar, wheel=row.key.wheel), explained - 1
        elif field == "error" and picture is not None:
            key = row.error_key
        note = "not given" if picture is None else note
        cells.append(Cell(picture, size, field, note, key=key, key_columns=span))
    return cells


def _share_of_truth(maps: TaskMaps) -> str:
    share = maps.target.known(maps.given[0]).mean()
    return f"{100 * share:.1f} % of the pixels have truth"
