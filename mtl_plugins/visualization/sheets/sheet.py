"""A picture whose parts are placed by hand, in pixels from the upper left corner."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm

from ..painting.colors import as_shares
from ..painting.figures import as_pixels, new_figure
from ..painting.rows import Bar, Key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lengths in pixels. Text of 9 points is 12.5 pixels high at 100 dots an inch, and 7 wide.
MARGIN = 16
CAPTION = 40
TITLE = 26
BAR = 50
FONT = 9
_DPI = 100
_LETTER = 7
_SWATCH_LINE = 20
_SWATCH_EDGE = 40
_LONGEST_NAME = 24


class Sheet:
    """An empty picture, onto which captioned pictures and their keys are put.

    Args:
        width, height: size in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.figure = new_figure(width, height, _DPI)

    def to_array(self) -> np.ndarray:
        """Return the sheet, H,W,3 uint8 RGB."""
        return as_pixels(self.figure)

    def title(self, text: str) -> None:
        """Put a heading at the top; it takes `TITLE` pixels below the margin."""
        self.text(MARGIN, MARGIN, text, size=FONT + 3, weight="bold")

    def picture(
        self,
        picture: np.ndarray | None,
        left: int,
        top: int,
        size: tuple[int, int],
        caption: tuple[str, str],
        interpolation: str = "nearest",
    ) -> None:
        """Put a picture of `size` (width, height) below its caption of two lines.

        Colours mostly stand for values: a mixture of two would stand for a third.
        """
        self.text(left, top, caption[0], weight="bold")
        self.text(left, top + 18, caption[1] if picture is not None else "not given")
        if picture is None:
            return
        axes = self._axes(left, top + CAPTION, *size)
        axes.imshow(picture, aspect="auto", interpolation=interpolation)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color="0.6", linewidth=0.5)

    def bar(self, bar: Bar, left: int, top: int, width: int) -> None:
        """Put a colour bar; it takes `BAR` pixels."""
        # Shorter than the pictures: the label of its last tick may not touch the next bar's.
        axes = self._axes(left, top, width - 2 * MARGIN, 12)
        # Matplotlib's ticks of a logarithm are powers of ten, often a single one.
        log = isinstance(bar.norm, LogNorm)
        drawn = self.figure.colorbar(
            ScalarMappable(bar.norm, bar.colormap),
            cax=axes,
            orientation="horizontal",
            ticks=bar.norm.inverse(np.linspace(0, 1, 6)) if log else None,
            format="%.3g" if log else None,
        )
        drawn.minorticks_off()
        drawn.set_label(bar.caption, fontsize=FONT, labelpad=1)
        drawn.ax.tick_params(labelsize=FONT - 1, pad=2)

    def swatches(self, key: Key, left: int, top: int, width: int) -> None:
        """Put the named colours of a key; they take `swatch_height` pixels."""
        if not key.swatches:
            return
        from matplotlib.patches import Patch  # late, as all that draws

        axes = self._axes(left, top, width, swatch_height(key, width))
        axes.axis("off")
        patches = [
            Patch(facecolor=as_shares(color), edgecolor="0.4", label=_shorten(name))
            for name, color in key.swatches
        ]
        axes.legend(
            handles=patches,
            ncols=_swatch_columns(key, width),
            loc="upper left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0,
            borderpad=0,
            frameon=False,
            fontsize=FONT,
            handlelength=1.4,
            handleheight=0.9,
            columnspacing=1.2,
        )

    def text(self, left: int, top: int, text: str, size: int = FONT, **font: Any) -> None:
        """Put a line of text."""
        position = left / self.width, 1 - top / self.height
        self.figure.text(*position, text, va="top", parse_math=False, fontsize=size, **font)

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


def swatch_height(key: Key, width: int) -> int:
    """Return how many pixels the swatches of a key need below each other."""
    return math.ceil(len(key.swatches) / _swatch_columns(key, width)) * _SWATCH_LINE


def _swatch_columns(key: Key, width: int) -> int:
    longest = max((len(_shorten(name)) for name, _ in key.swatches), default=0)
    return max(1, width // (longest * _LETTER + _SWATCH_EDGE))


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
