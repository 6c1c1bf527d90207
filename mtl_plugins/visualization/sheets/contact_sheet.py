"""One picture of some samples of a data set: a row a sample, a column a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from matplotlib.cm import ScalarMappable

from ..painting.colors import as_shares
from ..painting.figures import as_pixels, new_figure
from ..painting.painters import paint_row
from ..painting.rows import Key, Row, Style, TaskMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lengths in pixels at 100 dots an inch.
_DPI = 100
_WIDTH = 360
_TALLEST = 360
_MARGIN = 14
_LINE = 18
_SWATCHES = 3


@dataclass(frozen=True)
class SheetSample:
    """What a contact sheet shows of one sample.

    Args:
        path: its image's.
        image: h,w,3 uint8 RGB; None where it cannot be read.
        maps: its decoded targets by kind, as small as the image.
        problems: what is wrong with it.
    """

    path: str
    image: np.ndarray | None
    maps: Mapping[str, np.ndarray]
    problems: Sequence[str] = ()

    @classmethod
    def shrunk(
        cls,
        path: str,
        image: np.ndarray | None,
        maps: Mapping[str, np.ndarray],
        problems: Sequence[str] = (),
    ) -> SheetSample:
        """Return a sample that is as small as it will be drawn: H,W,3 BGR and maps in full size."""
        if image is not None:
            height, width = _drawn_size(image.shape)
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)[..., ::-1]
        small = {kind: _nearest(array, _drawn_size(array.shape)) for kind, array in maps.items()}
        return cls(path, image, small, problems)


def draw_sheet(
    samples: Sequence[SheetSample],
    kinds: Sequence[str],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    title: str = "",
    **style: Any,
) -> np.ndarray:
    """Draw image | classes | depth | ... of each sample, with its file's name, and the keys below.

    All depths share one range of colours (2nd to 98th percentile of what is shown), so that
    samples can be compared.

    Args:
        samples: at least one.
        kinds: of `DENSE_TARGETS`, a column each.
        classes, palette: names and R, G, B of the classes.
        title: heading.
        **style: further fields of `Style`: `depth_unit`, `depth_log`, ...

    Returns:
        H,W,3 uint8 RGB.
    """
    rows = {kind: _painted(kind, samples, Style(classes, palette, **style)) for kind in kinds}
    return _Sheet(samples, rows, title).draw()


def _painted(kind: str, samples: Sequence[SheetSample], style: Style) -> Row | None:
    """Return the maps of one kind of all samples, painted by one scale as a single line."""
    maps = [sample.maps[kind] for sample in samples if kind in sample.maps]
    if not maps:
        return None
    line = np.concatenate([array.reshape(1, -1, *array.shape[2:]) for array in maps], axis=1)
    return paint_row(TaskMaps(kind, truth=line), style)


class _Sheet:
    """Places pictures, captions and keys in pixels from the upper left corner."""

    def __init__(
        self, samples: Sequence[SheetSample], rows: Mapping[str, Row | None], title: str
    ) -> None:
        self.samples = samples
        self.rows = rows
        self.title = title
        self.width = (1 + len(rows)) * (_WIDTH + _MARGIN) + _MARGIN
        self.heights = [self._height(sample) for sample in samples]
        keys = max((_key_height(row.key) for row in rows.values() if row), default=0)
        self.top = _MARGIN + 3 * _LINE
        pictures = sum(height + _LINE + _MARGIN for height in self.heights)
        self.height = self.top + pictures + keys + _MARGIN
        self.figure = new_figure(self.width, self.height, _DPI)

    def draw(self) -> np.ndarray:
        self._text(_MARGIN, _MARGIN, self.title, fontsize=12, weight="bold")
        for column, row in enumerate((None, *self.rows.values())):
            heading = "image" if column == 0 else row.name if row else ""
            left = _MARGIN + column * (_WIDTH + _MARGIN)
            self._text(left, self.top - _LINE, heading, weight="bold")
        places = dict.fromkeys(self.rows, 0)
        top = self.top
        for sample, tallest in zip(self.samples, self.heights, strict=True):
            self._caption(sample, top)
            self._picture(sample.image, 0, top + _LINE)
            for column, (kind, row) in enumerate(self.rows.items(), start=1):
                array, picture = sample.maps.get(kind), None
                if array is not None and row is not None and row.truth is not None:
                    height, width = array.shape[:2]
                    start, places[kind] = places[kind], places[kind] + height * width
                    picture = row.truth[0, start : places[kind]].reshape(height, width, 3)
                self._picture(picture, column, top + _LINE)
            top += tallest + _LINE + _MARGIN
        for column, row in enumerate(self.rows.values(), start=1):
            if row is not None:
                self._key(row.key, column, top)
        return as_pixels(self.figure)

    @staticmethod
    def _height(sample: SheetSample) -> int:
        shown = [m for m in (sample.image, *sample.maps.values()) if m is not None]
        return max((m.shape[0] for m in shown), default=2 * _LINE)

    def _caption(self, sample: SheetSample, top: int) -> None:
        letters = (self.width - 2 * _MARGIN) // 7
        self._text(_MARGIN, top, _end(sample.path, letters))
        if sample.problems:
            used = min(len(sample.path), letters) * 7 + 3 * _MARGIN
            text = " ".join(sample.problems)
            room = max(0, (self.width - used) // 7)
            self._text(used, top, text[:room], color="#b00020")

    def _picture(self, picture: np.ndarray | None, column: int, top: int) -> None:
        left = _MARGIN + column * (_WIDTH + _MARGIN)
        if picture is None:
            self._text(left, top, "cannot be read", color="#b00020")
            return
        axes = self._axes(left, top, picture.shape[1], picture.shape[0])
        axes.imshow(picture, aspect="auto", interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color="0.6", linewidth=0.5)

    def _key(self, key: Key, column: int, top: int) -> None:
        left, height = _MARGIN + column * (_WIDTH + _MARGIN), _key_height(key)
        if key.swatches:
            from matplotlib.patches import Patch  # late, as all that draws

            axes = self._axes(left, top, _WIDTH, height)
            axes.axis("off")
            patches = [
                Patch(facecolor=as_shares(color), edgecolor="0.4", label=name[:15])
                for name, color in key.swatches
            ]
            axes.legend(
                handles=patches, ncols=_SWATCHES, loc="upper left", bbox_to_anchor=(0, 1),
                borderaxespad=0, borderpad=0, frameon=False, fontsize=9, handlelength=1.2,
                handleheight=0.9, columnspacing=0.8, handletextpad=0.5,
            )  # fmt: skip
        if key.bar is not None:
            below = top + height - 3 * _LINE
            axes = self._axes(left + _MARGIN, below, _WIDTH - 3 * _MARGIN, 12)
            ticks = key.bar.norm.inverse(np.linspace(0, 1, 5))
            bar = self.figure.colorbar(
                ScalarMappable(key.bar.norm, key.bar.colormap), cax=axes, orientation="horizontal",
                ticks=ticks, format="%.3g",
            )  # fmt: skip
            bar.minorticks_off()
            bar.set_label(key.bar.caption, fontsize=9, labelpad=1)
            bar.ax.tick_params(labelsize=8, pad=2)

    def _axes(self, left: int, top: int, width: int, height: int) -> Axes:
        left_end, bottom = left / self.width, 1 - (top + height) / self.height
        return self.figure.add_axes((left_end, bottom, width / self.width, height / self.height))

    def _text(self, left: int, top: int, text: str, fontsize: int = 9, **font: Any) -> None:
        position = left / self.width, 1 - top / self.height
        self.figure.text(*position, text, va="top", parse_math=False, fontsize=fontsize, **font)


def _key_height(key: Key) -> int:
    lines = -(-len(key.swatches) // _SWATCHES)
    return lines * _LINE + (3 * _LINE if key.bar else 0)


def _drawn_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width in which a picture of a shape is drawn."""
    scale = min(_WIDTH / shape[1], _TALLEST / shape[0])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an array in another size without mixing values: H,W,... -> h,w,..."""
    rows, columns = (
        ((np.arange(count) + 0.5) * length / count).astype(int)
        for count, length in zip(size, array.shape[:2], strict=True)
    )
    return array[rows[:, None], columns]


def _end(text: str, letters: int) -> str:
    return text if len(text) <= letters else "…" + text[1 - letters :]
