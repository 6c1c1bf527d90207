"""From images to predictions: views -> raw maps -> bands of rows -> decoded maps.

Raw maps of every class at the images' size are by far the largest thing in a prediction, and only
their argmax is wanted. The network's own, smaller maps are kept instead; they are enlarged and
decoded a few rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import torch
from torch import Tensor

from ..layers import enlarged_rows, resize, resized_rows, source_rows
from ..task_heads import TaskHead
from .inference_config import InferenceConfig, Merge

BAND_VALUES = {"cpu": 2**21, "cuda": 2**25}
"""Raw values that are enlarged at a time: as many as a CPU's cache holds, or enough to keep a GPU
busy."""

Network = Callable[[Tensor], tuple[Mapping[str, Tensor], Mapping[str, int]]]
"""From images N,3,H,W to each task's raw map and the stride of that map in pixels."""


def compute_views(
    network: Network, images: Tensor, config: InferenceConfig, flips: Sequence[str] = ()
) -> list[View]:
    """Run a network on images of one size, in every scale, flip and window of the config.

    Args:
        images: N,3,H,W, normalised.
        flips: directions in which the images are already flipped, to be undone as well.
    """
    tta = config.tta
    views = []
    for scale in (1.0,) if tta is None else tta.scales:
        height, width = (max(1, round(side * scale)) for side in images.shape[2:])
        scaled = resize(images, (height, width))
        crop = stride = (height, width)
        if config.mode == "slide" and config.crop_size and config.stride:
            crop, stride = config.crop_size, config.stride
        rows, columns = (_spans(*each) for each in zip((height, width), crop, stride, strict=True))
        for mirrored in (False, True) if tta is not None and tta.flip else (False,):
            seen = scaled.flip(-1) if mirrored else scaled
            windows = [
                Window(y, x, *network(seen[:, :, y.start : y.stop, x.start : x.stop]))
                for y, x in product(rows, columns)
            ]
            directions = (*flips, "horizontal") if mirrored else flips
            views.append(View((height, width), windows, directions))
    return views


def _spans(side: int, crop: int, stride: int) -> list[range]:
    """Return the pixels along a side that each window covers; the last window ends with the side.

    >>> _spans(10, 4, 3), _spans(3, 4, 3)
    ([range(0, 4), range(3, 7), range(6, 10)], [range(0, 3)])
    """
    crop = min(crop, side)
    starts = (min(start, side - crop) for start in range(0, side - crop + stride, stride))
    return [range(start, start + crop) for start in starts]


@dataclass(frozen=True)
class Window:
    """The raw maps of one part of the images, at the resolution of the network.

    Args:
        rows, columns: the part, in pixels of the view.
        maps: (N, C, h, w) of each task; they cover the part and its padding to whole strides.
        strides: pixels of the view per value of each task's map, along either side.
    """

    rows: range
    columns: range
    maps: Mapping[str, Tensor]
    strides: Mapping[str, int]


@dataclass(frozen=True)
class View:
    """Raw maps of N images of one size that were scaled and flipped in one way.

    Args:
        size: height and width of the view.
        windows: cover the view; where they overlap, their mean counts.
        flips: directions in which the images were flipped, in that order.
    """

    size: tuple[int, int]
    windows: Sequence[Window]
    flips: Sequence[str] = ()

    def rows(self, task: str, head: TaskHead, rows: range, size: tuple[int, int]) -> Tensor:
        """Return some rows of a task's raw map, unflipped and resized: (N, C, len(rows), size[1]).

        Args:
            head: undoes the flips.
            rows: rows of the result.
            size: height and width of the whole result.
        """
        height = self.size[0]
        held = source_rows(rows, height, size[0])
        upside_down = sum(flip != "horizontal" for flip in self.flips) % 2
        seen = range(height - held.stop, height - held.start) if upside_down else held
        piece = self._enlarged_rows(task, seen)
        for flip in reversed(self.flips):
            piece = head.unflip(piece, flip)
        return resized_rows(piece, held, height, rows, size)

    def _enlarged_rows(self, task: str, rows: range) -> Tensor:
        """Return some rows of the raw map at the view's size, the mean of the windows there."""
        total = count = None
        for window in self.windows:
            shown = range(max(rows.start, window.rows.start), min(rows.stop, window.rows.stop))
            if not shown:
                continue
            own = range(shown.start - window.rows.start, shown.stop - window.rows.start)
            part = enlarged_rows(window.maps[task], window.strides[task], own)
            part = part[..., : len(window.columns)].float()
            if len(self.windows) == 1:
                return part
            if total is None or count is None:
                total = part.new_zeros(*part.shape[:2], len(rows), self.size[1])
                count = total.new_zeros(total.shape[2:])
            place = (
                ...,
                slice(shown.start - rows.start, shown.stop - rows.start),
                slice(window.columns.start, window.columns.stop),
            )
            total[place] += part
            count[place] += 1
        assert total is not None and count is not None, "every row lies in a window"
        return total / count


def decode_views(
    views: Sequence[View], task: str, head: TaskHead, size: tuple[int, int], merge: Merge
) -> Tensor:
    """Return a task's prediction from all views, (N, C, *size) in the task's unit.

    A single view gives exactly `head.decode` of its whole raw map. Several are merged by the mean
    or maximum of `head.mergeable`.
    """
    first = views[0].windows[0].maps[task]
    values = first.shape[0] * first.shape[1] * size[1]
    step = max(1, BAND_VALUES.get(first.device.type, BAND_VALUES["cpu"]) // values)
    result: Tensor | None = None
    for start in range(0, size[0], step):
        rows = range(start, min(start + step, size[0]))
        # A generator, so that two views are held at a time.
        bands = (view.rows(task, head, rows, size) for view in views)
        if len(views) == 1:
            band = head.decode(next(bands))
        elif merge == "mean":
            band = head.merged(reduce(torch.add, map(head.mergeable, bands)) / len(views))
        else:
            band = head.merged(reduce(torch.maximum, map(head.mergeable, bands)))
        if result is None:
            result = band.new_empty(*band.shape[:2], *size)
        result[:, :, rows.start : rows.stop] = band
    assert result is not None, "an image has rows"
    return result
