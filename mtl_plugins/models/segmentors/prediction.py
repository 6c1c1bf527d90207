"""From images to predictions: views -> raw maps -> bands of rows -> decoded maps.

Raw maps of every class at the images' size are by far the largest thing in a prediction, and only
their argmax is wanted. The network's own, smaller maps are kept instead; they are enlarged and
decoded a few rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from itertools import product
from math import inf
from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import ConfigError
from ..layers import enlarged_rows, resize, resized_rows, source_rows
from ..task_heads import TaskHead

Merge = Literal["mean", "max"]


@dataclass(frozen=True)
class Augmentation:
    """Predict an image in several sizes and mirrored, and merge the predictions.

    Args:
        scales: factors of the image's size; 1.0 is the image itself.
        flip: whether each size is predicted mirrored (left and right) as well.
        merge: "mean" or "max" over all views of class probabilities, metres, ...: one for all
            tasks, or a dict with one per task.

    Raises:
        ConfigError: a scale is not positive, or a merge has another name.
    """

    scales: Sequence[float] = (0.75, 1.0, 1.25)
    flip: bool = True
    merge: Merge | Mapping[str, Merge] = "mean"

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale < inf for scale in self.scales):
            raise ConfigError(f"tta: scales={self.scales}; expected numbers above 0.")
        merges = self.merge.values() if isinstance(self.merge, Mapping) else [self.merge]
        if not set(merges) <= {"mean", "max"}:
            raise ConfigError(
                f"tta: merge={self.merge!r}; expected 'mean' or 'max', or one of them per task."
            )

    def merge_of(self, task: str) -> Merge:
        return self.merge.get(task, "mean") if isinstance(self.merge, Mapping) else self.merge

    def check_tasks(self, merges: Mapping[str, Sequence[Merge]]) -> None:
        """Raise a `ConfigError` for an unknown task, or a merge that a task does not support.

        Args:
            merges: the merges that each task of the model supports.
        """
        strangers = set(self.merge) - set(merges) if isinstance(self.merge, Mapping) else set()
        if strangers:
            raise ConfigError(
                f"tta: merge names {sorted(strangers)}; the model's tasks are {list(merges)}."
            )
        for task, possible in merges.items():
            if self.merge_of(task) not in possible:
                raise ConfigError(
                    f"tta: merge={self.merge!r}, but {task} can be merged by {possible} only. "
                    f"Write merge=dict(..., {task}={possible[0]!r})."
                )


EXTRAS: dict[str, Callable[[Tensor], Tensor]] = dict(
    probability=lambda merged: merged,
    confidence=lambda merged: (
        torch.maximum(merged, 1 - merged) if merged.shape[1] == 1 else merged.amax(1, keepdim=True)
    ),
)
"""What a sample may hold besides predictions, by what it computes from probabilities N,C,H,W:
`probability` of each class, or of 1 (C maps), and `confidence`, that of the most probable class."""


@dataclass(frozen=True)
class InferenceConfig:
    """Hold the checked `test_cfg` of a model.

    Args:
        mode: "whole" images, or "slide" for windows whose overlap is averaged.
        crop_size, stride: (H, W) of the windows and of the steps between them, in pixels.
        tta: None, or the arguments of `Augmentation`.
        keep_raw: also store logits and raw depth on every sample (large).
        extras: which of `EXTRAS` are stored too, of every task that has them.

    Raises:
        ConfigError: an unknown argument, a sliding mode without windows, or raw maps of several
            views.
    """

    mode: Literal["whole", "slide"] = "whole"
    crop_size: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    tta: Augmentation | None = None
    keep_raw: bool = False
    extras: Sequence[str] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> InferenceConfig:
        """Return the checked form of a config's `test_cfg`."""
        given = _known(dict(config or {}), cls, "test_cfg")
        if given.get("tta") is not None:
            given["tta"] = Augmentation(**_known(dict(given["tta"]), Augmentation, "test_cfg.tta"))
        return cls(**given)

    def within(self, largest: tuple[int, int] | None) -> InferenceConfig:
        """Return it with windows of at most this size (H, W); None: of any size.

        Whole images that are larger are seen in windows, two thirds of a window apart.

        Raises:
            ConfigError: its own windows are larger.
        """
        if largest is None:
            return self
        if self.mode == "whole":
            steps = (largest[0] * 2 // 3, largest[1] * 2 // 3)
            return replace(self, mode="slide", crop_size=largest, stride=steps)
        crop = self.crop_size or largest
        if crop[0] > largest[0] or crop[1] > largest[1]:
            raise ConfigError(
                f"MultiTaskSegmentor: test_cfg crop_size={tuple(crop)}, but the backbone is built "
                f"for images of {largest}. Set crop_size to at most that, or the backbone's "
                "img_size."
            )
        return self

    def __post_init__(self) -> None:
        if self.mode not in ("whole", "slide"):
            raise ConfigError(
                f"MultiTaskSegmentor: test_cfg mode={self.mode!r}; choose 'whole' or 'slide'."
            )
        for name in ("crop_size", "stride"):
            pair = getattr(self, name)
            if self.mode == "slide" and (pair is None or len(pair) != 2 or min(pair) < 1):
                raise ConfigError(
                    f"MultiTaskSegmentor: test_cfg mode='slide' needs crop_size=(H, W) and "
                    f"stride=(H, W) in pixels; {name} is {pair}."
                )
        stride, crop_size = tuple(self.stride or ()), tuple(self.crop_size or ())
        if self.mode == "slide" and any(s > c for s, c in zip(stride, crop_size, strict=True)):
            raise ConfigError(
                f"MultiTaskSegmentor: test_cfg stride={stride} is larger than "
                f"crop_size={crop_size}: the windows would leave gaps."
            )
        for name in [self.extras] if isinstance(self.extras, str) else self.extras:
            if name not in EXTRAS:
                raise ConfigError(
                    f"MultiTaskSegmentor: test_cfg extras={self.extras!r}; expected a list of "
                    f"{[*EXTRAS]}."
                )
        if self.keep_raw and self.tta is not None:
            raise ConfigError(
                "MultiTaskSegmentor: test_cfg keep_raw=True has no meaning with tta, which merges "
                "probabilities and metres, not raw maps. Leave one of them out."
            )


def _known(given: dict[str, Any], kind: type, name: str) -> dict[str, Any]:
    """Return the arguments; raise for those that the dataclass does not have."""
    accepted = [field.name for field in fields(kind)]
    unknown = sorted(set(given) - set(accepted))
    if unknown:
        raise ConfigError(
            f"MultiTaskSegmentor: {name} has no {unknown}; it takes {', '.join(accepted)}."
        )
    return given


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
        raw = resized_rows(piece, held, height, rows, size)
        return head.rescale(raw, (size[1] / self.size[1], size[0] / self.size[0]))

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
    views: Sequence[View],
    task: str,
    head: TaskHead,
    size: tuple[int, int],
    merge: Merge,
    extras: Sequence[str] = (),
) -> dict[str, Tensor]:
    """Return a task's `prediction` from all views, (N, C, *size) in the task's unit, and `extras`.

    A single view gives exactly `head.decode` of its whole raw map. Several are merged by the mean
    or maximum of `head.mergeable`. A task without probabilities has no extras.
    """
    extras = extras if head.merges_probabilities else ()
    first = views[0].windows[0].maps[task]
    values = first.shape[0] * first.shape[1] * size[1]
    step = max(1, BAND_VALUES.get(first.device.type, BAND_VALUES["cpu"]) // values)
    if not head.decode_is_local:
        step = size[0]
    results: dict[str, Tensor] = {}
    for start in range(0, size[0], step):
        rows = range(start, min(start + step, size[0]))
        # A generator, so that two views are held at a time.
        bands = (view.rows(task, head, rows, size) for view in views)
        if len(views) == 1:
            raw = next(bands)
            found = {"prediction": head.decode(raw)}
            merged = head.mergeable(raw) if extras else raw
        else:
            join = torch.add if merge == "mean" else torch.maximum
            merged = reduce(join, map(head.mergeable, bands))
            merged = merged / len(views) if merge == "mean" else merged
            found = {"prediction": head.merged(merged)}
        for name, band in (found | {name: EXTRAS[name](merged) for name in extras}).items():
            if name not in results:
                results[name] = band.new_empty(*band.shape[:2], *size)
            results[name][:, :, rows.start : rows.stop] = band
    return results
