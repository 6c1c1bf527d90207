"""Mosaic: four samples in one."""

from collections.abc import Sequence

import numpy as np
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from ...targets import PREDEFINED
from .loading import SourceTransform
from .target_transform import (
    MEAN_COLOUR,
    full_fill,
    is_colour,
    is_number,
    is_range,
    is_size,
    require,
    targets_of,
)

Window = tuple[slice, slice]


@TRANSFORMS.register_module()
class MosaicTargets(SourceTransform):
    """Combine windows of four samples into one, with all their targets.

    The sample is joined by three random ones of its data set, which pass the transforms before
    this one. Each fills a quarter with a random window, never resized, so that depth stays in
    metres. If a sample is too small or lacks a target, the rest is new area. All draws use the
    sample's own random state, and one bad sample makes the mosaic bad (`on_bad_sample`).

    mmseg's `RandomMosaic` resizes without rescaling depth, fills depth with 255 m, handles only
    targets of one channel, and needs `MultiImageMixDataset`, whose draws a sample's seed does not
    control.

    Args:
        size: (height, width) of the mosaic; default: the size of the sample itself.
        center_range: (smallest, largest) position of the point where the four meet, as a share of
            height and width, 0 to 1.
        prob: probability of a mosaic, 0 to 1; otherwise the sample stays unchanged.
        fill: colour (blue, green, red) of new area in the image; default: the mean colour.

    Raises:
        ConfigError: an argument has another form; or, while transforming, the pipeline does not
            belong to a data set of this package, or contains this transform within another one.

    Shapes: image H,W,3 uint8; targets H,W or H,W,C, listed in `seg_fields`.
    """

    def __init__(
        self,
        size: Sequence[int] | None = None,
        center_range: Sequence[float] = (0.25, 0.75),
        prob: float = 0.5,
        fill: Sequence[float] = MEAN_COLOUR,
    ) -> None:
        shares = is_range(center_range, 0, 1) and is_number(prob, 0, 1)
        require(
            shares and (size is None or is_size(size)) and is_colour(fill),
            "MosaicTargets",
            "size (height, width) in pixels or None; center_range (smallest, largest) of 0 to 1; "
            "prob of 0 to 1; fill of three intensities of 0 to 255 (blue, green, red)",
            dict(size=size, center_range=center_range, prob=prob, fill=fill),
        )
        self.size = size
        self.center_range = center_range[0], center_range[1]
        self.prob = prob
        self.fill = tuple(fill)

    def transform(self, results: dict) -> dict:
        targets_of(results, self)
        if np.random.random() >= self.prob:
            return results
        samples = [results, *(self._another_sample(results) for _ in range(3))]
        size = tuple(self.size or results["img"].shape[:2])
        parts = [
            _placed(place, sample["img"].shape[:2])
            for place, sample in zip(self._quarters(size), samples, strict=True)
        ]
        fields = [sample["seg_fields"] for sample in samples]
        targets = [
            target
            for target in results.get("targets", PREDEFINED.values())
            if any(target.array in names for names in fields)
        ]
        images = [sample["img"] for sample in samples]
        changed = dict(
            img=_joined(images, parts, size, full_fill(self.fill, images[0].shape[2])),
            seg_fields=[target.array for target in targets],
            img_shape=size,
            ori_shape=size,
        )
        for target in targets:
            arrays = [sample.get(target.array) for sample in samples]
            changed[target.array] = _joined(arrays, parts, size, target.invalid)
        results.update(changed)
        return results

    def _another_sample(self, results: dict) -> dict:
        """Return a random sample of the same data set after the transforms before this one."""
        pipeline = getattr(self.source, "pipeline", None)
        transforms = getattr(pipeline, "transforms", [])
        if self not in transforms:
            raise ConfigError(
                "MosaicTargets has no data set to draw other samples from. Put it directly into "
                "the pipeline of one of mtl_plugins' data sets, not into RandomApply or the like: "
                "it has a prob of its own."
            )
        dataset = self.source
        sample = dataset.get_data_info(np.random.randint(len(dataset)))
        for transform in transforms[: transforms.index(self)]:
            sample = transform(sample)
        return sample

    def _quarters(self, size: tuple[int, int]) -> list[Window]:
        """Draw the centre, and return the windows of the four quarters."""
        row, column = (round(side * np.random.uniform(*self.center_range)) for side in size)
        return [
            (rows, columns)
            for rows in (slice(0, row), slice(row, size[0]))
            for columns in (slice(0, column), slice(column, size[1]))
        ]


def _placed(place: Window, shape: tuple[int, int]) -> tuple[Window, Window]:
    """Draw a window of a sample that fits into a place; return it and its window in the mosaic."""
    source, goal = [], []
    for free, side in zip(place, shape, strict=True):
        length = min(free.stop - free.start, side)
        start = np.random.randint(side - length + 1)
        source.append(slice(start, start + length))
        goal.append(slice(free.start, free.start + length))
    return (source[0], source[1]), (goal[0], goal[1])


def _joined(
    arrays: list[np.ndarray | None],
    parts: list[tuple[Window, Window]],
    size: tuple[int, int],
    fill: float | tuple,
) -> np.ndarray:
    """Copy the windows of the arrays to their places, and fill the rest with `fill`."""
    found = [array for array in arrays if array is not None]
    # Images of 8 and of 16 bits may be joined.
    joined = np.full((*size, *found[0].shape[2:]), fill, np.result_type(*found))
    for array, (source, goal) in zip(arrays, parts, strict=True):
        if array is not None:
            joined[goal] = array[source]
    return joined
