"""Cutting out the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.registry import TRANSFORMS

from .arguments import is_number, is_size, require
from .target_transform import TargetTransform


@TRANSFORMS.register_module()
class CenterCropTargets(TargetTransform):
    """Keep the middle of image and targets.

    It may stand before `DecodeTargets`: only what is left is then decoded. mmcv's `CenterCrop`
    leaves depth and normals behind, and takes (width, height).

    Args:
        crop_size: (height, width), or one number for both, as in mmseg's `RandomCrop`. A side
            that is shorter already stays as it is.

    Raises:
        ConfigError: an argument is not what is said above.

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
            crop_size=crop_size,
        )
        super().__init__()
        self.crop_size = both

    def draw(self, results: dict) -> tuple[slice, slice]:
        """Return the rows and columns that are kept."""
        rows, columns = (
            slice(max(side - kept, 0) // 2, max(side - kept, 0) // 2 + kept)
            for side, kept in zip(results["img"].shape, self.crop_size, strict=False)
        )
        return rows, columns

    def apply(
        self, array: np.ndarray, drawn: tuple[slice, slice], fill: tuple, smooth: bool
    ) -> np.ndarray:
        """Return the middle, a view."""
        return array[drawn]
