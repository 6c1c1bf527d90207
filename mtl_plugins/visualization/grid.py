"""A grid of titled pictures with the keys of their colours, drawn into one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm

from .colors import offset_wheel
from .painted import Bar, Key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lengths in pixels. Text of 9 points is 12.5 pixels high and about 7 wide at 100 dots an inch.
MARGIN = 16
BAR = 50
"""Height of a colour bar with its labels."""
WHEEL = 72
"""Height and width of a wheel of directions."""
_LINE = 18
_CAPTION = 40
_GAP = 8
_HEADING = 26
_DPI = 100
_FONT = 9
_LETTER = 7
_SWATCH_LINE = 20
_SWATCH_EDGE = 40
_LONGEST_NAME = 24
_TICK = 48
_MOST_TICKS = 6
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
    canvas.text(MARGIN, MARGIN, title, size=_FONT + 3, weight="bold")
    for row, height in zip(rows, heights, strict=True):
        _draw_row(canvas, row, height, top, column_width)
        top += height.total
    return canvas.to_array()


def fitted(shape: tuple[int, ...], width: int, height: int) -> tuple[int, int]:
    """Return width and height of the largest picture of a shape (H,W,...) within these limits.

    >>> fitted((100, 400, 3), 200, 200)
    (200, 50)
    """
    scale = min(width / shape[1], height / shape[0])
    return max(1, round(scale * shape[1])), max(1, round(scale * shape[0]))


class Canvas:
    """An empty white picture with parts placed in pixels from its upper left corner.

    Args:
        width, height: size in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        # Imported late: a training that starts draws nothing yet, and these imports are slow.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width = width
        self.height = height
        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        self._pixels = FigureCanvasAgg(self.figure)

    def to_array(self) -> np.ndarray:
        """Return the drawn picture, H,W,3 uint8 RGB."""
        self._pixels.draw()
        return np.asarray(self._pixels.buffer_rgba())[..., :3].copy()

    def text(self, left: int, top: int, text: str, size: int = _FONT, **font: Any) -> None:
        """Draw a line of text."""
        position = left / self.width, 1 - top / self.height
        self.figure.text(*position, text, va="top", parse_math=False, fontsize=size, **font)

    def picture(
        self, picture: np.ndarray, left: int, top: int, size: tuple[int, int], smooth: bool
    ) -> None:
        """Draw a picture in `size` (width, height) with a thin frame."""
        axes = self._axes(left, top, *size)
        interpolation = "antialiased" if smooth else "nearest"
        axes.imshow(picture, aspect="auto", interpolation=interpolation)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color="0.6", linewidth=0.5)

    def bar(self, bar: Bar, left: int, top: int, width: int, ends: bool = False) -> None:
        """Draw a colour bar with ticks at round numbers, or at equal distances with both ends.

        The labels of the outer ticks may extend beyond the bar.
        """
        # Matplotlib's ticks of a logarithm are powers of ten, often a single one.
        ends = ends or isinstance(bar.norm, LogNorm)
        positions = np.linspace(0, 1, min(_MOST_TICKS, 1 + width // _TICK))
        drawn = self.figure.colorbar(
            ScalarMappable(bar.norm, bar.colormap),
            cax=self._axes(left, top, width, 12),
            orientation="horizontal",
            ticks=bar.norm.inverse(positions) if ends else None,
            format="%.3g" if ends else None,
        )
        drawn.minorticks_off()
        drawn.set_label(bar.caption, fontsize=_FONT, labelpad=1)
        drawn.ax.tick_params(labelsize=_FONT - 1, pad=2)

    def wheel(self, caption: str, left: int, top: int) -> None:
        """Draw the wheel of directions with its caption beside it."""
        colors = offset_wheel(WHEEL)
        place = (left, self.height - top - WHEEL)
        self.figure.figimage(colors, *place, origin="upper")
        self.text(left + WHEEL + _GAP, top + WHEEL // 2 - _LINE, "colour: direction, centre: 0")
        self.text(left + WHEEL + _GAP, top + WHEEL // 2, caption)

    def swatches(self, key: Key, left: int, top: int, width: int) -> None:
        """Draw the named colours of a key; see `swatch_height`."""
        if not key.swatches:
            return
        from matplotlib.patches import Patch

        axes = self._axes(left, top, width, swatch_height(key, width))
        axes.axis("off")
        patches = []
        for name, (red, green, blue) in key.swatches:
            color = red / 255, green / 255, blue / 255
            patches.append(Patch(facecolor=color, edgecolor="0.4", label=_shorten(name)))
        axes.legend(
            handles=patches,
            ncols=_swatch_columns(key, width),
            loc="upper left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0,
            borderpad=0,
            frameon=False,
            fontsize=_FONT,
            handlelength=1.4,
            handleheight=0.9,
            columnspacing=1.2,
        )

    def _axes(self, left: int, top: int, width: int, height: int) -> Axes:
        place = (left, self.height - top - height, width, height)
        whole = (self.width, self.height, self.width, self.height)
        x, y, w, h = (part / size for part, size in zip(place, whole, strict=True))
        return self.figure.add_axes((x, y, w, h))


def swatch_height(key: Key, width: int) -> int:
    """Return the height of the swatches of a key in a width, in pixels."""
    return math.ceil(len(key.swatches) / _swatch_columns(key, width)) * _SWATCH_LINE


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
        problems = [2 * _LINE for cell in row.cells if cell.problem]
        keys = (_key_height(cell.key, _key_width(cell, column_width)) for cell in row.cells)
        return cls(
            caption=(0, _LINE, _CAPTION)[lines],
            name=_LINE if row.name or row.problem else 0,
            picture=max([*pictures, *problems], default=0),
            keys=max(keys),
        )

    @property
    def total(self) -> int:
        """Height of the row with the margin below it."""
        keys = _GAP + self.keys if self.keys else 0
        return self.caption + self.name + self.picture + keys + MARGIN


def _draw_row(canvas: Canvas, row: GridRow, height: _Heights, top: int, column_width: int) -> None:
    if height.name:
        _draw_name(canvas, row, top + height.caption)
    pictures = top + height.caption + height.name
    for column, cell in enumerate(row.cells):
        left = MARGIN + column * (column_width + MARGIN)
        canvas.text(left, top, cell.title, weight="bold")
        canvas.text(left, top + _LINE, cell.note)
        if cell.picture is not None:
            canvas.picture(cell.picture, left, pictures, cell.size, cell.smooth)
        elif cell.problem:
            canvas.text(left, pictures, cell.problem, color=_RED)
        below, width = pictures + height.picture + _GAP, _key_width(cell, column_width)
        if cell.key.bar is not None:
            # Shorter than the pictures: its last label must not touch the next bar's first.
            canvas.bar(cell.key.bar, left, below, width - 2 * MARGIN)
            below += BAR
        if cell.key.wheel:
            canvas.wheel(cell.key.wheel, left, below)
            below += WHEEL + _GAP
        canvas.swatches(cell.key, left, below, width)


def _draw_name(canvas: Canvas, row: GridRow, top: int) -> None:
    """Draw the end of the name, and as much of the problem as the line has room for."""
    letters = (canvas.width - 2 * MARGIN) // _LETTER
    name = row.name if len(row.name) <= letters else "…" + row.name[1 - letters :]
    canvas.text(MARGIN, top, name)
    used = len(name) * _LETTER + 3 * MARGIN
    room = max(0, (canvas.width - used) // _LETTER)
    canvas.text(used, top, row.problem[:room], color=_RED)


def _key_width(cell: Cell, column_width: int) -> int:
    return cell.key_columns * column_width + (cell.key_columns - 1) * MARGIN


def _key_height(key: Key, width: int) -> int:
    parts = (BAR if key.bar else 0), (WHEEL + _GAP if key.wheel else 0)
    return sum(parts) + swatch_height(key, width)


def _swatch_columns(key: Key, width: int) -> int:
    longest = max((len(_shorten(name)) for name, _ in key.swatches), default=0)
    return max(1, width // (longest * _LETTER + _SWATCH_EDGE))


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
