"""One picture of several samples of a data set: a row per sample, a column per target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ..targets import Target
from .grid import Cell, draw_grid, fitted, wrapped
from .maps import TaskMaps
from .painted import Row, Style, title_of
from .painters import paint_row

LARGEST = 360
"""Pixels of the longer side of a picture."""
_COLUMNS = 6


@dataclass(frozen=True)
class SheetSample:
    """A sample of a contact sheet.

    Args:
        path: its image's.
        image: h,w,3 uint8 RGB; None where it cannot be read.
        maps: its decoded targets by name, in the size in which they are drawn.
        problems: texts drawn beside the path.
    """

    path: str
    image: np.ndarray | None
    maps: Mapping[str, np.ndarray]
    problems: Sequence[str] = ()

    @classmethod
    def shrunk(
        cls, path: str, image: np.ndarray | None, maps: Mapping, problems: Sequence[str] = ()
    ) -> SheetSample:
        """Reduce a sample to the size in which it is drawn: H,W,3 BGR and maps in full size."""
        if image is not None:
            size = fitted(image.shape, LARGEST, LARGEST)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)[..., ::-1]
        return cls(path, image, {name: _nearest(array) for name, array in maps.items()}, problems)


def draw_sheet(
    samples: Sequence[SheetSample], targets: Sequence[Target], title: str = "", **style: Any
) -> np.ndarray:
    """Draw image | classes | depth | ... of each sample below its path, and the keys at the end.

    All values of a target share one range of colours (that of the target, or else the 2nd to 98th
    percentile of what is shown), so that samples can be compared. More than six pictures of a
    sample take several rows.

    Args:
        samples: at least one.
        targets: a column each.
        title: heading.
        **style: fields of `Style`: `depth_log`, ...

    Returns:
        H,W,3 uint8 RGB.
    """
    painted = [_painted(target, samples, Style(**style)) for target in targets]
    pictures = [_split(*each, samples) for each in zip(targets, painted, strict=True)]
    names = ["image", *map(title_of, targets)]
    rows = []
    for index, sample in enumerate(samples):
        shown = [sample.image, *(each[index] for each in pictures)]
        # Titles of one row of pictures are those of all.
        titled = index == 0 or len(names) > _COLUMNS
        titles = names if titled else [""] * len(names)
        cells = [_cell(*each) for each in zip(shown, titles, strict=True)]
        rows += wrapped(cells, _COLUMNS, sample.path, " ".join(sample.problems))
    keys = [Cell(key=row.key) if row else Cell() for row in painted]
    if len(names) > _COLUMNS:
        keys = [replace(key, title=name) for key, name in zip(keys, names[1:], strict=True)]
    return draw_grid([*rows, *wrapped([Cell(), *keys], _COLUMNS)], LARGEST, title)


def _painted(target: Target, samples: Sequence[SheetSample], style: Style) -> Row | None:
    """Paint the maps of one target of all samples as one line of pixels, to share its scale."""
    maps = [sample.maps[target.name] for sample in samples if target.name in sample.maps]
    if not maps:
        return None
    line = np.concatenate([array.reshape(1, -1, *array.shape[2:]) for array in maps], axis=1)
    return paint_row(TaskMaps(target, truth=line), style)


def _split(
    target: Target, row: Row | None, samples: Sequence[SheetSample]
) -> list[np.ndarray | None]:
    """Cut the pictures of all samples out of the line that `_painted` returned."""
    pictures: list[np.ndarray | None] = []
    start = 0
    for sample in samples:
        picture = None
        if target.name in sample.maps and row is not None and row.truth is not None:
            height, width = sample.maps[target.name].shape[:2]
            end = start + height * width
            picture = row.truth[0, start:end].reshape(height, width, 3)
            start = end
        pictures.append(picture)
    return pictures


def _cell(picture: np.ndarray | None, title: str) -> Cell:
    if picture is None:
        return Cell(title=title, problem="cannot be read")
    return Cell(picture, (picture.shape[1], picture.shape[0]), title)


def _nearest(array: np.ndarray) -> np.ndarray:
    """Resize a map to the size in which it is drawn without mixing values: H,W,... to h,w,..."""
    width, height = fitted(array.shape, LARGEST, LARGEST)
    rows, columns = (
        ((np.arange(count) + 0.5) * length / count).astype(int)
        for count, length in zip((height, width), array.shape[:2], strict=True)
    )
    return array[rows[:, None], columns]
