"""What a network predicted of images that it saw in one way, before it is made large."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..layers import enlarged_rows, resized_rows, source_rows

Unflip = Callable[[Tensor, str], Tensor]
"""From the raw map of a flipped image and the direction to that of the image, see `TaskHead`."""


@dataclass(frozen=True)
class Window:
    """The raw maps of one part of the images, at the resolution of the network.

    Args:
        top, left, height, width: the part, in pixels of the view.
        maps: (N, C, h, w) of each task; h and w cover `height` and `width` and the padding to
            whole strides.
        factors: pixels a value of each task's map.
    """

    top: int
    left: int
    height: int
    width: int
    maps: Mapping[str, Tensor]
    factors: Mapping[str, int]

    def rows(self, task: str, rows: range) -> Tensor:
        """Return some rows of this part, counted from its top, in full size."""
        return enlarged_rows(self.maps[task], self.factors[task], rows)[..., : self.width]


@dataclass(frozen=True)
class View:
    """N images of one size, scaled and flipped in one way, covered by windows.

    Full-size raw maps of every class are by far the largest thing in a prediction, and only their
    argmax is wanted: a view gives them a few rows at a time.

    Args:
        size: height and width of the view.
        windows: where they overlap, their mean counts.
        flips: directions in which the images were flipped, to be undone from the last to the
            first.
    """

    size: tuple[int, int]
    windows: Sequence[Window]
    flips: Sequence[str] = ()

    def rows(self, task: str, rows: range, size: tuple[int, int], unflip: Unflip) -> Tensor:
        """Return some rows of a task's raw map of the images in another size, (N, C, R, W).

        Args:
            rows: which rows of the result.
            size: height and width of the whole result; the raw map is resized to it.
            unflip: turns the raw map of flipped images back.
        """
        height = self.size[0]
        held = source_rows(rows, height, size[0])
        upside_down = sum(flip != "horizontal" for flip in self.flips) % 2
        seen = range(height - held.stop, height - held.start) if upside_down else held
        piece = self._covered(task, seen)
        for flip in reversed(self.flips):
            piece = unflip(piece, flip)
        return resized_rows(piece, held, height, rows, size)

    def _covered(self, task: str, rows: range) -> Tensor:
        """Return some rows of the view, the mean of the windows that show them."""
        if len(self.windows) == 1:
            return self.windows[0].rows(task, rows).float()
        total: Tensor | None = None
        count = self.windows[0].maps[task].new_zeros(len(rows), self.size[1], dtype=torch.float32)
        for window in self.windows:
            shown = range(max(rows.start, window.top), min(rows.stop, window.top + window.height))
            if not shown:
                continue
            part = window.rows(task, range(shown.start - window.top, shown.stop - window.top))
            part = part.float()
            if total is None:
                total = part.new_zeros(*part.shape[:2], len(rows), self.size[1])
            place = (
                ...,
                slice(shown.start - rows.start, shown.stop - rows.start),
                slice(window.left, window.left + window.width),
            )
            total[place] += part
            count[place] += 1
        assert total is not None, "every row lies in a window"
        return total / count
