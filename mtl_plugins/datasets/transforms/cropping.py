"""Transforms that change the area: centre crop, padding, cut-out."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import cv2
import numpy as np
from mmseg.registry import TRANSFORMS

from .target_transform import (
    MEAN_COLOUR,
    TargetTransform,
    is_colour,
    is_number,
    is_range,
    is_size,
    require,
)


@TRANSFORMS.register_module()
class CenterCropTargets(TargetTransform):
    """Crop the centre of image and targets.

    It may come before `DecodeTargets`, so that only the crop is decoded. mmcv's `CenterCrop`
    ignores depth and normals, and takes (width, height).

    Args:
        crop_size: (height, width), or one number for both, as in mmseg's `RandomCrop`. A shorter
            side stays unchanged.

    >>> sample = dict(img=np.zeros((5, 8, 3), np.uint8), seg_fields=[])
    >>> CenterCropTargets((3, 10))(sample)['img'].shape
    (3, 8, 3)
    """

    before_decoding = True

    def __init__(self, crop_size: int | Sequence[int]) -> None:
        both: Any = (crop_size, crop_size) if is_number(crop_size) else crop_size
        require(
            is_size(both),
            "CenterCropTargets",
            "a size (height, width) in pixels, or one number for both",
            dict(crop_size=crop_size),
        )
        super().__init__()
        self.crop_size = both

    def draw(self, results: dict) -> tuple[slice, slice]:
        rows, columns = (
            slice(max(side - kept, 0) // 2, max(side - kept, 0) // 2 + kept)
            for side, kept in zip(results["img"].shape, self.crop_size, strict=False)
        )
        return rows, columns

    def apply(
        self, array: np.ndarray, drawn: tuple[slice, slice], fill: tuple, smooth: bool
    ) -> np.ndarray:
        return array[drawn]


@TRANSFORMS.register_module()
class PadTargets(TargetTransform):
    """Pad image and targets at the right and bottom, each target with its invalid value.

    A side that is long enough stays unchanged. Batches need no padding here: the preprocessor pads
    smaller samples to the largest. mmcv's `Pad` ignores depth and normals.

    Args:
        size: smallest (height, width) in pixels.
        size_divisor: instead of `size`, make the sides multiples of this number.

    >>> sample = dict(img=np.zeros((5, 8, 3), np.uint8), seg_fields=[])
    >>> PadTargets(size=(6, 4))(dict(sample))['img'].shape
    (6, 8, 3)
    >>> PadTargets(size_divisor=4)(dict(sample))['img'].shape
    (8, 8, 3)
    """

    def __init__(
        self,
        size: Sequence[int] | None = None,
        size_divisor: int | None = None,
        fill: Sequence[float] = MEAN_COLOUR,
    ) -> None:
        whole = isinstance(size_divisor, int) and is_number(size_divisor, 1)
        one = is_size(size) if size_divisor is None else size is None and whole
        require(
            one and is_colour(fill),
            "PadTargets",
            "either size=(height, width) or a size_divisor of 1 or more; fill of three intensities "
            "of 0 to 255 (blue, green, red)",
            dict(size=size, size_divisor=size_divisor, fill=fill),
        )
        super().__init__(fill)
        self.size = size
        self.size_divisor = size_divisor

    def draw(self, results: dict) -> tuple[int, int] | None:
        """Return the numbers of rows and columns to add; None: nothing to add."""
        shape = results["img"].shape[:2]
        step = self.size_divisor
        wanted = [ceil(side / step) * step for side in shape] if self.size is None else self.size
        rows, columns = (max(w - s, 0) for w, s in zip(wanted, shape, strict=True))
        return (rows, columns) if rows or columns else None

    def apply(
        self, array: np.ndarray, drawn: tuple[int, int], fill: tuple, smooth: bool
    ) -> np.ndarray:
        return cv2.copyMakeBorder(array, 0, drawn[0], 0, drawn[1], cv2.BORDER_CONSTANT, value=fill)


@TRANSFORMS.register_module()
class CutOutTargets(TargetTransform):
    """Cut holes into image and targets (https://arxiv.org/abs/1708.04552).

    Every target is invalid within a hole. mmseg's `RandomCutOut` keeps targets by default, or fills
    depth with the fill value of labels, and takes (width, height).

    Args:
        size: (height, width) of a hole in pixels. Its centre is anywhere in the image, so that
            holes at the border are smaller.
        n_holes: number of holes, or (fewest, most).
        min_size: smallest (height, width): each side is drawn between `min_size` and `size`;
            default: `size`.
        prob: probability of cutting holes, 0 to 1.
    """

    def __init__(
        self,
        size: Sequence[int],
        n_holes: int | Sequence[int] = 1,
        min_size: Sequence[int] | None = None,
        prob: float = 0.5,
        fill: Sequence[float] = MEAN_COLOUR,
    ) -> None:
        holes: Any = (n_holes, n_holes) if is_number(n_holes) else n_holes
        least = size if min_size is None else min_size
        sizes = is_size(size) and is_size(least) and least[0] <= size[0] and least[1] <= size[1]
        counts = is_range(holes, 1) and all(isinstance(n, int) for n in holes)
        require(
            sizes and counts and is_number(prob, 0, 1) and is_colour(fill),
            "CutOutTargets",
            "size and min_size (height, width) in pixels, min_size not above size; n_holes of 1 or "
            "more, or (fewest, most); prob of 0 to 1; fill of three intensities of 0 to 255 (blue, "
            "green, red)",
            dict(size=size, n_holes=n_holes, min_size=min_size, prob=prob, fill=fill),
        )
        super().__init__(fill)
        self.sizes = tuple(least), tuple(size)
        self.n_holes: tuple[int, int] = tuple(holes)
        self.prob = prob

    def draw(self, results: dict) -> list[tuple[slice, ...]] | None:
        if np.random.random() >= self.prob:
            return None
        spans = [*zip(results["img"].shape, *self.sizes, strict=False)]
        count = np.random.randint(self.n_holes[0], self.n_holes[1] + 1)
        return [tuple(_draw_span(*each) for each in spans) for _ in range(count)]

    def apply(
        self, array: np.ndarray, drawn: list[tuple[slice, ...]], fill: tuple, smooth: bool
    ) -> np.ndarray:
        cut = array.copy()
        for hole in drawn:
            cut[hole] = fill if array.ndim == 3 else fill[0]
        return cut


def _draw_span(side: int, least: int, most: int) -> slice:
    """Draw the rows (or columns) of a hole in an image with so many of them."""
    length = np.random.randint(least, most + 1)
    start = np.random.randint(side) - length // 2
    return slice(max(start, 0), start + length)
