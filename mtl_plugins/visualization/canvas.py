"""A picture of texts, pictures and keys of colours, each placed by its pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable

from .colors import offset_wheel
from .painted import Bar, Key
from .text import DPI, SIZE, fitted_text, font, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lengths in pixels.
BAR = 50
"""Height of a colour bar with its labels."""
WHEEL = 72
"""Height and width of a wheel of directions."""
LINE = 18
GAP = 8
_STRIP = 12
_TICK = 48
_MOST_TICKS = 7
_ASCENT = 0.9
"""Height of the baseline below the top of a line, in sizes of the text."""
_SWATCH = (18, 12)
_SWATCH_LINE = 20
_LONGEST_NAME = 200


class Canvas:
    """An empty white picture with parts placed in pixels from its upper left corner.

    Args:
        width, height: size in pixels.
        scale: factor of all lengths, and of the size of the picture.
    """

    def __init__(self, width: int, height: int, scale: int = 1) -> None:
        # Imported late: a training that starts draws nothing yet, and these imports are slow.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width = width
        self.height = height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI * scale)
        self._pixels = FigureCanvasAgg(self.figure)

    def to_array(self) -> np.ndarray:
        """Return the drawn picture, H,W,3 uint8 RGB."""
        self._pixels.draw()
        return np.asarray(self._pixels.buffer_rgba())[..., :3].copy()

    def text(
        self, left: int, top: int, text: str, width: int, size: float = SIZE, **look: Any
    ) -> None:
        """Draw a line of text, without its middle where it is wider than `width`.

        `look` has the `weight` and the `color`.
        """
        weight = look.pop("weight", "normal")
        # Placed by the baseline: the tops of "up" and "down" differ.
        baseline = top + round(size * DPI / 72 * _ASCENT)
        self.figure.text(
            left / self.width,
            1 - baseline / self.height,
            fitted_text(text, width, size, weight),
            va="baseline",
            parse_math=False,
            fontproperties=font(size, weight),
            **look,
        )

    def picture(
        self, picture: np.ndarray, left: int, top: int, size: tuple[int, int], smooth: bool
    ) -> None:
        """Draw a picture in `size` (width, height) with a thin frame."""
        axes = self._axes(left, top, *size)
        interpolation = "antialiased" if smooth else "nearest"
        axes.imshow(picture, aspect="auto", interpolation=interpolation)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color="0.6", linewidth=0.5)

    def bar(self, bar: Bar, left: int, top: int, width: int) -> None:
        """Draw a colour bar with ticks at round numbers.

        The labels of the outer ticks may extend beyond the bar.
        """
        most = min(max(4, 1 + width // _TICK), _MOST_TICKS)
        drawn = self.figure.colorbar(
            ScalarMappable(bar.norm, bar.colormap),
            cax=self._axes(left, top, width, _STRIP),
            orientation="horizontal",
            ticks=bar.ticks(most),
            format="%.4g",
        )
        drawn.minorticks_off()
        drawn.ax.tick_params(labelsize=SIZE - 1, pad=2)
        drawn.set_label(fitted_text(bar.caption, width), fontproperties=font(), labelpad=1)

    def wheel(self, caption: str, left: int, top: int, width: int) -> None:
        """Draw the wheel of directions with its caption beside it."""
        axes = self._axes(left, top, WHEEL, WHEEL)
        axes.imshow(offset_wheel(2 * WHEEL), aspect="auto")
        axes.axis("off")
        room, beside = width - WHEEL - GAP, left + WHEEL + GAP
        self.text(beside, top + WHEEL // 2 - LINE, "colour: direction, centre: 0", room)
        self.text(beside, top + WHEEL // 2, caption, room)

    def swatches(self, key: Key, left: int, top: int, width: int) -> None:
        """Draw the named colours of a key in columns, from top to bottom; see `swatch_height`."""
        from matplotlib.patches import Rectangle

        lines = _swatch_lines(key, width)
        for index, (name, color) in enumerate(key.swatches):
            x = left + index // lines * _swatch_width(key)
            y = top + index % lines * _SWATCH_LINE
            corner = x / self.width, 1 - (y + _SWATCH[1]) / self.height
            size = _SWATCH[0] / self.width, _SWATCH[1] / self.height
            face = np.divide(color, 255).tolist()
            self.figure.add_artist(Rectangle(corner, *size, facecolor=face, edgecolor="0.4"))
            beside = _SWATCH[0] + GAP
            self.text(x + beside, y, name, min(_LONGEST_NAME, width - beside))

    def _axes(self, left: int, top: int, width: int, height: int) -> Axes:
        place = (left, self.height - top - height, width, height)
        whole = (self.width, self.height, self.width, self.height)
        x, y, w, h = (part / size for part, size in zip(place, whole, strict=True))
        return self.figure.add_axes((x, y, w, h))


def key_height(key: Key, width: int) -> int:
    """Return the height of bar, wheel and swatches of a key in a width, in pixels."""
    parts = (BAR if key.bar else 0), (WHEEL + GAP if key.wheel else 0)
    swatches = _swatch_lines(key, width) * _SWATCH_LINE
    return sum(parts) + swatches


def _swatch_width(key: Key) -> int:
    """Return the width of a column of swatches with the gap beside it."""
    widths = (min(text_width(name), _LONGEST_NAME) for name, _ in key.swatches)
    return _SWATCH[0] + GAP + max(widths, default=0) + 2 * GAP


def _swatch_lines(key: Key, width: int) -> int:
    """Return the number of lines of swatches, 0 without any."""
    # The last column needs no gap.
    columns = max(1, (width + 2 * GAP) // _swatch_width(key))
    return math.ceil(len(key.swatches) / columns)
