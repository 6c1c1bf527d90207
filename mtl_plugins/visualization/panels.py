"""One picture of everything known about one image: a row a task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LogNorm

from .painters import paint_row
from .rows import Key, Row, Style, TaskMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lengths in pixels. Text of 9 points is 12.5 pixels high at 100 dots an inch, and 7 wide.
_DPI = 100
_FONT = 9
_LETTER = 7
_PANEL_WIDTH = 1600
_PICTURE_HEIGHT = 480
_SLOT_WIDTH = 290
_MARGIN = 16
_CAPTION = 40
_TITLE = 26
_SWATCH_LINE = 20
_BAR = 50
_SWATCH_EDGE = 40
_LONGEST_NAME = 24


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
    return _Sheet(image, rows, targets[0].shape, title).draw()


@dataclass
class _Sheet:
    """Places the parts of a panel by hand, in pixels from the upper left corner."""

    image: np.ndarray
    rows: Sequence[Row]
    shape: tuple[int, ...]
    title: str

    def __post_init__(self) -> None:
        fields = ("truth", "prediction", "error")
        self.columns = [f for f in fields if any(getattr(row, f) is not None for row in self.rows)]
        count = len(self.columns) + 1
        slot = (_PANEL_WIDTH - _MARGIN * (count + 1)) // count
        scale = min(slot / self.shape[1], _PICTURE_HEIGHT / self.shape[0])
        self.picture = (round(scale * self.shape[1]), max(1, round(scale * self.shape[0])))
        # A narrow picture still needs room for its caption.
        self.slot = max(self.picture[0], _SLOT_WIDTH)
        self.width = count * self.slot + (count + 1) * _MARGIN
        # Every column but the error explains itself by `key`.
        maps = count - ("error" in self.columns)
        self.key_width = maps * self.slot + (maps - 1) * _MARGIN
        top = _MARGIN + (_TITLE if self.title else 0)
        self.height = top + sum(self._row_height(row) for row in self.rows)
        # Imported late: it takes long, and a start of training draws nothing.
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI)

    def draw(self) -> np.ndarray:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(self.figure)
        top = _MARGIN
        if self.title:
            self._text(_MARGIN, top, self.title, size=_FONT + 3, weight="bold")
            top += _TITLE
        for row in self.rows:
            self._row(row, top)
            top += self._row_height(row)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _row(self, row: Row, top: int) -> None:
        captions = {
            "truth": ("truth", ""),
            "prediction": ("prediction", row.scores),
            "error": ("error", ""),
        }
        self._picture(self.image, 0, top, row.name, "image", "antialiased")
        for index, column in enumerate(self.columns, start=1):
            # Colours stand for values: a mixture of two would stand for a third.
            self._picture(getattr(row, column), index, top, *captions[column], "nearest")
        bottom = top + _CAPTION + self.picture[1] + 8
        self._key(row.key, _MARGIN, bottom, self.key_width)
        if row.error is not None:
            self._key(row.error_key, self._left(len(self.columns)), bottom, self.slot)

    def _picture(
        self,
        picture: np.ndarray | None,
        column: int,
        top: int,
        caption: str,
        detail: str,
        interpolation: str,
    ) -> None:
        left = self._left(column)
        self._text(left, top, caption, weight="bold")
        self._text(left, top + 18, detail if picture is not None else "not given")
        if picture is None:
            return
        axes = self._axes(left, top + _CAPTION, *self.picture)
        axes.imshow(picture, aspect="auto", interpolation=interpolation)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color="0.6", linewidth=0.5)

    def _key(self, key: Key, left: int, top: int, width: int) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.patches import Patch

        if key.bar is not None:
            # The bar stands below truth and prediction, swatches in front of it below the image.
            front = self.slot + _MARGIN if width > self.slot else 0
            # Shorter than the pictures: the label of its last tick may not touch the next bar's.
            axes = self._axes(left + front, top, width - front - 2 * _MARGIN, 12)
            norm = key.bar.norm
            # Matplotlib's ticks of a logarithm are powers of ten, often a single one.
            ticks = norm.inverse(np.linspace(0, 1, 6)) if isinstance(norm, LogNorm) else None
            bar = self.figure.colorbar(
                ScalarMappable(norm, key.bar.colormap),
                cax=axes,
                orientation="horizontal",
                ticks=ticks,
                format=None if ticks is None else "%.3g",
            )
            bar.minorticks_off()
            bar.set_label(key.bar.caption, fontsize=_FONT, labelpad=1)
            bar.ax.tick_params(labelsize=_FONT - 1, pad=2)
        if key.swatches:
            axes = self._axes(left, top, width, self._key_height(key, width))
            axes.axis("off")
            patches = [
                Patch(facecolor=np.divide(color, 255), edgecolor="0.4", label=_shorten(name))
                for name, color in key.swatches
            ]
            axes.legend(
                handles=patches,
                ncols=self._swatch_columns(key, width),
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

    def _row_height(self, row: Row) -> int:
        keys = [self._key_height(row.key, self.key_width)]
        if row.error is not None:
            keys.append(self._key_height(row.error_key, self.slot))
        return _CAPTION + self.picture[1] + 8 + max(keys) + _MARGIN

    def _key_height(self, key: Key, width: int) -> int:
        lines = math.ceil(len(key.swatches) / self._swatch_columns(key, width))
        return max(lines * _SWATCH_LINE, _BAR if key.bar else 0)

    @staticmethod
    def _swatch_columns(key: Key, width: int) -> int:
        longest = max((len(_shorten(name)) for name, _ in key.swatches), default=0)
        return max(1, width // (longest * _LETTER + _SWATCH_EDGE))

    def _left(self, column: int) -> int:
        return _MARGIN + column * (self.slot + _MARGIN)

    def _axes(self, left: int, top: int, width: int, height: int) -> Axes:
        bottom = self.height - top - height
        return self.figure.add_axes(
            (
                left / self.width,
                bottom / self.height,
                width / self.width,
                height / self.height,
            )
        )

    def _text(self, left: int, top: int, text: str, size: int = _FONT, **font: Any) -> None:
        position = left / self.width, 1 - top / self.height
        self.figure.text(*position, text, va="top", parse_math=False, fontsize=size, **font)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
