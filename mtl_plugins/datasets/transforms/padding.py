"""Making samples larger without moving anything."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
from mmseg.registry import TRANSFORMS

from .arguments import MEAN_COLOUR, is_colour, is_number, is_size, require
from .target_transform import TargetTransform


@TRANSFORMS.register_module()
class PadTargets(TargetTransform):
    """Pad image and targets at the right and bottom, every target with its own invalid value.

    A side that is long enough already stays as it is. Batches need no padding here: the
    preprocessor pads smaller samples to the largest. mmcv's `Pad` leaves depth and normals behind.

    Args:
        size: (height, width) of at least so many pixels.
        size_divisor: instead of `size`, sides become multiples of this number.
        fill: colour (blue, green, red) of new area in the image; default: the mean colour.

    Raises:
        ConfigError: an argument is not what is said above.

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
            size=size,
            size_divisor=size_divisor,
            fill=fill,
        )
        super().__init__(fill)
        self.size = size
        self.size_divisor = size_divisor

    def draw(self, results: dict) -> tuple[int, int] | None:
        """Return how many rows and columns are to be added."""
        shape = results["img"].shape[:2]
        if self.size is None:
            wanted: Sequence[int] = [
                ceil(side / self.size_divisor) * self.size_divisor for side in shape
            ]
        else:
            wanted = self.size
        rows, columns = (max(w - s, 0) for w, s in zip(wanted, shape, strict=True))
        return (rows, columns) if rows or columns else None

    def apply(
        self, array: np.ndarray, drawn: tuple[int, int], fill: tuple, smooth: bool
    ) -> np.ndarray:
        """Return the array with so many more rows and columns."""
        return cv2.copyMakeBorder(array, 0, drawn[0], 0, drawn[1], cv2.BORDER_CONSTANT, value=fill)
