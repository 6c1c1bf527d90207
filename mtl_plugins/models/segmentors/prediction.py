"""From images to finished predictions, with the large maps never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor

from ..layers import resize
from ..task_heads import TaskHead
from .inference_config import InferenceConfig, Merge
from .view import View, Window

BAND_VALUES = {"cpu": 2**21, "cuda": 2**25}
"""Raw values that are in full size at a time: on a CPU what its cache holds, on a GPU enough to
keep it busy."""

Network = Callable[[Tensor], tuple[Mapping[str, Tensor], Mapping[str, int]]]
"""From images N,3,H,W to each task's raw map and the pixels that one of its values stands for."""


def views_of(
    network: Network, images: Tensor, config: InferenceConfig, flipped: Sequence[str] = ()
) -> list[View]:
    """Run a network on images of one size, in every way that the config says.

    Args:
        images: N,3,H,W, normalised.
        flipped: directions in which the images come flipped, to be undone as well.
    """
    height, width = images.shape[2:]
    scales = (1.0,) if config.tta is None else config.tta.scales
    flips = ((), ("horizontal",)) if config.tta is not None and config.tta.flip else ((),)
    views = []
    for scale in scales:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        scaled = resize(images, size)
        for flip in flips:
            seen = scaled.flip(-1) if flip else scaled
            views.append(View(size, [*_windows(network, seen, config)], (*flipped, *flip)))
    return views


def _windows(network: Network, images: Tensor, config: InferenceConfig) -> Iterator[Window]:
    """Yield the network's maps of the whole images or of each window."""
    size = crop = stride = tuple(images.shape[2:])
    if config.mode == "slide" and config.crop_size and config.stride:
        crop, stride = config.crop_size, config.stride
    (tops, height), (lefts, width) = (
        _starts(side, c, s) for side, c, s in zip(size, crop, stride, strict=True)
    )
    for top in tops:
        for left in lefts:
            part = images[:, :, top : top + height, left : left + width]
            yield Window(top, left, height, width, *network(part))


def _starts(side: int, crop: int, stride: int) -> tuple[list[int], int]:
    """Return where windows begin along a side, the last one at its end, and their length.

    >>> _starts(10, 4, 3), _starts(3, 4, 3)
    (([0, 3, 6], 4), ([0], 3))
    """
    crop = min(crop, side)
    return [min(start, side - crop) for start in range(0, side - crop + stride, stride)], crop


def raw_map(views: Sequence[View], task: str, head: TaskHead, size: tuple[int, int]) -> Tensor:
    """Return the whole raw map N,C,*size of the only view."""
    (view,) = views
    return view.rows(task, range(size[0]), size, head.unflip)


def decoded(
    views: Sequence[View], task: str, head: TaskHead, size: tuple[int, int], merge: Merge
) -> Tensor:
    """Return what all views together say of a task, N,C,*size in the task's unit.

    One view gives exactly `head.decode` of its whole raw map; several are merged by the mean or
    maximum of `head.mergeable`.
    """
    first = views[0].windows[0].maps[task]
    values = first.shape[0] * first.shape[1] * size[1]
    step = max(1, BAND_VALUES.get(first.device.type, BAND_VALUES["cpu"]) // values)
    result: Tensor | None = None
    for start in range(0, size[0], step):
        rows = range(start, min(start + step, size[0]))
        bands = (view.rows(task, rows, size, head.unflip) for view in views)
        if len(views) == 1:
            band = head.decode(next(bands))
        else:
            band = head.merged(_merge(map(head.mergeable, bands), merge, len(views)))
        if result is None:
            result = band.new_empty(*band.shape[:2], *size)
        result[:, :, rows.start : rows.stop] = band
    assert result is not None, "an image has rows"
    return result


def _merge(bands: Iterator[Tensor], merge: Merge, count: int) -> Tensor:
    """Return the mean or maximum of several maps, two of which are held at a time."""
    if merge == "mean":
        return reduce(torch.add, bands) / count
    return reduce(torch.maximum, bands)
