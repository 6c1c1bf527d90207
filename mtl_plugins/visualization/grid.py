"""A grid of titled pictures with the keys of their colours, drawn into one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .canvas import BAR, GAP, LINE, WHEEL, Canvas, key_height
from .painted import Key
from .text import SIZE, text_width

# Lengths in pixels.
MARGIN = 16
_CAPTION = 40
_HEADING = 30
_RED = "#b00020"


@dataclass(frozen=True)
class Cell:
    """A picture below its caption and above its key. Every part may be missing.

    Args:
        picture: H,W,3 uint8 RGB.
        size: width and height in which the picture is drawn.
        title, note: first (bold) and second line of the caption.
        problem: red text in place of a missing picture.
        smooth: interpolate the picture; colours that stand for values must not be mixed.
        key: drawn below the picture: its bar, its wheel, then its swatches.
        key_columns: number of columns over which the key extends.
    """

    picture: np.ndarray | None = None
    size: tuple[int, int] = (0, 0)
    title: str = ""
    note: str = ""
    problem: str = ""
    smooth: bool = False
    key: Key = field(default_factory=Key)
    key_columns: int = 1


@dataclass(frozen=True)
class GridRow:
    """A row of cells.

    Args:
        cells: one for each column.
        name, problem: a line (the problem in red) over the width of the grid, above the pictures.
    """

    cells: Sequence[Cell]
    name: str = ""
    problem: str = ""


def draw_grid(rows: Sequence[GridRow], column_width: int, title: str = "") -> np.ndarray:
    """Draw rows of cells below a title.

    Captions, pictures and keys of a row are aligned; each row is as high as its highest cell.

    Args:
        rows: all of the same number of cells.
        column_width: pixels between the margins of a column.
        title: heading of the grid.

    Returns:
        H,W,3 uint8 RGB.
    """
    columns = max(len(row.cells) for row in rows)
    width = columns * column_width + (columns + 1) * MARGIN
    top = MARGIN + (_HEADING if title else 0)
    heights = [_Heights.of(row, column_width) for row in rows]
    canvas = Canvas(width, top + sum(height.total for height in heights))
    canvas.text(MARGIN, MARGIN, title, width - 2 * MARGIN, size=SIZE + 3, weight="bold")
    for row, height in zip(rows, heights, strict=True):
        _draw_row(canvas, row, height, top, column_width)
        top += height.total
    return canvas.to_array()


def wrapped(
    cells: Sequence[Cell], columns: int, name: str = "", problem: str = ""
) -> list[GridRow]:
    """Return rows of at most `columns` cells; the first has the name and the problem.

    >>> [len(row.cells) for row in wrapped([Cell()] * 3, columns=4)]
    [3]
    >>> [len(row.cells) for row in wrapped([Cell()] * 5, columns=4)]
    [4, 4]
    """
    columns = min(columns, len(cells))
    filled = [*cells, *[Cell()] * (-len(cells) % columns)]
    starts = range(0, len(filled), columns)
    rows = [GridRow(filled[start : start + columns]) for start in starts]
    return [GridRow(rows[0].cells, name, problem), *rows[1:]]


def fitted(shape: tuple[int, ...], width: int, height: int) -> tuple[int, int]:
    """Return width and height of the largest picture of a shape (H,W,...) within these limits.

    >>> fitted((100, 400, 3), 200, 200)
    (200, 50)
    """
    scale = min(width / shape[1], height / shape[0])
    return max(1, round(scale * shape[1])), max(1, round(scale * shape[0]))


@dataclass(frozen=True)
class _Heights:
    """Heights of the parts of a row, in pixels."""

    caption: int
    name: int
    picture: int
    keys: int

    @classmethod
    def of(cls, row: GridRow, column_width: int) -> _Heights:
        lines = max((2 if cell.note else bool(cell.title)) for cell in row.cells)
        pictures = [cell.size[1] for cell in row.cells if cell.picture is not None]
        problems = [2 * LINE for cell in row.cells if cell.problem]
        keys = (key_height(cell.key, _key_width(cell, column_width)) for cell in row.cells)
        return cls(
            caption=(0, LINE, _CAPTION)[lines],
            name=LINE if row.name or row.problem else 0,
            picture=max([*pictures, *problems], default=0),
            keys=max(keys),
        )

    @property
    def total(self) -> int:
        """Height of the row with the margin below it."""
        keys = GAP + self.keys if self.keys else 0
        return self.caption + self.name + self.picture + keys + MARGIN


def _draw_row(canvas: Canvas, row: GridRow, height: _Heights, top: int, column_width: int) -> None:
    if height.name:
        _draw_name(canvas, row, top + height.caption)
    pictures = top + height.caption + height.name
    for column, cell in enumerate(row.cells):
        left = MARGIN + column * (column_width + MARGIN)
        canvas.text(left, top, cell.title, column_width, weight="bold")
        canvas.text(left, top + LINE, cell.note, column_width)
        if cell.picture is not None:
            canvas.picture(cell.picture, left, pictures, cell.size, cell.smooth)
        elif cell.problem:
            canvas.text(left, pictures, cell.problem, column_width, color=_RED)
        below, width = pictures + height.picture + GAP, _key_width(cell, column_width)
        if cell.key.bar is not None:
            # Shorter than the pictures: its last label must not touch the next bar's first.
            canvas.bar(cell.key.bar, left, below, width - 2 * MARGIN)
            below += BAR
        if cell.key.wheel:
            canvas.wheel(cell.key.wheel, left, below, width)
            below += WHEEL + GAP
        canvas.swatches(cell.key, left, below, width)


def _draw_name(canvas: Canvas, row: GridRow, top: int) -> None:
    """Draw the name and, in the room beside it, the problem."""
    room = canvas.width - 2 * MARGIN
    # A problem needs half of the line only where the name is longer than the other half.
    length = min(text_width(row.name), max(room // 2, room - text_width(row.problem) - MARGIN))
    canvas.text(MARGIN, top, row.name, length)
    beside = MARGIN + length + MARGIN if row.name else MARGIN
    canvas.text(beside, top, row.problem, canvas.width - MARGIN - beside, color=_RED)


def _key_width(cell: Cell, column_width: int) -> int:
    return cell.key_columns * column_width + (cell.key_columns - 1) * MARGIN
