"""Four samples in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from ...targets import DENSE_TARGETS
from .arguments import MEAN_COLOUR, is_colour, is_number, is_range, is_size, require
from .target_transform import targets_of

Window = tuple[slice, slice]


@TRANSFORMS.register_module()
class MosaicTargets(BaseTransform):
    """Put windows of four samples together, every target with its image.

    The sample is joined by three others of its data set, drawn at random and put through the
    transforms that stand before this one. Each fills a quarter with a window of itself, cut at
    random and never resized, so that depth stays in metres. What a sample is too small for, or a
    target that it lacks, is new area. All of it is drawn from the sample's own random state, and a
    bad sample among the four counts as a bad sample (`on_bad_sample`).

    mmseg's `RandomMosaic` resizes without rescaling depth, fills depth with 255 m, knows targets of
    one channel only, and needs `MultiImageMixDataset`, whose draws no seed of a sample reaches.

    Args:
        size: (height, width) of the mosaic; default: that of the sample itself.
        center_range: (smallest, largest) share of the height, and of the width, at which the four
            meet, 0 to 1.
        prob: probability of a mosaic, 0 to 1; otherwise the sample stays as it is, in its size.
        fill: colour (blue, green, red) of new area in the image; default: the mean colour.

    Raises:
        ConfigError: an argument is not what is said above; or, while transforming, the pipeline is
            not that of a data set of this package, or holds this transform within another one.

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
            size=size,
            center_range=center_range,
            prob=prob,
            fill=fill,
        )
        self.size = size
        self.center_range = center_range[0], center_range[1]
        self.prob = prob
        self.fill = tuple(fill)

    def transform(self, results: dict) -> dict:
        """Replace image and targets by those of the mosaic."""
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
        targets = [t for t in DENSE_TARGETS.values() if any(t.array in names for names in fields)]
        images = [sample["img"] for sample in samples]
        changed = dict(
            img=_joined(images, parts, size, self.fill),
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
        """Return a random sample of the same data set, as it would be here."""
        transforms = getattr(results.get("dataset"), "pipeline", None)
        before = []
        for transform in getattr(transforms, "transforms", []):
            if transform is self:
                break
            before.append(transform)
        else:
            raise ConfigError(
                "MosaicTargets has no data set to draw other samples from. Put it directly into "
                "the pipeline of one of mtl_plugins' data sets, not into RandomApply or the like: "
                "it has a prob of its own."
            )
        dataset = results["dataset"]
        sample = dataset.get_data_info(np.random.randint(len(dataset)))
        for transform in before:
            sample = transform(sample)
        return sample

    def _quarters(self, size: tuple[int, int]) -> list[Window]:
        """Return the four places around a random centre."""
        row, column = (round(side * np.random.uniform(*self.center_range)) for side in size)
        return [
            (rows, columns)
            for rows in (slice(0, row), slice(row, size[0]))
            for columns in (slice(0, column), slice(column, size[1]))
        ]


def _placed(place: Window, shape: tuple[int, int]) -> tuple[Window, Window]:
    """Return a random window of a sample, no larger than its place, and where it goes."""
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
    """Return the windows of the arrays at their places, and `fill` everywhere else."""
    like = next(array for array in arrays if array is not None)
    joined = np.full((*size, *like.shape[2:]), fill, like.dtype)
    for array, (source, goal) in zip(arrays, parts, strict=True):
        if array is not None:
            joined[goal] = array[source]
    return joined
